// Running a subcommand's seeds: reports added up, or a planted bug hunted, one process a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "cmd/kronika_sim/subcommands.h"

namespace kronika::sim {

inline constexpr std::uint64_t kFullRunSeeds = 100;

struct SeedReport {
  std::string violation;   // empty: none
  std::uint64_t hash = 0;  // over (time, kind, replica, payload) of every event
  std::uint64_t events = 0;
  std::map<std::string, std::uint64_t> counts;  // of faults and of what happened
  std::set<std::string> required;  // counts that a run of kFullRunSeeds has to have above 0
};

using RunSeed = std::function<SeedReport(std::uint64_t seed, SeedArguments::Log log)>;

// Exit codes as in subcommands.h.
int RunSeeds(const std::vector<std::string>& arguments, const RunSeed& run);

}  // namespace kronika::sim
