// kronika-sim: whole clusters in one thread, from one seed; two runs of a seed are equal.
#include <cstdio>

#include "cmd/kronika_sim/subcommands.h"

namespace kronika::sim {
namespace {

struct Subcommand {
  const char* name;
  const char* help;
  int (*run)(const std::vector<std::string>&);
};

constexpr Subcommand kSubcommands[] = {
    {"core", "one Raft group of cores: network, disks and crashes, no journal or transport",
     RunCore},
    {"cluster", "three brokers with journals, stores, transport, clients and faults", RunCluster},
};

int Main(const std::vector<std::string>& arguments) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (!arguments.empty() && arguments[0] == subcommand.name) {
      return subcommand.run({arguments.begin() + 1, arguments.end()});
    }
  }
  std::puts(
      "usage: kronika-sim SUBCOMMAND --seeds A..B | --seed N [--bug NAME] [--log short|full]");
  for (const Subcommand& subcommand : kSubcommands) {
    std::printf("  %-10s%s\n", subcommand.name, subcommand.help);
  }
  return 2;
}

}  // namespace
}  // namespace kronika::sim

int main(int argc, char** argv) {
  return kronika::sim::Main({argv + 1, argv + argc});
}
