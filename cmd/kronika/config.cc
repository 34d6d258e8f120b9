// `kronika config`: looks at a node file without starting anything.
#include <cstdio>

#include "cmd/kronika/command.h"
#include "cmd/kronika/node_file.h"

namespace kronika::cmd {
namespace {

int Check(const Arguments& arguments) {
  const std::string_view given = arguments.Has("FILE") ? "FILE" : "--config";
  if (arguments.Has("FILE") == arguments.Has("--config")) {
    PrintError({ErrorCode::kInvalidArgument, "needs one node file: kronika config check FILE"});
    return kExitUsage;
  }
  const auto options = LoadNodeFile(arguments, given);
  if (!options) {
    PrintError(options.error());
    return kExitUsage;
  }
  std::puts("the node file is right");
  return kExitOk;
}

std::vector<Option> CheckOptions() {
  std::vector<Option> out = NodeFileOptions();
  out.front().required = false;  // --config FILE, as `start` has it
  out.insert(out.begin(), {.name = "FILE", .help = "The node file (YAML)"});
  return out;
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
       .options = CheckOptions(),
       .run = &Check},
      {.noun = "config", .verb = "keys", .help = "List the keys of the node file", .run = &Help},
      {.noun = "config", .verb = "example", .help = "Print an example node file", .run = &Example}};
}

}  // namespace kronika::cmd
