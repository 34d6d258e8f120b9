// See isr.h.
#include "broker/partition/isr.h"

#include <algorithm>

namespace kronika::broker {

std::vector<BrokerId> InSyncReplicas(const raft::NodeStatus& status, std::int64_t lag_ticks_max) {
  if (status.lost_quorum) return {status.self.broker};
  if (status.role != raft::Role::kLeader) return {};
  std::vector<BrokerId> out;
  for (const raft::ReplicaId& voter : status.membership.voters) {
    const auto replica = std::ranges::find(status.replicas, voter, &raft::ReplicaStatus::id);
    const bool caught_up =
        voter == status.self ||
        (replica != status.replicas.end() && replica->ticks_since_caught_up <= lag_ticks_max);
    if (caught_up) out.push_back(voter.broker);
  }
  return out;
}

}  // namespace kronika::broker
