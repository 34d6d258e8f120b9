// A follower: appends, beats and acknowledgements (Raft §5.3), full installs (§7).
#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {
namespace {

// Entries follow `message.log_index` without a gap, their terms never fall and none is newer than
// the sender's.
bool IsWellFormed(const Message& message) {
  Index index = message.log_index;
  Term term = message.log_term;
  for (const Entry& entry : message.entries) {
    ++index;
    if (entry.index != index || entry.term < term) return false;
    term = entry.term;
  }
  return term <= message.term;
}

}  // namespace

// Any message of the current term's leader, refused or not, is its sign of life (SAFETY B6).
void Node::Impl::FollowLeader(const Message& message) {
  if (role != Role::kFollower || leader != message.from) {
    BecomeFollower(hard_state.term, message.from);
  }
  elapsed_ticks = 0;
  leader_silent = false;
  if (refused_pauses == 0) return;
  refused_pauses = 0;
  ResetElectionTimer();
}

// How far this log equals the leader's and is durable here under this term (SAFETY A2, R1).
Index Node::Impl::Acknowledgeable() const {
  if (KRONIKA_PLANTED("ack-before-sync")) return matched;
  if (writes.durable_state().term != hard_state.term) return {};
  return std::min(matched, writes.durable_index());
}

void Node::Impl::SendAcknowledgement() {
  if (!leader.valid()) return;
  acknowledged = std::max(acknowledged, Acknowledgeable());
  Send({.type = MessageType::kAppendResponse,
        .from = self,
        .to = leader,
        .term = hard_state.term,
        .log_index = Acknowledgeable(),
        .commit = log.commit(),
        .hint_index = matched});
}

void Node::Impl::RejectAppend(const Message& message) {
  const Index hint = log.LastNotAbove(message.log_index, message.log_term);
  Send({.type = MessageType::kAppendResponse,
        .from = self,
        .to = message.from,
        .term = hard_state.term,
        .log_index = message.log_index,
        .hint_index = hint,
        .hint_term = log.TermAt(hint).value_or(Term{}),
        .reject = true});
}

void Node::Impl::HandleAppend(Message message, bool refuse) {
  if (role == Role::kLeader || !IsWellFormed(message)) return;
  FollowLeader(message);
  if (refuse) {
    SetCommit(std::min(message.commit, matched));
    return Send({.type = MessageType::kAppendResponse,
                 .from = self,
                 .to = message.from,
                 .term = hard_state.term,
                 .log_index = message.log_index,
                 .reject = true,
                 .busy = true});
  }
  // What is committed here is in every later leader's log (§5.4.3).
  const bool known = message.log_index <= log.commit();
  if (!known && !log.Matches(message.log_index, message.log_term) &&
      !KRONIKA_PLANTED("append-without-match")) {
    return RejectAppend(message);
  }
  if (message.log_index > log.last()) return RejectAppend(message);
  const Index end = message.log_index + message.entries.size();
  const Log::Taken taken = log.TakeFromLeader(std::move(message.entries));
  if (taken.cut) writes.OnCut(*taken.cut);
  matched = std::max(matched, end);
  const bool clamp = !KRONIKA_PLANTED("commit-not-clamped");
  SetCommit(std::min(message.commit, clamp ? matched : log.last()));
  if (!taken.appended) SendAcknowledgement();
}

void Node::Impl::HandleHeartbeat(const Message& message) {
  if (role == Role::kLeader) return;
  FollowLeader(message);
  // A commit index above what is known to match would commit another leader's leftovers (SAFETY
  // D-12).
  const bool clamp = !KRONIKA_PLANTED("commit-not-clamped");
  SetCommit(std::min(message.commit, clamp ? matched : log.last()));
  acknowledged = std::max(acknowledged, Acknowledgeable());
  Send({.type = MessageType::kHeartbeatResponse,
        .from = self,
        .to = message.from,
        .term = hard_state.term,
        .log_index = Acknowledgeable(),
        .commit = log.commit(),
        .hint_index = matched,
        .read_context = message.read_context});
}

void Node::Impl::OnInstalled(LogStart start) {
  if (start.index <= log.applied()) return;
  // The installing leader's messages may still be on their way: its term is known by what it
  // committed.
  if (start.term > hard_state.term) BecomeFollower(start.term, {});
  const bool matches = log.Matches(start.index, start.term);
  KRONIKA_CHECK(matches || start.index > log.commit(), "an install contradicts a committed entry");
  const bool kept = log.Install(start.index, start.term);
  writes.OnInstalled(start.index, kept);
  membership = std::move(start.membership);
  // The installed state is committed, so it is part of the current leader's log, too.
  matched = kept ? std::max(matched, start.index) : start.index;
  if (!leader.valid() || role != Role::kFollower) return;
  Send({.type = MessageType::kInstallDone,
        .from = self,
        .to = leader,
        .term = hard_state.term,
        .log_index = Acknowledgeable(),
        .commit = log.commit(),
        .hint_index = matched});
}

}  // namespace kronika::raft
