// config/kronika.yaml is what the table prints, and it loads. REWRITE=1 writes the file anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/options.h"

namespace kronika::config {
namespace {

constexpr const char* kPath = "config/kronika.yaml";

TEST(Example, TheFileIsWhatTheTableSays) {
  if (std::getenv("REWRITE")) std::ofstream(kPath) << ExampleYaml();
  std::stringstream text;
  text << std::ifstream(kPath).rdbuf();
  EXPECT_EQ(text.str(), ExampleYaml()) << "run this test with REWRITE=1";
}

TEST(Example, LoadsAsItIs) {
  Sources sources;
  sources.yaml = ExampleYaml();
  const auto options = Load(sources);
  ASSERT_TRUE(options) << options.error().Describe();
  EXPECT_EQ(options->data_dir, "/var/lib/kronika");
}

// A default that is commented out must be one that could be written there.
TEST(Example, LoadsWithEveryCommentedDefault) {
  Sources sources;
  std::istringstream lines(ExampleYaml());
  for (std::string line; std::getline(lines, line);) {
    const bool key = line.starts_with("# ") && line.find(": ") != std::string::npos;
    for (const auto& definition : OptionTable()) {
      if (key && line.substr(2).starts_with(std::string(definition.name) + ":"))
        line = line.substr(2);
    }
    sources.yaml += line + "\n";
  }
  const auto options = Load(sources);
  ASSERT_TRUE(options) << options.error().Describe() << "\n" << sources.yaml;
  EXPECT_EQ(options->disk_reserve_bytes, 1ull << 30);
}

TEST(Example, HelpNamesEveryKey) {
  const auto help = HelpText();
  for (const auto& definition : OptionTable())
    EXPECT_NE(help.find(definition.name), std::string::npos);
}

}  // namespace
}  // namespace kronika::config
