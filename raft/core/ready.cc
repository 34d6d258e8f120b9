// What comes out of a replica (TakeReady), and what the driver reports back.
#include <utility>

#include "base/planted.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {

bool Node::Impl::HasReady() const {
  return send_wanted || writes.Pending(log, hard_state) || log.delivered() < log.commit() ||
         !out.messages.empty() || !out.reads.empty() || !out.entries_wanted.empty() ||
         !out.installs_wanted.empty() || role != reported_role ||
         hard_state.term != reported_term || leader != reported_leader ||
         (leading && leading->reads.HasArrived() && HasAppliedOwnTerm());
}

Ready Node::Impl::TakeReady() {
  if (leading) {
    ResumeReads();
    SendAppends();
    SendCommit();
  }
  Ready ready = std::exchange(out, {});
  ready.write = writes.Take(log, hard_state);
  ready.committed = log.Deliver();
  ready.role_changed =
      role != reported_role || hard_state.term != reported_term || leader != reported_leader;
  reported_role = role;
  reported_term = hard_state.term;
  reported_leader = leader;
  return ready;
}

// Messages that promise something leave only when the promise survives a crash (SAFETY R1).
void Node::Impl::ReleaseHeld() {
  if (!(writes.durable_state() == hard_state) && !KRONIKA_PLANTED("vote-before-sync")) return;
  std::vector<Message> free = std::exchange(held, {});
  for (Message& message : free) {
    if (message.to == self) {
      HandleVoteAnswer(message);
    } else {
      Send(std::move(message));
    }
  }
}

void Node::Impl::OnWritten(std::uint64_t write_id) {
  if (!writes.OnWritten(write_id, hard_state.term)) return;
  ReleaseHeld();
  if (role == Role::kLeader) {
    MaybeCommit();
    MaybeTransfer();
  } else if (Acknowledgeable() > acknowledged) {
    SendAcknowledgement();
  }
}

void Node::Impl::OnApplied(Index applied) {
  const Index before = log.applied();
  if (applied <= before) return;
  log.ApplyTo(applied);
  ApplyConfigs(before, applied);
  MaybeLeaveJoint();
  if (campaign_when_applied && role == Role::kFollower && CanCampaign()) Campaign(true);
}

}  // namespace kronika::raft
