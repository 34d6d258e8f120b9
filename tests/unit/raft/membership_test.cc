// Membership: targets that are refused, and what the describing words look like.
#include "raft/core/membership.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

ReplicaId Replica(int broker, std::uint64_t incarnation = 1) {
  return {BrokerId{broker}, Incarnation{incarnation}};
}

TEST(Membership, ATargetNamesAtLeastOneVoterAndNobodyTwice) {
  EXPECT_TRUE(ValidateTarget({.voters = {Replica(1)}, .learners = {Replica(2)}}).has_value());
  EXPECT_FALSE(ValidateTarget({.learners = {Replica(2)}}).has_value());
  EXPECT_FALSE(ValidateTarget({.voters = {Replica(1), Replica(1)}}).has_value());
  EXPECT_FALSE(ValidateTarget({.voters = {Replica(1)}, .learners = {Replica(1)}}).has_value());
  EXPECT_FALSE(ValidateTarget({.voters = {Replica(1)}, .outgoing = {Replica(2)}}).has_value());
  EXPECT_FALSE(ValidateTarget({.voters = {ReplicaId{}}}).has_value());
}

// (SAFETY A4) Two incarnations of a broker are two replicas, and may stand in one joint
// configuration.
TEST(Membership, AnotherIncarnationIsAnotherReplica) {
  const Membership now{.voters = {Replica(1), Replica(2), Replica(3)}, .metadata_index = 1};
  const Membership target{.voters = {Replica(1), Replica(2), Replica(3, 9)}, .metadata_index = 9};
  const Membership joint = BeginChange(now, target);
  EXPECT_TRUE(joint.IsVoter(Replica(3)));
  EXPECT_TRUE(joint.IsVoter(Replica(3, 9)));
  EXPECT_EQ(joint.Describe(), "{1#1 2#1 3#9 | outgoing 1#1 2#1 3#1 @9}");
  EXPECT_EQ(LeaveJoint(joint), target);
  EXPECT_EQ(AllVoters(joint).size(), 4u);
}

TEST(Membership, AnotherOrderOrAnotherLearnerNeedsNoJointStep) {
  const Membership now{.voters = {Replica(1), Replica(2)}, .metadata_index = 1};
  const Membership target{
      .voters = {Replica(2), Replica(1)}, .learners = {Replica(3)}, .metadata_index = 2};
  EXPECT_FALSE(BeginChange(now, target).joint());
  EXPECT_TRUE(TakesEffect(now, target));
}

TEST(Membership, WhoBootedEmptyTakesTheFirstConfiguration) {
  const Membership any{.voters = {Replica(1)}, .outgoing = {Replica(2)}, .metadata_index = 4};
  EXPECT_TRUE(TakesEffect({}, any));
  EXPECT_FALSE(TakesEffect({}, {}));
}

}  // namespace
}  // namespace kronika::raft
