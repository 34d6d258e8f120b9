// `kronika version`: which build this is.
#include <cstdio>

#include "cmd/kronika/build_info.h"
#include "cmd/kronika/command.h"

namespace kronika::cmd {
namespace {

int PrintVersion(const Arguments&) {
  std::puts(DescribeBuild().c_str());
  return kExitOk;
}

}  // namespace

CommandList VersionCommands() {
  return {
      {.noun = "version", .help = "Print version, commit and build time", .run = &PrintVersion}};
}

}  // namespace kronika::cmd
