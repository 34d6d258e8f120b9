// See leader_choice.h.
#include "broker/cluster/leader_choice.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace kronika::broker {

Fitness JudgeSuccessor(const raft::NodeStatus& status, BrokerId broker,
                       const SuccessorRules& rules) {
  const auto& voters = status.membership.voters;
  const auto voter = std::ranges::find(voters, broker, &raft::ReplicaId::broker);
  if (voter == voters.end() || broker == status.self.broker || !rules.reachable(broker))
    return Fitness::kUnfit;
  if (!rules.may_lead(broker)) {
    return KRONIKA_PLANTED("unheard-of-successor-given-up") ? Fitness::kUnfit : Fitness::kLags;
  }
  const auto replica = std::ranges::find(status.replicas, *voter, &raft::ReplicaStatus::id);
  if (replica == status.replicas.end()) return Fitness::kUnfit;
  const bool level = replica->active && replica->ticks_since_caught_up <= rules.level_ticks &&
                     status.last.value - replica->match.value <= rules.entries_behind_max;
  return level || KRONIKA_PLANTED("lagging-successor") ? Fitness::kFit : Fitness::kLags;
}

Successor ChooseSuccessor(const raft::NodeStatus& status, BrokerId tried,
                          const SuccessorRules& rules) {
  Successor out;
  bool tried_is_fit = false;
  for (const raft::ReplicaId& voter : status.membership.voters) {
    const Fitness fitness = JudgeSuccessor(status, voter.broker, rules);
    out.later = out.later || fitness == Fitness::kLags;
    if (fitness != Fitness::kFit) continue;
    if (voter.broker != tried) return {.broker = voter.broker};
    tried_is_fit = true;
  }
  if (tried_is_fit) return {.broker = tried};
  return out;
}

std::vector<ReturnCandidate> PlanReturns(std::vector<ReturnCandidate> candidates,
                                         std::size_t under_way, const ReturnRules& rules,
                                         Instant now) {
  std::erase_if(candidates, [&](const ReturnCandidate& candidate) {
    return now - candidate.fit_since < rules.settle && !KRONIKA_PLANTED("returns-at-once");
  });
  std::ranges::sort(candidates, {}, [](const ReturnCandidate& candidate) {
    return std::pair(candidate.fit_since, candidate.group);
  });
  const std::size_t room = rules.at_once_max - std::min(rules.at_once_max, under_way);
  if (candidates.size() > room) candidates.resize(room);
  return candidates;
}

}  // namespace kronika::broker
