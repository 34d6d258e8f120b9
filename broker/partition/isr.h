// What a leader makes of its voters' progress: the in-sync replicas, as it reports and enforces
// them for min.insync.replicas (decision D10), and how far acks=-1 may be answered.
//
// Pure. No safety property rests on it: Raft decides what is committed.
// 1. A voter is in sync if it reached the leader's end of some moment within the last
//    `lag_ticks_max` ticks (Kafka's last-caught-up rule, not match = last); the leader always is
//    (SAFETY C9).
// 2. Learners and replaced incarnations do not count. A leader without a quorum names itself alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "raft/core/node.h"

namespace kronika::broker {

// In assignment order; empty on a replica that does not lead.
std::vector<BrokerId> InSyncReplicas(const raft::NodeStatus& status, std::int64_t lag_ticks_max);

// The last index that max(majority, `replicas_min`) current voters have in their journals, by what
// they acknowledged in this term (SAFETY C9); 0 when there are fewer voters. Leader only.
Index ReplicatedIndex(const raft::NodeStatus& status, std::size_t replicas_min);

}  // namespace kronika::broker
