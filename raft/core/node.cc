// The public calls, the rule of terms (Raft §5.1) and the election timer.
#include "raft/core/node.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {
namespace {

bool IsElection(MessageType type) {
  return type == MessageType::kPreVote || type == MessageType::kPreVoteResponse ||
         type == MessageType::kVote || type == MessageType::kVoteResponse;
}

}  // namespace

Node::Impl::Impl(ReplicaId self_id, Options node_options, Recovered recovered, Rng& node_rng)
    : self(self_id),
      options(node_options),
      rng(node_rng),
      log(recovered.start.index, recovered.start.term, std::move(recovered.entries)),
      hard_state(recovered.hard_state),
      writes(recovered.hard_state, log.last()),
      membership(std::move(recovered.start.membership)) {
  // A term in the log without its hard state: the entries were installed. The higher one is the
  // truth.
  hard_state.term = std::max(hard_state.term, log.last_term());
  log.CommitTo(std::clamp(hard_state.commit, log.start(), log.last()));
  reported_term = hard_state.term;
  ResetElectionTimer();
}

void Node::Impl::Step(Message message, bool refuse) {
  if (message.to != self || message.from == self || message.term >= kTermEnd) return;
  if (IsElection(message.type)) LearnCommit(message);
  if (message.term > hard_state.term && !AcceptTerm(message)) return;
  if (message.term < hard_state.term) return AnswerOlderTerm(message);
  Dispatch(std::move(message), refuse);
}

// A message of a newer term. False if it is dropped or already answered.
bool Node::Impl::AcceptTerm(const Message& message) {
  switch (message.type) {
    case MessageType::kPreVote:
      HandlePreVote(message);
      return false;
    case MessageType::kPreVoteResponse:
      if (!message.reject) {
        HandleVoteAnswer(message);
        return false;
      }
      break;
    case MessageType::kVote:
      // A replica that hears its leader does not help to depose it (§6, thesis §4.2.3).
      if (!message.transfer && LeaderAlive()) return false;
      break;
    case MessageType::kVoteResponse:
    case MessageType::kAppend:
    case MessageType::kAppendResponse:
    case MessageType::kHeartbeat:
    case MessageType::kHeartbeatResponse:
    case MessageType::kInstallDone:
    case MessageType::kTimeoutNow:
      break;
  }
  const bool leads =
      message.type == MessageType::kAppend || message.type == MessageType::kHeartbeat;
  BecomeFollower(message.term, leads ? message.from : ReplicaId{});
  return true;
}

// Every refusal carries this replica's term, so that a sender that fell behind learns it (SAFETY
// B6).
void Node::Impl::AnswerOlderTerm(const Message& message) {
  Message answer = MakeVoteMessage(MessageType::kPreVoteResponse, message.from, hard_state.term);
  answer.reject = true;
  switch (message.type) {
    case MessageType::kPreVote:
      return Send(std::move(answer));
    case MessageType::kVote:
      answer.type = MessageType::kVoteResponse;
      return Send(std::move(answer));
    case MessageType::kAppend:
    case MessageType::kHeartbeat:
      answer = {.type = MessageType::kAppendResponse,
                .from = self,
                .to = message.from,
                .term = hard_state.term,
                .reject = true};
      answer.log_index = message.log_index;
      return Send(std::move(answer));
    case MessageType::kPreVoteResponse:
    case MessageType::kVoteResponse:
    case MessageType::kAppendResponse:
    case MessageType::kHeartbeatResponse:
    case MessageType::kInstallDone:
    case MessageType::kTimeoutNow:
      return;
  }
}

void Node::Impl::Dispatch(Message message, bool refuse) {
  switch (message.type) {
    case MessageType::kPreVote:
      return HandlePreVote(message);
    case MessageType::kVote:
      return HandleVote(message);
    case MessageType::kPreVoteResponse:
    case MessageType::kVoteResponse:
      return HandleVoteAnswer(message);
    case MessageType::kAppend:
      return HandleAppend(std::move(message), refuse);
    case MessageType::kHeartbeat:
      return HandleHeartbeat(message);
    case MessageType::kAppendResponse:
    case MessageType::kInstallDone:
      return HandleAppendAnswer(message);
    case MessageType::kHeartbeatResponse:
      return HandleHeartbeatAnswer(message);
    case MessageType::kTimeoutNow:
      return HandleTimeoutNow(message);
  }
}

void Node::Impl::SetTerm(Term term) {
  if (term == hard_state.term) return;
  KRONIKA_CHECK(term > hard_state.term, "the term would go back");
  hard_state.term = term;
  hard_state.vote = {};
  lost_quorum = false;
  matched = {};
  acknowledged = {};
  campaign_when_applied = false;
  std::erase_if(held, [&](const Message& message) { return message.term < term; });
}

void Node::Impl::BecomeFollower(Term term, ReplicaId new_leader) {
  LeaveLeadership();
  SetTerm(term);
  role = Role::kFollower;
  leader = new_leader;
  handed_over = false;
  votes.clear();
  if (leader.valid()) lost_quorum = false;
  ResetElectionTimer();
}

void Node::Impl::LeaveLeadership() {
  if (!leading) return;
  const std::vector<ReadGrant> refused = leading->reads.Refuse();
  out.reads.insert(out.reads.end(), refused.begin(), refused.end());
  // What a leader wished from its driver is void; an answer to it is ignored.
  out.entries_wanted.clear();
  out.installs_wanted.clear();
  leading.reset();
  send_wanted = false;
}

void Node::Impl::ResetElectionTimer() {
  const int half = options.election_timeout_ticks / 2;
  const auto jitter = static_cast<std::uint64_t>(options.election_jitter_ticks_max) + 1;
  elapsed_ticks = 0;
  timeout_ticks = static_cast<int>(rng.Below(jitter));
  if (refused_pauses > 0) {
    timeout_ticks += half << std::min(refused_pauses - 1, options.pause_doublings_max);
  } else {
    timeout_ticks += options.election_timeout_ticks + election_rank * half;
  }
}

bool Node::Impl::LeaderAlive() const {
  if (KRONIKA_PLANTED("no-lease")) return false;
  if (role == Role::kLeader) return leading->confirmed;
  return leader.valid() && !leader_silent && elapsed_ticks < options.election_timeout_ticks;
}

void Node::Impl::Send(Message message) {
  out.messages.push_back(std::move(message));
}

void Node::Impl::SendWhenDurable(Message message) {
  held.push_back(std::move(message));
  ReleaseHeld();
}

void Node::Impl::SetCommit(Index index) {
  if (index <= log.commit()) return;
  log.CommitTo(index);
  if (KRONIKA_PLANTED("forget-config-commit")) return;
  if (const auto config = log.LastConfigTo(index); config > hard_state.commit) {
    hard_state.commit = *config;
  }
}

Node::Node(ReplicaId self, Options options, Recovered recovered, Rng& rng)
    : impl_(std::make_unique<Impl>(self, options, std::move(recovered), rng)) {}
Node::~Node() = default;

void Node::Tick(std::optional<std::uint64_t> shared) {
  ++impl_->now_ticks;
  if (impl_->role == Role::kLeader) {
    impl_->TickLeader(shared);
  } else {
    impl_->TickElection();
  }
}

void Node::Step(Message message) {
  impl_->Step(std::move(message), false);
}

void Node::Refuse(Message message) {
  impl_->Step(std::move(message), true);
}

Result<Index> Node::Propose(EntryType type, Slice payload, std::int64_t append_time_ms) {
  if (impl_->role != Role::kLeader)
    return Fail(ErrorCode::kNotLeader, "this replica does not lead");
  if (type == EntryType::kConfig || type == EntryType::kNoOp) {
    return Fail(ErrorCode::kInvalidArgument, "the core makes such entries itself");
  }
  const Leading& leading = *impl_->leading;
  if (leading.transfer_to) return Fail(ErrorCode::kBusy, "the leadership is being transferred");
  const std::size_t bytes = leading.uncommitted_bytes;
  if (bytes > 0 && bytes + payload.size() > impl_->options.uncommitted_bytes_max) {
    return Fail(ErrorCode::kBusy, "too many bytes are not yet committed");
  }
  return impl_->AppendOwn(type, std::move(payload), append_time_ms);
}

Result<Index> Node::ProposeMembership(Membership target, std::int64_t append_time_ms) {
  return impl_->ProposeMembership(target, append_time_ms);
}

Status Node::TransferLeadership(ReplicaId to) {
  return impl_->TransferLeadership(to);
}

void Node::StandAside() {
  impl_->stands_aside = true;
  const bool campaigns = impl_->role == Role::kPreCandidate || impl_->role == Role::kCandidate;
  if (campaigns) impl_->BecomeFollower(impl_->hard_state.term, {});
}

void Node::StepDown() {
  if (impl_->role == Role::kLeader) impl_->HandOver();
}

void Node::ReadIndex(std::uint64_t context) {
  if (impl_->role != Role::kLeader) return impl_->out.reads.push_back({context, {}, false});
  impl_->leading->reads.Add(context);
}

void Node::Campaign() {
  if (impl_->role != Role::kLeader && impl_->CanCampaign()) impl_->StartPreVote();
}

void Node::SetElectionRank(int rank) {
  const int half = impl_->options.election_timeout_ticks / 2;
  if (impl_->refused_pauses == 0) impl_->timeout_ticks += (rank - impl_->election_rank) * half;
  impl_->election_rank = rank;
}

void Node::OnPeerSilent(BrokerId peer) {
  if (impl_->role != Role::kFollower || impl_->leader.broker != peer) return;
  impl_->leader_silent = true;
  if (impl_->election_rank == 0) return Campaign();
  impl_->elapsed_ticks = std::max(impl_->elapsed_ticks, impl_->options.election_timeout_ticks);
}

void Node::ResetLeases() {
  impl_->elapsed_ticks = 0;
  impl_->leader_silent = true;
  if (!impl_->leading) return;
  impl_->leading->confirmed = false;
  for (auto& [id, peer] : impl_->leading->peers) {
    peer.answered = false;
    peer.last_answer_tick = impl_->now_ticks;
  }
  impl_->MaybeConfirm();
}

void Node::ResetProgress(BrokerId peer) {
  if (!impl_->leading) return;
  for (auto& [id, progress] : impl_->leading->peers) {
    if (id.broker != peer) continue;
    // The peer may be another process: what it has it says again. The first question goes to where
    // it was known to be, or, if it said nothing yet, to where it was asked last: below that it
    // would be asked for entries that no log store keeps, and be given a full install in vain.
    const bool said = progress.match != Index{};
    const Index next = said ? progress.match + 1 : progress.next;
    progress.match = {};
    progress.received = {};
    progress.committed = {};
    progress.told_commit = {};
    progress.paused_ticks = 0;
    progress.BecomeProbe(next);
  }
  impl_->send_wanted = true;
}

bool Node::HasReady() const {
  return impl_->HasReady();
}
Ready Node::TakeReady() {
  return impl_->TakeReady();
}
void Node::OnWritten(std::uint64_t write_id) {
  impl_->OnWritten(write_id);
}
void Node::OnApplied(Index applied) {
  impl_->OnApplied(applied);
}
void Node::ProvideEntries(ReplicaId to, Index first, std::vector<Entry> entries) {
  impl_->ProvideEntries(to, first, std::move(entries));
}
void Node::OnInstallSent(ReplicaId to, Index index) {
  impl_->OnInstallSent(to, index);
}
void Node::OnInstalled(LogStart start) {
  impl_->OnInstalled(std::move(start));
}
Term Node::term() const {
  return impl_->hard_state.term;
}
Role Node::role() const {
  return impl_->role;
}
Index Node::commit() const {
  return impl_->log.commit();
}
std::optional<Term> Node::TermAt(Index index) const {
  return impl_->log.TermAt(index);
}
void Node::Compact(Index index) {
  impl_->log.Forget(std::min(index, impl_->writes.durable_index()), impl_->options.tail_bytes_max);
}

}  // namespace kronika::raft
