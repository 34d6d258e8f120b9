// One simulated producer: one value under way, repeated until it is acknowledged.
#pragma once

#include <cstdint>
#include <string>

#include "cmd/kronika_sim/cluster_world.h"

namespace kronika::sim {

struct ClusterWorld::Producer {
  std::int64_t id = 0;
  std::int32_t partition = 0;
  std::uint64_t sequence = 0;
  std::string value;
  std::uint64_t attempt = 0;
  bool settled = false;  // nothing is under way, and nothing more will be
  TimerId timer;
};

}  // namespace kronika::sim
