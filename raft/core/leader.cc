// A leader: taking office, answers of followers, commitment (Raft §5.3, §5.4.2), its timers.
#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {

void Node::Impl::BecomeLeader() {
  role = Role::kLeader;
  leader = self;
  votes.clear();
  leading.emplace();
  leading->by_transfer = handed_over;
  leading->uncommitted_bytes = log.BytesAfter(log.commit());
  if (log.last() > log.start()) leading->append_time_ms = log.At(log.last()).append_time_ms;
  AlignPeers();
  AppendOwn(EntryType::kNoOp, {}, leading->append_time_ms);
  MaybeLeaveJoint();
}

Index Node::Impl::AppendOwn(EntryType type, Slice payload, std::int64_t append_time_ms) {
  leading->append_time_ms = std::max(leading->append_time_ms, append_time_ms);
  leading->uncommitted_bytes += payload.size();
  log.Append({.index = log.last() + 1,
              .term = hard_state.term,
              .type = type,
              .append_time_ms = leading->append_time_ms,
              .payload = std::move(payload)});
  send_wanted = true;
  return log.last();
}

bool Node::Impl::HasAppliedOwnTerm() const {
  return role == Role::kLeader && log.TermAt(log.applied()) == hard_state.term;
}

Index Node::Impl::MatchOf(ReplicaId id) const {
  if (id == self) {
    return KRONIKA_PLANTED("leader-counts-unsynced") ? log.last() : writes.durable_index();
  }
  const auto at = leading->peers.find(id);
  return at == leading->peers.end() ? Index{} : at->second.match;
}

// Only entries of its own term are committed by counting; older ones follow with them (§5.4.2).
void Node::Impl::MaybeCommit() {
  const Index before = log.commit();
  const Index index = QuorumIndex(membership, [&](ReplicaId id) { return MatchOf(id); });
  if (index <= before) return;
  if (log.TermAt(index) != hard_state.term && !KRONIKA_PLANTED("commit-older-term")) return;
  for (Index i = before + 1; i <= index; ++i) {
    leading->uncommitted_bytes -= log.At(i).payload.size();
  }
  SetCommit(index);
  send_wanted = true;
}

// The sender's progress, with this message as a sign of life; nullptr: not led by this replica, or
// a stranger.
Progress* Node::Impl::Answered(const Message& message) {
  if (role != Role::kLeader) return nullptr;
  const auto at = leading->peers.find(message.from);
  if (at == leading->peers.end()) return nullptr;
  at->second.last_answer_tick = now_ticks;
  at->second.answered = true;
  MaybeConfirm();
  return &at->second;
}

void Node::Impl::MaybeConfirm() {
  if (leading->confirmed) return;
  leading->confirmed = HasQuorum(membership, [&](ReplicaId id) {
    const auto at = leading->peers.find(id);
    return id == self || (at != leading->peers.end() && at->second.answered);
  });
}

void Node::Impl::HandleAppendAnswer(const Message& message) {
  Progress* peer = Answered(message);
  if (peer == nullptr) return;
  if (message.reject) return HandleRefusal(*peer, message);
  HandleAccepted(message, *peer);
}

void Node::Impl::HandleRefusal(Progress& peer, const Message& message) {
  const Index refused = message.log_index;
  if (peer.state == ProgressState::kInstall) return;
  if (message.busy) {
    peer.BecomeProbe(std::min(peer.next, refused + 1));
    peer.paused_ticks = options.busy_pause_ticks;
    return;
  }
  // A late answer: what it refuses was accepted since, or is not what is being asked.
  if (refused <= peer.match) return;
  if (peer.state == ProgressState::kProbe && refused + 1 != peer.next) return;
  const Index agreed = log.LastNotAbove(message.hint_index, message.hint_term);
  peer.received = std::min(peer.received, agreed);
  peer.BecomeProbe(std::min(refused, agreed + 1));
  send_wanted = true;
}

void Node::Impl::HandleAccepted(const Message& message, Progress& peer) {
  if (message.log_index > log.last() || message.hint_index > log.last()) return;
  peer.received = std::max(peer.received, message.hint_index);
  peer.committed = std::max(peer.committed, message.commit);
  const bool news = peer.Acknowledge(message.log_index);
  switch (peer.state) {
    case ProgressState::kProbe:
      if (peer.paused_ticks == 0 && peer.received + 1 >= peer.next) peer.BecomeReplicate();
      break;
    case ProgressState::kReplicate:
      break;
    case ProgressState::kInstall:
      if (peer.match >= log.start()) peer.BecomeReplicate();
      break;
  }
  peer.NoteCaughtUp(log.last(), now_ticks);
  send_wanted = true;
  if (!news) return;
  MaybeCommit();
  MaybeTransfer();
}

void Node::Impl::HandleHeartbeatAnswer(const Message& message) {
  Progress* peer = Answered(message);
  if (peer == nullptr) return;
  if (message.read_context != 0) {
    leading->reads.OnAnswer(message.from, message.read_context);
    ResumeReads();
  }
  HandleAccepted(message, *peer);
  if (role != Role::kLeader) return;
  Probe(message.from, *peer);
}

// Whatever was lost on the way shows in the answer to an empty append.
void Node::Impl::Probe(ReplicaId to, Progress& peer) {
  const bool waits = peer.state == ProgressState::kProbe && peer.probe_sent;
  const bool lags = peer.state == ProgressState::kReplicate && peer.received + 1 < peer.next;
  if (peer.paused_ticks > 0 || !(waits || lags)) return;
  if (const auto term = PreviousTerm(peer)) {
    SendAppend(to, peer, {peer.next - 1, *term}, {});
  } else {
    peer.probe_sent = false;
    send_wanted = true;
  }
}

void Node::Impl::ResumeReads() {
  ReadRounds& reads = leading->reads;
  const bool ready = HasAppliedOwnTerm() || KRONIKA_PLANTED("read-before-own-term");
  if (reads.HasArrived() && ready) SendBeats(reads.Begin(log.commit()));
  const std::vector<ReadGrant> grants = reads.TakeConfirmed(membership, self);
  out.reads.insert(out.reads.end(), grants.begin(), grants.end());
}

void Node::Impl::TickLeader(std::optional<std::uint64_t> shared) {
  for (auto& [id, peer] : leading->peers) {
    if (peer.paused_ticks > 0 && --peer.paused_ticks == 0) {
      peer.BecomeProbe(peer.next);
      send_wanted = true;
    }
    // Silence is no sign of having caught up, however idle the log is: a stopped follower has to
    // leave the ISR.
    const bool answers = now_ticks - peer.last_answer_tick < options.election_timeout_ticks;
    if (answers || KRONIKA_PLANTED("silence-is-in-sync")) peer.NoteCaughtUp(log.last(), now_ticks);
  }
  if (leading->transfer_to && ++leading->transfer_ticks >= options.election_timeout_ticks) {
    leading->transfer_to.reset();
  }
  const std::uint64_t number = shared.value_or(++leading->own_ticks);
  if (number % static_cast<std::uint64_t>(options.heartbeat_ticks) != 0) return;
  const bool reading = leading->reads.HasOpenRound();
  if (!options.beats_by_driver || reading) SendBeats(reading ? leading->reads.last_round() : 0);
  CheckQuorum();
}

// A leader without answers of its quorum for an election timeout stops acting as one (thesis §6.2;
// SAFETY C9 says what clients see).
void Node::Impl::CheckQuorum() {
  const bool quorum = HasQuorum(membership, [&](ReplicaId id) {
    const auto at = leading->peers.find(id);
    return id == self || (at != leading->peers.end() &&
                          now_ticks - at->second.last_answer_tick < options.election_timeout_ticks);
  });
  if (quorum || KRONIKA_PLANTED("no-check-quorum")) return;
  BecomeFollower(hard_state.term, {});
  lost_quorum = true;
}

}  // namespace kronika::raft
