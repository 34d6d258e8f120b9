// LeaderStates: whose word on a group's leader counts.
//
// Planted bug that was seen to be caught: candidate-outranks-leader.
#include "raft/leader_states.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

constexpr GroupId kGroup{7};

LeaderState Said(std::uint64_t term, BrokerId leader, std::uint64_t version = 0) {
  return {.group = kGroup,
          .term = Term{term},
          .leader = leader,
          .version = version,
          .isr = {},
          .leader_epoch = Term{term}};
}

// It lost the election and hears of it from the winner's push first: what it says again of its own
// candidacy must not hide the leader, whose later words have the same version.
TEST(LeaderStates, ACandidateSaysNothingOnceItsTermHasALeader) {
  LeaderStates states;
  states.Publish(Said(5, kNoBroker), false);
  EXPECT_EQ(states.Find(kGroup)->leader, kNoBroker);
  states.Learn(Said(5, BrokerId{2}, 1));
  states.Publish(Said(5, kNoBroker), false);
  states.Learn(Said(5, BrokerId{2}, 1));
  EXPECT_EQ(states.Find(kGroup)->leader, BrokerId{2});
  states.Publish(Said(6, kNoBroker), false);
  EXPECT_EQ(states.Find(kGroup)->leader, kNoBroker) << "a newer term has no leader yet";
}

TEST(LeaderStates, ACandidateThatLagsDoesNotTakeTheEpochBack) {
  LeaderStates states;
  states.Learn(Said(5, BrokerId{2}, 1));
  LeaderState candidate = Said(6, kNoBroker);
  candidate.leader_epoch = Term{3};
  states.Publish(candidate, false);
  EXPECT_EQ(states.Find(kGroup)->leader_epoch, Term{5});
}

// In doubt for a moment before its first word was sent: it is sent all the same.
TEST(LeaderStates, ALeaderThatGoesOnIsPushedAgain) {
  LeaderStates states;
  states.Publish(Said(5, BrokerId{1}), true);
  states.Yield(kGroup);
  EXPECT_TRUE(states.TakeChanges().empty());
  states.Publish(Said(5, BrokerId{1}), true);
  ASSERT_EQ(states.TakeChanges().size(), 1U);
  states.Publish(Said(5, BrokerId{1}), true);
  EXPECT_TRUE(states.TakeChanges().empty()) << "nothing changed";
}

}  // namespace
}  // namespace kronika::raft
