// The Ready contract of one Node: what comes out when, and what a report of durability releases.
#include "raft/core/node.h"

#include <gtest/gtest.h>

#include "raft/core/membership.h"

namespace kronika::raft {
namespace {

ReplicaId Replica(int broker) {
  return {BrokerId{broker}, Incarnation{1}};
}

Membership Voters(std::vector<int> brokers) {
  Membership out;
  for (int broker : brokers) out.voters.push_back(Replica(broker));
  return out;
}

Recovered Founding(std::vector<int> brokers) {
  return {.hard_state = {}, .start = {.membership = Voters(std::move(brokers))}, .entries = {}};
}

// Takes one Ready and does at once what it asks, but keeps the messages.
Ready Serve(Node& node) {
  Ready ready = node.TakeReady();
  if (ready.write.id != 0) node.OnWritten(ready.write.id);
  if (!ready.committed.empty()) node.OnApplied(ready.committed.back().index);
  return ready;
}

// Delivers everything between `nodes` until nothing moves.
void Settle(std::vector<Node*> nodes) {
  bool moved = true;
  while (moved) {
    moved = false;
    for (Node* node : nodes) {
      while (node->HasReady()) {
        moved = true;
        for (Message& message : Serve(*node).messages) {
          for (Node* to : nodes) {
            if (to->status().self == message.to) to->Step(message);
          }
        }
      }
    }
  }
}

TEST(Node, AloneItLeadsAndCommitsOnlyWhatIsDurable) {
  SeededRng rng(1);
  Node node(Replica(1), {}, Founding({1}), rng);
  node.Campaign();
  Ready vote = node.TakeReady();
  ASSERT_TRUE(vote.write.hard_state.has_value());
  EXPECT_EQ(vote.write.hard_state->vote, Replica(1));
  EXPECT_EQ(node.status().role, Role::kCandidate) << "its own vote is not durable yet";
  node.OnWritten(vote.write.id);
  EXPECT_EQ(node.status().role, Role::kLeader);

  Ready no_op = node.TakeReady();
  ASSERT_EQ(no_op.write.entries.size(), 1u);
  EXPECT_TRUE(no_op.committed.empty());
  ASSERT_TRUE(node.Propose(EntryType::kData, Slice::CopyOf("x"), 5).has_value());
  node.OnWritten(no_op.write.id);
  Ready committed = node.TakeReady();
  ASSERT_EQ(committed.committed.size(), 1u) << "the proposal's write is not reported";
  node.OnWritten(committed.write.id);
  EXPECT_EQ(node.TakeReady().committed.at(0).payload.text(), "x");
}

TEST(Node, ThreeElectTheFirstThatCampaignsAndReplicate) {
  SeededRng rng(1);
  Node a(Replica(1), {}, Founding({1, 2, 3}), rng);
  Node b(Replica(2), {}, Founding({1, 2, 3}), rng);
  Node c(Replica(3), {}, Founding({1, 2, 3}), rng);
  a.Campaign();
  Settle({&a, &b, &c});
  ASSERT_EQ(a.status().role, Role::kLeader) << a.status().Describe();
  EXPECT_TRUE(a.status().serving);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(a.Propose(EntryType::kData, Slice::CopyOf("record"), i).has_value());
  }
  Settle({&a, &b, &c});
  for (Node* node : {&a, &b, &c}) {
    EXPECT_EQ(node->status().leader, Replica(1));
    EXPECT_EQ(node->status().commit, Index{21}) << node->status().Describe();
    EXPECT_EQ(node->status().durable, Index{21});
  }
}

TEST(Node, AReplicaIsReplacedThroughAJointConfiguration) {
  SeededRng rng(1);
  Node a(Replica(1), {}, Founding({1, 2, 3}), rng);
  Node b(Replica(2), {}, Founding({1, 2, 3}), rng);
  Node c(Replica(3), {}, Founding({1, 2, 3}), rng);
  Node d(Replica(4), {}, {}, rng);
  const std::vector<Node*> all{&a, &b, &c, &d};
  a.Campaign();
  Settle(all);
  Membership target = Voters({1, 2, 4});
  target.metadata_index = 7;
  ASSERT_TRUE(a.ProposeMembership(target, 1).has_value());
  EXPECT_EQ(a.ProposeMembership(target, 1).error().code, ErrorCode::kBusy);
  Settle(all);
  EXPECT_EQ(a.status().membership, target) << a.status().Describe();
  EXPECT_EQ(d.status().membership, target);
  EXPECT_EQ(d.status().last, a.status().last);
  EXPECT_EQ(d.status().commit, a.status().commit);
}

TEST(Node, ReadsAreGrantedByAQuorumOnly) {
  SeededRng rng(1);
  Node a(Replica(1), {}, Founding({1, 2, 3}), rng);
  Node b(Replica(2), {}, Founding({1, 2, 3}), rng);
  a.Campaign();
  Settle({&a, &b});
  ASSERT_EQ(a.status().role, Role::kLeader);
  a.ReadIndex(42);
  Ready asked = a.TakeReady();
  EXPECT_TRUE(asked.reads.empty());
  for (Message& message : asked.messages) {
    if (message.to == Replica(2)) b.Step(message);
  }
  for (Message& message : Serve(b).messages) a.Step(message);
  Ready granted = a.TakeReady();
  ASSERT_EQ(granted.reads.size(), 1u);
  EXPECT_TRUE(granted.reads[0].granted);
  EXPECT_EQ(granted.reads[0].context, 42u);
  b.ReadIndex(43);
  EXPECT_FALSE(b.TakeReady().reads.at(0).granted);
}

TEST(Node, WithoutAQuorumALeaderStepsDownAndSaysSo) {
  SeededRng rng(1);
  Node a(Replica(1), {}, Founding({1, 2, 3}), rng);
  Node b(Replica(2), {}, Founding({1, 2, 3}), rng);
  a.Campaign();
  Settle({&a, &b});
  ASSERT_EQ(a.status().role, Role::kLeader);
  for (int tick = 0; tick < 24; ++tick) a.Tick();
  EXPECT_EQ(a.status().role, Role::kFollower);
  EXPECT_TRUE(a.status().lost_quorum);
  EXPECT_FALSE(a.status().leader.valid());
}

}  // namespace
}  // namespace kronika::raft
