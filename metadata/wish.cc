// See wish.h.
#include "metadata/wish.h"

#include <algorithm>

#include "base/planted.h"

namespace kronika::metadata {
namespace {

bool Has(const std::vector<raft::ReplicaId>& replicas, raft::ReplicaId id) {
  return std::ranges::find(replicas, id) != replicas.end();
}

bool Level(raft::ReplicaId id, const raft::NodeStatus& leader, int lag_ticks_max) {
  if (KRONIKA_PLANTED("voter-before-caught-up")) return true;
  const auto found = std::ranges::find(leader.replicas, id, &raft::ReplicaStatus::id);
  return found != leader.replicas.end() && found->active && found->match != Index{} &&
         found->ticks_since_caught_up <= lag_ticks_max;
}

}  // namespace

WishStep NextWishStep(const GroupMembers& members, const raft::NodeStatus& leader,
                      int lag_ticks_max) {
  if (!members.wish || !leader.serving) return {};
  const MembershipWish& wish = *members.wish;
  const raft::Membership& fact = leader.membership;
  if (fact.joint()) return {};
  if (fact.metadata_index >= FinalStepOf(wish.metadata_index))
    return {.propose = {}, .done = fact.metadata_index == FinalStepOf(wish.metadata_index)};

  std::vector<raft::ReplicaId> incoming;
  std::ranges::copy_if(wish.voters, std::back_inserter(incoming),
                       [&](raft::ReplicaId id) { return !Has(fact.voters, id); });
  const bool all_learn =
      std::ranges::all_of(incoming, [&](raft::ReplicaId id) { return Has(fact.learners, id); });
  if (!all_learn && fact.metadata_index < LearnerStepOf(wish.metadata_index)) {
    raft::Membership step{.voters = fact.voters,
                          .outgoing = {},
                          .learners = std::move(incoming),
                          .metadata_index = LearnerStepOf(wish.metadata_index)};
    for (raft::ReplicaId id : wish.learners) {
      if (!Has(fact.voters, id)) step.learners.push_back(id);
    }
    return {.propose = std::move(step), .done = false};
  }
  const bool all_level = std::ranges::all_of(
      incoming, [&](raft::ReplicaId id) { return Level(id, leader, lag_ticks_max); });
  if (!all_level) return {};
  raft::Membership goal = members.WishedMembership();
  goal.metadata_index = FinalStepOf(wish.metadata_index);
  return {.propose = std::move(goal), .done = false};
}

}  // namespace kronika::metadata
