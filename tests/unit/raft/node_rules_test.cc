// Sentences of the Raft paper and of the node's contract that need only one node and hand-made
// messages; PAPER.md has the list. Scripts hold what needs a cluster.
#include <gtest/gtest.h>

#include <algorithm>

#include "raft/core/membership.h"
#include "raft/core/node.h"

namespace kronika::raft {
namespace {

ReplicaId Replica(int broker) {
  return {BrokerId{broker}, Incarnation{1}};
}

Entry Data(std::uint64_t index, std::uint64_t term) {
  return {.index = Index{index}, .term = Term{term}, .type = EntryType::kData};
}

class NodeRules : public testing::Test {
 protected:
  NodeRules() { Start({}); }

  void Start(Recovered recovered, Options options = {}) {
    options.election_jitter_ticks_max = 0;
    for (int broker : {1, 2, 3}) recovered.start.membership.voters.push_back(Replica(broker));
    node_ = std::make_unique<Node>(Replica(1), options, std::move(recovered), rng_);
  }
  // Takes everything, with a disk and a state machine that are done at once.
  std::vector<Message> Serve() {
    std::vector<Message> out;
    while (node_->HasReady()) {
      Ready ready = node_->TakeReady();
      if (ready.write.id != 0) node_->OnWritten(ready.write.id);
      if (!ready.committed.empty()) node_->OnApplied(ready.committed.back().index);
      for (Message& message : ready.messages) out.push_back(std::move(message));
      for (const EntriesWanted& wanted : ready.entries_wanted) wanted_.push_back(wanted);
      for (const ReplicaId& to : ready.installs_wanted) installs_.push_back(to);
    }
    return out;
  }
  void Step(Message message) {
    message.from = message.from.valid() ? message.from : Replica(2);
    message.to = Replica(1);
    node_->Step(std::move(message));
  }
  // Elects the node for `term` with the votes of 2.
  void Elect(std::uint64_t term) {
    node_->Campaign();
    Serve();
    Step({.type = MessageType::kPreVoteResponse, .term = Term{term}});
    Serve();
    Step({.type = MessageType::kVoteResponse, .term = Term{term}});
    ASSERT_EQ(node_->role(), Role::kLeader);
  }
  static std::size_t Count(const std::vector<Message>& messages, MessageType type) {
    return static_cast<std::size_t>(std::count_if(
        messages.begin(), messages.end(), [&](const Message& m) { return m.type == type; }));
  }

  SeededRng rng_{1};
  std::unique_ptr<Node> node_;
  std::vector<EntriesWanted> wanted_;
  std::vector<ReplicaId> installs_;
};

// §5.1: a server that sees a larger term takes it and follows; a message of an older one is refused
// with the newer.
TEST_F(NodeRules, TheLargerTermWins) {
  Elect(1);
  Serve();
  Step({.type = MessageType::kAppendResponse, .term = Term{7}, .reject = true});
  EXPECT_EQ(node_->role(), Role::kFollower);
  EXPECT_EQ(node_->status().term, Term{7});
  Step({.type = MessageType::kAppend, .term = Term{6}});
  const std::vector<Message> answers = Serve();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].reject);
  EXPECT_EQ(answers[0].term, Term{7});
}

// Figure 2, followers: without a sign of life for an election timeout a candidate; a vote given is
// one as well.
TEST_F(NodeRules, SilenceForAnElectionTimeoutMakesACandidate) {
  for (int tick = 0; tick < 19; ++tick) node_->Tick();
  EXPECT_EQ(node_->role(), Role::kFollower);
  Step({.type = MessageType::kVote, .term = Term{1}});
  for (int tick = 0; tick < 19; ++tick) node_->Tick();
  EXPECT_EQ(node_->role(), Role::kFollower) << "the vote for 2 gave it time";
  node_->Tick();
  EXPECT_EQ(node_->role(), Role::kPreCandidate);
}

// §5.2: a candidate that hears a leader of its own term follows it; one of an older term it
// refuses.
TEST_F(NodeRules, ACandidateFollowsALeaderOfItsTerm) {
  node_->Campaign();
  Serve();
  Step({.type = MessageType::kPreVoteResponse, .term = Term{1}});
  Serve();
  ASSERT_EQ(node_->role(), Role::kCandidate);
  Step({.type = MessageType::kHeartbeat, .from = Replica(3), .term = Term{0}});
  EXPECT_EQ(node_->role(), Role::kCandidate);
  Step({.type = MessageType::kHeartbeat, .from = Replica(3), .term = Term{1}});
  EXPECT_EQ(node_->role(), Role::kFollower);
  EXPECT_EQ(node_->status().leader, Replica(3));
}

// Figure 2, candidates: an election that is not decided in time is tried again, in a new term.
TEST_F(NodeRules, AnUndecidedElectionIsTriedAgain) {
  node_->Campaign();
  Serve();
  Step({.type = MessageType::kPreVoteResponse, .term = Term{1}});
  Serve();
  for (int tick = 0; tick < 20; ++tick) node_->Tick();
  EXPECT_EQ(node_->role(), Role::kPreCandidate);
  Serve();
  Step({.type = MessageType::kPreVoteResponse, .term = Term{2}});
  EXPECT_EQ(node_->status().term, Term{2});
  EXPECT_EQ(node_->role(), Role::kCandidate);
}

// §5.2: a candidate whose majority refused gives up before its timeout.
TEST_F(NodeRules, AMajorityOfRefusalsEndsACandidacy) {
  node_->Campaign();
  Serve();
  Step({.type = MessageType::kPreVoteResponse, .term = Term{0}, .reject = true});
  EXPECT_EQ(node_->role(), Role::kPreCandidate);
  Step({.type = MessageType::kPreVoteResponse, .term = Term{0}, .reject = true});
  EXPECT_EQ(node_->role(), Role::kPreCandidate) << "the same refusal twice is one";
  Step(
      {.type = MessageType::kPreVoteResponse, .from = Replica(3), .term = Term{0}, .reject = true});
  EXPECT_EQ(node_->role(), Role::kFollower);
}

// Figure 2, leaders: beats while nothing happens, at once upon election the entry of the own term.
TEST_F(NodeRules, ALeaderSendsBeatsAndItsFirstEntry) {
  Elect(1);
  const std::vector<Message> first = Serve();
  EXPECT_EQ(Count(first, MessageType::kAppend), 2u);
  for (int tick = 0; tick < 3; ++tick) node_->Tick();
  EXPECT_EQ(Count(Serve(), MessageType::kHeartbeat), 2u);
}

TEST_F(NodeRules, WithBeatsByTheDriverTicksSendNone) {
  Start({}, {.beats_by_driver = true});
  Elect(1);
  Serve();
  for (int tick = 0; tick < 9; ++tick) node_->Tick();
  EXPECT_TRUE(Serve().empty());
  node_->ReadIndex(1);
  Step({.type = MessageType::kAppendResponse,
        .term = Term{1},
        .log_index = Index{1},
        .hint_index = Index{1}});
  EXPECT_GE(Count(Serve(), MessageType::kHeartbeat), 2u) << "reads are asked for all the same";
}

// §5.3: the leader never overwrites or deletes entries of its own log.
TEST_F(NodeRules, ALeaderTakesNoAppend) {
  Elect(1);
  Serve();
  Step({.type = MessageType::kAppend, .term = Term{1}, .entries = {Data(1, 1)}});
  EXPECT_EQ(node_->role(), Role::kLeader);
  EXPECT_EQ(node_->status().last, Index{1});
}

// Figure 2, persistent state: a restart keeps term, vote and entries, and leads nothing.
TEST_F(NodeRules, ARestartKeepsTermVoteAndEntries) {
  Start({.hard_state = {.term = Term{4}, .vote = Replica(3)}, .entries = {Data(1, 2), Data(2, 4)}});
  Step({.type = MessageType::kVote, .term = Term{4}, .log_index = Index{9}, .log_term = Term{4}});
  const std::vector<Message> answers = Serve();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].reject) << "the vote of term 4 is given";
  EXPECT_EQ(node_->status().last, Index{2});
  EXPECT_EQ(node_->status().commit, Index{0});
}

// HardState.commit: what was known to be committed is delivered again, and no campaign comes before
// its configuration is applied. Seen to catch the planted bug campaign-with-unapplied-config.
TEST_F(NodeRules, ARestartKnowsTheCommittedConfiguration) {
  Membership next{.voters = {Replica(1), Replica(2)}, .metadata_index = 3};
  next.outgoing = {Replica(1), Replica(2), Replica(3)};
  Entry config = Data(1, 1);
  config.type = EntryType::kConfig;
  config.payload = Slice::CopyOf(EncodeMembership(next));
  Start({.hard_state = {.term = Term{1}, .commit = Index{1}}, .entries = {config}});
  node_->Campaign();
  EXPECT_EQ(node_->role(), Role::kFollower);
  const Ready ready = node_->TakeReady();
  ASSERT_EQ(ready.committed.size(), 1u);
  node_->OnApplied(Index{1});
  EXPECT_EQ(node_->status().membership, next);
  node_->Campaign();
  EXPECT_EQ(node_->role(), Role::kPreCandidate);
}

// SAFETY B6, B9: a refused append is the leader's sign of life, its commit index counts, its
// entries do not.
TEST_F(NodeRules, ARefusedAppendIsASignOfLife) {
  for (int tick = 0; tick < 19; ++tick) node_->Tick();
  node_->Refuse({.type = MessageType::kAppend,
                 .from = Replica(2),
                 .to = Replica(1),
                 .term = Term{3},
                 .entries = {Data(1, 3)}});
  node_->Tick();
  EXPECT_EQ(node_->role(), Role::kFollower);
  const std::vector<Message> answers = Serve();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].busy && answers[0].reject);
  EXPECT_EQ(answers[0].term, Term{3});
  EXPECT_EQ(node_->status().last, Index{0});
}

// Terms stay below 2^31 (they become Kafka's leader epoch).
TEST_F(NodeRules, TermsHaveAnEnd) {
  Start({.hard_state = {.term = Term{(std::uint64_t{1} << 31) - 1}}});
  node_->Campaign();
  EXPECT_EQ(node_->role(), Role::kFollower);
  Step({.type = MessageType::kHeartbeat, .term = Term{std::uint64_t{1} << 31}});
  EXPECT_FALSE(node_->status().leader.valid());
}

TEST_F(NodeRules, EntriesOutsideOfMemoryAreAskedOfTheLogStoreOnce) {
  Start({.hard_state = {.term = Term{1}}, .start = {.index = Index{5}, .term = Term{1}}});
  Elect(2);
  Serve();
  Step({.type = MessageType::kAppendResponse,
        .term = Term{2},
        .log_index = Index{5},
        .hint_index = Index{2},
        .hint_term = Term{1},
        .reject = true});
  Serve();
  ASSERT_EQ(wanted_.size(), 1u);
  EXPECT_EQ(wanted_[0].first, Index{2}) << "the entry before the first, for its term";
  EXPECT_EQ(wanted_[0].last, Index{5});
  node_->ProvideEntries(Replica(2), Index{2}, {Data(2, 1), Data(3, 1)});
  const std::vector<Message> sent = Serve();
  ASSERT_EQ(Count(sent, MessageType::kAppend), 1u);
  Step({.type = MessageType::kAppendResponse,
        .term = Term{2},
        .log_index = Index{3},
        .hint_index = Index{3}});
  Serve();
  ASSERT_EQ(wanted_.size(), 2u);
  EXPECT_EQ(wanted_[1].first, Index{4});
  node_->ProvideEntries(Replica(2), Index{4}, {});
  Serve();
  EXPECT_EQ(installs_, std::vector<ReplicaId>{Replica(2)});
  node_->ProvideEntries(Replica(2), Index{4}, {});
  Serve();
  EXPECT_EQ(installs_.size(), 1u) << "a late answer is ignored";
}

TEST_F(NodeRules, InSyncIsWhoLatelyHadWhatTheLeaderHad) {
  Elect(1);
  Serve();
  const auto lag = [&](int broker) {
    for (const ReplicaStatus& replica : node_->status().replicas) {
      if (replica.id == Replica(broker)) return replica.ticks_since_caught_up;
    }
    return -1;
  };
  Step({.type = MessageType::kAppendResponse,
        .term = Term{1},
        .log_index = Index{1},
        .hint_index = Index{1}});
  for (int tick = 0; tick < 10; ++tick) node_->Tick();
  EXPECT_EQ(lag(2), 0);
  EXPECT_EQ(lag(3), 10);
  // The log stays idle. 3 goes on answering, 2 is stopped (planted: silence-is-in-sync).
  for (int tick = 0; tick < 100; ++tick) {
    node_->Tick();
    Step({.type = MessageType::kHeartbeatResponse,
          .from = Replica(3),
          .term = Term{1},
          .log_index = Index{1},
          .hint_index = Index{1}});
    Serve();
  }
  ASSERT_EQ(node_->role(), Role::kLeader);
  EXPECT_EQ(lag(3), 0);
  EXPECT_GT(lag(2), 80) << "silence for more than an election timeout is no sign of being in sync";
}

// While the log store reads, the follower's answers move what it is sent next (planted:
// entries-of-another-place; scripts/raft/cases/store_answers_late.txt has the whole story).
TEST_F(NodeRules, WhatTheLogStoreReadIsSentOnlyWhereItStillBelongs) {
  Start({.hard_state = {.term = Term{1}}, .start = {.index = Index{5}, .term = Term{1}}});
  Elect(2);
  Serve();
  const Message refusal{.type = MessageType::kAppendResponse,
                        .term = Term{2},
                        .log_index = Index{5},
                        .hint_index = Index{2},
                        .hint_term = Term{1},
                        .reject = true};
  Step(refusal);
  Serve();
  ASSERT_EQ(wanted_.size(), 1u);
  node_->ProvideEntries(Replica(2), Index{2}, {Data(2, 1), Data(3, 1)});
  ASSERT_EQ(Count(Serve(), MessageType::kAppend), 1u);
  const auto accept = [&](std::uint64_t index) {
    Step({.type = MessageType::kAppendResponse,
          .term = Term{2},
          .log_index = Index{index},
          .hint_index = Index{index}});
    return Serve();
  };
  accept(3);
  ASSERT_EQ(wanted_.size(), 2u);
  EXPECT_EQ(wanted_[1].first, Index{4});
  accept(5);
  node_->ProvideEntries(Replica(2), Index{4}, {Data(4, 1), Data(5, 1)});
  for (const Message& message : Serve()) {
    if (message.type != MessageType::kAppend || message.entries.empty()) continue;
    EXPECT_EQ(message.entries.front().index, message.log_index + 1);
  }
}

}  // namespace
}  // namespace kronika::raft
