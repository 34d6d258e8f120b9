// Changes of the configuration by joint consensus (Raft §6), and transfer of leadership (thesis
// §3.10).
//
// A configuration takes effect when it is applied; one change at a time; a void entry changes
// nothing (SAFETY A13).
#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {

Result<Index> Node::Impl::ProposeMembership(const Membership& target, std::int64_t append_time_ms) {
  if (role != Role::kLeader) return Fail(ErrorCode::kNotLeader, "this replica does not lead");
  KRONIKA_TRY(ValidateTarget(target));
  if (target.metadata_index <= membership.metadata_index && !KRONIKA_PLANTED("void-rule-ignored")) {
    return Fail(ErrorCode::kInvalidArgument, "the wish is not newer than what is in force");
  }
  const bool waits = log.ConfigIn(log.applied(), log.last()).has_value() || membership.joint();
  if (waits && !KRONIKA_PLANTED("second-change-overlaps")) {
    return Fail(ErrorCode::kBusy, "another change of the configuration is not finished");
  }
  if (leading->transfer_to) return Fail(ErrorCode::kBusy, "the leadership is being transferred");
  const std::string payload = EncodeMembership(BeginChange(membership, target));
  return AppendOwn(EntryType::kConfig, Slice::CopyOf(payload), append_time_ms);
}

void Node::Impl::ApplyConfigs(Index after, Index up_to) {
  for (auto at = log.ConfigIn(after, up_to); at; at = log.ConfigIn(*at, up_to)) {
    const Result<Membership> next = DecodeMembership(log.At(*at).payload.bytes());
    // Committed bytes that do not decode are void on every replica alike.
    if (next && TakesEffect(membership, *next)) Adopt(*next);
  }
}

void Node::Impl::Adopt(Membership next) {
  membership = std::move(next);
  if (role == Role::kPreCandidate || role == Role::kCandidate) {
    // Votes were asked of another electorate.
    return BecomeFollower(hard_state.term, {});
  }
  if (role != Role::kLeader) return;
  AlignPeers();
  MaybeCommit();
  send_wanted = true;
  if (leading->transfer_to && !membership.IsVoter(*leading->transfer_to)) {
    leading->transfer_to.reset();
  }
  if (!membership.IsVoter(self)) HandOver();
}

// One Progress for each other replica of the configuration.
void Node::Impl::AlignPeers() {
  std::erase_if(leading->peers, [&](const auto& peer) { return !membership.Contains(peer.first); });
  for (const ReplicaId& id : AllReplicas(membership)) {
    if (id == self || leading->peers.contains(id)) continue;
    Progress peer;
    peer.next = log.last() + 1;
    peer.last_answer_tick = now_ticks;
    peer.mark = log.last() + 1;
    // A new leader gives voters the benefit of the doubt; a learner has to show that it has caught
    // up.
    peer.caught_up_tick = membership.IsVoter(id) ? now_ticks : now_ticks - kNeverCaughtUpTicks;
    leading->peers.emplace(id, std::move(peer));
  }
}

void Node::Impl::MaybeLeaveJoint() {
  if (role != Role::kLeader || !membership.joint()) return;
  if (log.ConfigIn(log.applied(), log.last())) return;
  const std::string payload = EncodeMembership(LeaveJoint(membership));
  AppendOwn(EntryType::kConfig, Slice::CopyOf(payload), leading->append_time_ms);
}

// A leader that cannot go on lets the best other voter campaign at once, and stops leading.
void Node::Impl::HandOver() {
  SendCommit();
  ReplicaId best;
  for (const auto& [id, peer] : leading->peers) {
    if (!membership.IsVoter(id) || id == self) continue;
    if (!best.valid() || peer.match > MatchOf(best)) best = id;
  }
  if (best.valid()) {
    Send({.type = MessageType::kTimeoutNow, .from = self, .to = best, .term = hard_state.term});
  }
  BecomeFollower(hard_state.term, {});
}

Status Node::Impl::TransferLeadership(ReplicaId to) {
  if (role != Role::kLeader) return Fail(ErrorCode::kNotLeader, "this replica does not lead");
  if (to == self) return {};
  if (!membership.IsVoter(to)) return Fail(ErrorCode::kInvalidArgument, "only a voter can lead");
  if (leading->transfer_to) return Fail(ErrorCode::kBusy, "the leadership is being transferred");
  leading->transfer_to = to;
  leading->transfer_ticks = 0;
  MaybeTransfer();
  return {};
}

void Node::Impl::MaybeTransfer() {
  if (role != Role::kLeader || !leading->transfer_to) return;
  const ReplicaId to = *leading->transfer_to;
  if (MatchOf(to) != log.last() && !KRONIKA_PLANTED("transfer-to-lagging")) return;
  Send({.type = MessageType::kTimeoutNow, .from = self, .to = to, .term = hard_state.term});
}

}  // namespace kronika::raft
