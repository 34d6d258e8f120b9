// The list of subcommands; see command.h.
#include "cmd/kronika/command.h"

namespace kronika::cmd {

CommandList AllCommands() {
  CommandList all;
  for (auto* list : {&StartCommands, &FormatCommands, &ConfigCommands, &TopicCommands,
                     &GroupCommands, &ClusterCommands, &BrokerCommands, &VerifyCommands,
                     &BenchCommands, &DumpCommands, &VersionCommands}) {
    for (auto& command : list()) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace kronika::cmd
