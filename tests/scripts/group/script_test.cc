// Runs every script of cases/: lines that start with "> " are commands (group_script.h), what
// follows is what came of them. REWRITE=1 writes what comes of them now.
//
// After every command the map of the leader equals that of a replica that applied the same records.
#include <gtest/gtest.h>

#include <cctype>
#include <sstream>

#include "tests/scripts/group/group_script.h"
#include "tests/support/script_cases.h"

namespace kronika::broker {
namespace {

constexpr const char* kCases = "tests/scripts/group/cases";

std::string RunCase(const std::string& text) {
  GroupScript script;
  std::istringstream lines(text);
  std::string out, line;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') {
      // An answer begins like a comment.
      if (line.size() < 2 || !std::isdigit(static_cast<unsigned char>(line[1]))) out += line + "\n";
    } else if (line.starts_with("> ")) {
      out += line + "\n" + script.Run(line.substr(2));
      EXPECT_EQ(script.Difference(), "") << line;
    }
  }
  return out;
}

TEST(GroupScripts, SayWhatTheySaid) {
  ExpectCasesSayTheSame(kCases, RunCase);
}

}  // namespace
}  // namespace kronika::broker
