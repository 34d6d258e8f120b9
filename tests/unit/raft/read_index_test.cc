// ReadRounds: who confirms which read (thesis §6.4). Seen to catch the planted bug
// read-without-quorum.
#include "raft/core/read_index.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

ReplicaId Replica(int broker) {
  return {BrokerId{broker}, Incarnation{1}};
}

const Membership kThree{.voters = {Replica(1), Replica(2), Replica(3)}, .learners = {Replica(4)}};

TEST(ReadRounds, AQuorumConfirmsARoundAndAllBeforeIt) {
  ReadRounds reads;
  reads.Add(7);
  reads.Add(8);
  const std::uint64_t first = reads.Begin(Index{5});
  reads.Add(9);
  const std::uint64_t second = reads.Begin(Index{6});
  EXPECT_TRUE(reads.TakeConfirmed(kThree, Replica(1)).empty());
  reads.OnAnswer(Replica(4), second);
  EXPECT_TRUE(reads.TakeConfirmed(kThree, Replica(1)).empty()) << "a learner decides nothing";
  reads.OnAnswer(Replica(2), first);
  std::vector<ReadGrant> grants = reads.TakeConfirmed(kThree, Replica(1));
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(grants[0].index, Index{5});
  reads.OnAnswer(Replica(3), second);
  grants = reads.TakeConfirmed(kThree, Replica(1));
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].context, 9u);
  EXPECT_FALSE(reads.HasOpenRound());
}

TEST(ReadRounds, AnAnswerFromBeforeTheReadDoesNotCount) {
  ReadRounds reads;
  reads.Add(1);
  const std::uint64_t first = reads.Begin(Index{1});
  reads.OnAnswer(Replica(2), first + 5);
  reads.Add(2);
  reads.Begin(Index{1});
  EXPECT_EQ(reads.TakeConfirmed(kThree, Replica(1)).size(), 1u) << "only the round that existed";
}

TEST(ReadRounds, LossOfLeadershipRefusesAll) {
  ReadRounds reads;
  reads.Add(1);
  reads.Begin(Index{1});
  reads.Add(2);
  const std::vector<ReadGrant> refused = reads.Refuse();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_FALSE(refused[0].granted);
  EXPECT_FALSE(reads.HasArrived());
}

TEST(ReadRounds, AloneALeaderConfirmsItself) {
  ReadRounds reads;
  reads.Add(1);
  reads.Begin(Index{1});
  EXPECT_EQ(reads.TakeConfirmed({.voters = {Replica(1)}}, Replica(1)).size(), 1u);
}

}  // namespace
}  // namespace kronika::raft
