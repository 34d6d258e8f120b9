// Running a subcommand's seeds: reports added up, or a planted bug hunted, one process a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "cmd/kronika_sim/subcommands.h"

namespace kronika::sim {

struct SeedReport {
  std::string violation;   // empty: none
  std::uint64_t hash = 0;  // over (time, kind, replica, payload) of every event
  std::uint64_t events = 0;
  std::map<std::string, std::uint64_t> counts;  // of faults and of what happened
};

using RunSeed = std::function<SeedReport(std::uint64_t seed, SeedArguments::Log log)>;

// Exit codes as in subcommands.h.
int RunSeeds(const std::vector<std::string>& arguments, const RunSeed& run);

}  // namespace kronika::sim
