// Where the replicas of new partitions go.
//
// Pure functions; any thread. What they promise, for one topic and for any set of topics placed on
// evenly loaded brokers that are all alive:
// 1. Preferred leaders (first replicas) per broker differ by one at most.
// 2. Replicas of one partition stand in as many racks as there are, up to their number.
// 3. A broker that is not alive gets a replica only where there are fewer living brokers than
//    replicas, and never the first one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "metadata/image.h"

namespace kronika::metadata {

struct PlacementBroker {
  BrokerId id = kNoBroker;
  std::string rack;  // empty = a rack of its own
  bool live = false;
};

// What a broker has been given so far.
struct BrokerLoad {
  std::int64_t leaders = 0;
  std::int64_t replicas = 0;
};
using PlacementLoad = std::map<BrokerId, BrokerLoad>;

// The load of the topics that exist, by wish where there is one.
PlacementLoad LoadOf(const Image& image);

// Replicas by partition, the preferred leader first; `load` grows by what was placed. `factor` is
// at most the number of brokers, and at least one broker is alive.
std::vector<std::vector<BrokerId>> Place(const std::vector<PlacementBroker>& brokers,
                                         std::int32_t partitions, std::int32_t factor,
                                         PlacementLoad& load);

}  // namespace kronika::metadata
