// Which build this is: version, commit, time. The one generated source of the program has the
// values, so that a new commit compiles one file.
#pragma once

#include <string>
#include <string_view>

namespace kronika::cmd {

struct BuildInfo {
  std::string_view version;
  std::string_view
      commit;             // "unknown" outside a git checkout; ends in "+" with uncommitted changes
  std::string_view time;  // UTC
};

const BuildInfo& ThisBuild();
// "kronika 0.1.0 (commit abc, built ...)".
std::string DescribeBuild();

}  // namespace kronika::cmd
