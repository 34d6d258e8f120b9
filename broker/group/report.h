// What the admin port tells of the consumer groups that this broker coordinates.
//
// Pure; on the broker's loop. A partition whose high watermark nobody has told yet counts in no
// lag.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "broker/admin/status.h"
#include "broker/cluster/watermarks.h"
#include "broker/group/coordinator.h"

namespace kronika::broker {

// A coordinator with the map that it rests on.
struct Coordinated {
  const Coordinator* coordinator = nullptr;
  const GroupMap* map = nullptr;
};

// Every partition that some group has a committed offset of, once. Offsets that were committed
// before topics had ids are of no partition.
std::vector<PartitionId> CommittedPartitions(const std::vector<Coordinated>& all);

// By name.
std::vector<admin::ConsumerGroupSummary> SummarizeGroups(const std::vector<Coordinated>& all,
                                                         const Watermarks& watermarks, Instant now);

}  // namespace kronika::broker
