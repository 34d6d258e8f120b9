// See isr.h.
#include "broker/partition/isr.h"

#include <algorithm>
#include <functional>

#include "base/planted.h"

namespace kronika::broker {

std::vector<BrokerId> InSyncReplicas(const raft::NodeStatus& status, std::int64_t lag_ticks_max) {
  if (status.lost_quorum) return {status.self.broker};
  if (status.role != raft::Role::kLeader) return {};
  std::vector<BrokerId> out;
  for (const raft::ReplicaId& voter : status.membership.voters) {
    const auto replica = std::ranges::find(status.replicas, voter, &raft::ReplicaStatus::id);
    const bool caught_up =
        voter == status.self ||
        (replica != status.replicas.end() && replica->ticks_since_caught_up <= lag_ticks_max) ||
        KRONIKA_PLANTED("isr-never-shrinks");
    if (caught_up) out.push_back(voter.broker);
  }
  return out;
}

Index ReplicatedIndex(const raft::NodeStatus& status, std::size_t replicas_min) {
  std::vector<Index> matches;
  for (const auto& replica : status.replicas) {
    if (!replica.voter) continue;
    matches.push_back(replica.id == status.self ? status.durable : replica.match);
  }
  const std::size_t wanted = std::max(matches.size() / 2 + 1, replicas_min);
  if (wanted > matches.size()) return Index{};
  const auto last = matches.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::ranges::nth_element(matches, last, std::greater{});
  return *last;
}

}  // namespace kronika::broker
