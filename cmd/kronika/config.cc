// `kronika config`: looks at a node file without starting anything.
#include <cstdio>

#include "cmd/kronika/command.h"
#include "cmd/kronika/node_file.h"

namespace kronika::cmd {
namespace {

int Check(const Arguments& arguments) {
  const auto options = LoadNodeFile(arguments);
  if (!options) {
    PrintError(options.error());
    return kExitUsage;
  }
  std::puts("the node file is right");
  return kExitOk;
}

int Help(const Arguments&) {
  std::fputs(config::HelpText().c_str(), stdout);
  return kExitOk;
}

int Example(const Arguments&) {
  std::fputs(config::ExampleYaml().c_str(), stdout);
  return kExitOk;
}

}  // namespace

CommandList ConfigCommands() {
  return {
      {.noun = "config",
       .verb = "check",
       .help = "Check a node file; exit code 2 if it is wrong",
       .options = NodeFileOptions(),
       .run = &Check},
      {.noun = "config", .verb = "keys", .help = "List the keys of the node file", .run = &Help},
      {.noun = "config", .verb = "example", .help = "Print an example node file", .run = &Example}};
}

}  // namespace kronika::cmd
