// Runs every script of cases/: lines that start with "> " are commands, with "#" comments; what
// follows a command is what it said. REWRITE=1 writes what it says now; the difference is for the
// reviewer.
//
// PLANTED=name runs with that planted bug: tests/sim/planted_core.sh shows that a script finds each
// of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/planted.h"
#include "tests/scripts/raft/script_cluster.h"

namespace kronika::raft {
namespace {

constexpr const char* kCases = "tests/scripts/raft/cases";

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kCases)) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// The script with what its commands say now.
std::string Replay(const std::string& script) {
  ScriptCluster cluster;
  std::istringstream in(script);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("> ")) {
      out += line + "\n" + cluster.Run(line.substr(2));
    } else if (line.starts_with("#") || line.empty()) {
      out += line + "\n";
    }
  }
  return out;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, SaysWhatItSaid) {
  if (const char* bug = std::getenv("PLANTED")) planted::Enable(bug);
  const std::string path = std::string(kCases) + "/" + GetParam() + ".txt";
  const std::string script = ReadAll(path);
  const std::string now = Replay(script);
  if (std::getenv("REWRITE") != nullptr) {
    std::ofstream(path) << now;
    return;
  }
  EXPECT_EQ(script, now) << "REWRITE=1 writes " << path << " anew";
  EXPECT_EQ(now.find("VIOLATION"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Cases, Script, testing::ValuesIn(CaseNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace kronika::raft
