// Elections: pre-vote (thesis §9.6), votes (Raft §5.2, §5.4.1), waiting and retrying (SAFETY B8).
#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {

// Nobody campaigns with a committed configuration that it has not applied: it could win by a
// majority that no longer decides (SAFETY A13).
bool Node::Impl::CanCampaign() const {
  if (!membership.IsVoter(self) || hard_state.term + 1 >= kTermEnd) return false;
  if (stands_aside && !KRONIKA_PLANTED("stands-aside-in-vain")) return false;
  if (KRONIKA_PLANTED("campaign-with-unapplied-config")) return true;
  return !log.ConfigIn(log.applied(), log.commit()).has_value();
}

void Node::Impl::TickElection() {
  if (++elapsed_ticks < timeout_ticks) return;
  if (CanCampaign()) {
    StartPreVote();
  } else {
    // The timer starts anew, the leader's lease does not: whoever may campaign asks for this vote.
    if (!KRONIKA_PLANTED("lease-of-a-bystander")) leader_silent = true;
    ResetElectionTimer();
  }
}

// The leader hands over. A configuration that is committed and not applied comes first.
void Node::Impl::HandleTimeoutNow(const Message& message) {
  if (role != Role::kFollower || message.from != leader) return;
  handed_over = true;
  if (CanCampaign()) return Campaign(true);
  campaign_when_applied = log.ConfigIn(log.applied(), log.commit()).has_value();
}

void Node::Impl::StartPreVote() {
  if (KRONIKA_PLANTED("no-pre-vote")) return Campaign(false);
  role = Role::kPreCandidate;
  leader = {};
  refused_as_alive = false;
  votes = {{self, Vote::kGranted}};
  ResetElectionTimer();
  SendVoteRequests(MessageType::kPreVote, hard_state.term + 1, false);
  CountVotesNow();
}

void Node::Impl::Campaign(bool transfer) {
  SetTerm(hard_state.term + 1);
  hard_state.vote = self;
  role = Role::kCandidate;
  leader = {};
  votes.clear();
  refused_pauses = 0;
  ResetElectionTimer();
  // The own vote counts when it is durable; so do the others', as nobody may learn of a term that
  // this replica could use again after a crash, with an older log.
  SendVoteRequests(MessageType::kVote, hard_state.term, transfer);
  SendWhenDurable(
      {.type = MessageType::kVoteResponse, .from = self, .to = self, .term = hard_state.term});
}

void Node::Impl::SendVoteRequests(MessageType type, Term at, bool transfer) {
  for (const ReplicaId& id : AllVoters(membership)) {
    if (id == self) continue;
    Message request = MakeVoteMessage(type, id, at);
    request.log_index = log.last();
    request.log_term = log.last_term();
    request.transfer = transfer;
    if (type == MessageType::kPreVote) {
      Send(std::move(request));
    } else {
      SendWhenDurable(std::move(request));
    }
  }
}

Message Node::Impl::MakeVoteMessage(MessageType type, ReplicaId to, Term term) const {
  return {.type = type,
          .from = self,
          .to = to,
          .term = term,
          .hint_index = log.commit(),
          .hint_term = log.TermAt(log.commit()).value_or(Term{})};
}

// That (index, term) is committed is a fact of any time and sender; where this log has the same
// entry it has the same log before it (§5.3). Without this the new voters of a configuration whose
// last entry only the old ones know to be committed could never be elected: the old ones have
// longer logs and no vote to ask for.
void Node::Impl::LearnCommit(const Message& message) {
  if (role == Role::kLeader || KRONIKA_PLANTED("votes-carry-no-commit")) return;
  if (log.Matches(message.hint_index, message.hint_term)) SetCommit(message.hint_index);
}

void Node::Impl::HandlePreVote(const Message& message) {
  Message answer = MakeVoteMessage(MessageType::kPreVoteResponse, message.from, hard_state.term);
  if (LeaderAlive()) {
    answer.busy = true;
    answer.reject = true;
  } else {
    answer.reject =
        message.term <= hard_state.term || !log.IsUpToDate(message.log_index, message.log_term);
  }
  if (!answer.reject) answer.term = message.term;
  Send(std::move(answer));
}

void Node::Impl::HandleVote(const Message& message) {
  Message answer = MakeVoteMessage(MessageType::kVoteResponse, message.from, hard_state.term);
  const bool free = hard_state.vote == message.from ||
                    (!hard_state.vote.valid() && !leader.valid()) || KRONIKA_PLANTED("vote-twice");
  if (!free || !log.IsUpToDate(message.log_index, message.log_term)) {
    answer.reject = true;
    return Send(std::move(answer));
  }
  hard_state.vote = message.from;
  ResetElectionTimer();
  SendWhenDurable(std::move(answer));
}

void Node::Impl::HandleVoteAnswer(const Message& message) {
  const bool pre = message.type == MessageType::kPreVoteResponse;
  if (role != (pre ? Role::kPreCandidate : Role::kCandidate)) return;
  // A granted pre-vote names the term that was asked for; it does not exist yet.
  if (pre && !message.reject && message.term != hard_state.term + 1) return;
  if (pre && message.reject && message.busy && !refused_as_alive) {
    refused_as_alive = true;
    ++refused_pauses;
    ResetElectionTimer();
  }
  votes.emplace(message.from, message.reject ? Vote::kRefused : Vote::kGranted);
  CountVotesNow();
}

void Node::Impl::CountVotesNow() {
  const VoteOutcome outcome = CountVotes(membership, [&](ReplicaId id) {
    const auto at = votes.find(id);
    return at == votes.end() ? Vote::kMissing : at->second;
  });
  switch (outcome) {
    case VoteOutcome::kPending:
      return;
    case VoteOutcome::kWon:
      // A configuration that was found committed meanwhile asks for another count.
      if (!CanCampaign()) return BecomeFollower(hard_state.term, {});
      return role == Role::kPreCandidate ? Campaign(false) : BecomeLeader();
    case VoteOutcome::kLost:
      return BecomeFollower(hard_state.term, {});
  }
}

}  // namespace kronika::raft
