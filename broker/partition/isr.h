// The in-sync replicas of a partition, as its leader reports and enforces them for
// min.insync.replicas (decision D10).
//
// Pure. No safety property rests on it: Raft decides what is committed.
// 1. A voter is in sync if it reached the leader's end of some moment within the last
//    `lag_ticks_max` ticks (Kafka's last-caught-up rule, not match = last); the leader always is
//    (SAFETY C9).
// 2. Learners and replaced incarnations do not count. A leader without a quorum names itself alone.
#pragma once

#include <cstdint>
#include <vector>

#include "raft/core/node.h"

namespace kronika::broker {

// In assignment order; empty on a replica that does not lead.
std::vector<BrokerId> InSyncReplicas(const raft::NodeStatus& status, std::int64_t lag_ticks_max);

}  // namespace kronika::broker
