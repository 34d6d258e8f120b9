// The subcommands of kronika-sim: one file each, listed in main.cc.
#pragma once

#include <string>
#include <vector>

namespace kronika::sim {

// What `--seeds A..B`, `--seed N`, `--bug NAME` and `--log short|full` say; common to all
// subcommands.
struct SeedArguments {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
  std::string bug;
  enum class Log { kNone, kShort, kFull } log = Log::kNone;
};

// Prints what is wrong and returns false if the arguments cannot be used.
bool ParseSeedArguments(const std::vector<std::string>& arguments, SeedArguments& out);

// Exit codes: 0 nothing was found, 1 a seed found a violation, 2 the arguments cannot be used.
int RunCore(const std::vector<std::string>& arguments);
int RunCluster(const std::vector<std::string>& arguments);

}  // namespace kronika::sim
