// LeadershipView: who leads which partition and who is in sync, as this broker has heard. Soft
// state: pushed by the leaders, newest epoch wins; nothing in a log depends on it.
//
// Called on the broker's loop. Invariant: the epoch told for one partition never goes back (clients
// drop metadata whose epoch does). Source: DESIGN part 5 "leadership and ISR are spread as soft
// state"; safety rules C9 and C10.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace kronika::broker {

struct PartitionLeadership {
  BrokerId leader =
      kNoBroker;  // kNoBroker only while this broker knows a newer term without a leader
  std::int32_t leader_epoch = -1;      // of the last leader that served; -1 = never heard of
  std::vector<BrokerId> in_sync = {};  // in assignment order
};

class LeadershipView {
 public:
  virtual ~LeadershipView() = default;
  virtual PartitionLeadership Find(const Uuid& topic, std::int32_t partition) const = 0;
  // Heard by the metadata leader within the liveness limit, as that leader last said.
  virtual bool IsLive(BrokerId broker) const = 0;
  // The metadata leader; kNoBroker while unknown.
  virtual BrokerId Controller() const = 0;
};

}  // namespace kronika::broker
