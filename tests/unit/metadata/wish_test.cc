// The steps of a membership wish as its group's leader takes them (safety rule A13).
#include "metadata/wish.h"

#include <gtest/gtest.h>

namespace kronika::metadata {
namespace {

constexpr raft::ReplicaId kOne{{1}, {5}}, kTwo{{2}, {5}}, kLost{{3}, {5}}, kNew{{3}, {9}};
constexpr int kLag = 20;

GroupMembers Members() {
  GroupMembers members{.founding = {kOne, kTwo, kLost},
                       .voters = {kOne, kTwo, kLost},
                       .learners = {},
                       .metadata_index = 5,
                       .wish = MembershipWish{9, {kOne, kTwo, kNew}, {}}};
  return members;
}

raft::NodeStatus Leader(raft::Membership fact) {
  raft::NodeStatus status{.self = kOne, .membership = std::move(fact)};
  status.serving = true;
  for (auto id : {kTwo, kNew}) {
    status.replicas.push_back({.id = id, .match = Index{7}, .active = true});
  }
  return status;
}

TEST(WishTest, IncomingReplicasLearnBeforeTheyVote) {
  const GroupMembers members = Members();
  auto step = NextWishStep(members, Leader(members.FoundingMembership()), kLag);
  ASSERT_TRUE(step.propose);
  EXPECT_EQ(step.propose->voters, members.voters) << "nobody is out before his successor is level";
  EXPECT_EQ(step.propose->learners, std::vector{kNew});
  EXPECT_GT(step.propose->metadata_index, members.FoundingMembership().metadata_index);
}

// Seen to catch the planted bug "voter-before-caught-up".
TEST(WishTest, LearnersVoteOnceTheyAreLevel) {
  const GroupMembers members = Members();
  const raft::Membership learning =
      *NextWishStep(members, Leader(members.FoundingMembership()), kLag).propose;
  raft::NodeStatus leader = Leader(learning);
  leader.replicas.back().ticks_since_caught_up = kLag + 1;
  EXPECT_FALSE(NextWishStep(members, leader, kLag).propose) << "too far behind";
  leader.replicas.back() = {.id = kNew, .match = Index{7}, .active = false};
  EXPECT_FALSE(NextWishStep(members, leader, kLag).propose) << "silent";
  leader.replicas.back() = {.id = kNew, .match = Index{}, .active = true};
  EXPECT_FALSE(NextWishStep(members, leader, kLag).propose) << "holds nothing";
  leader.replicas.back() = {.id = kNew, .match = Index{7}, .active = true};
  auto step = NextWishStep(members, leader, kLag);
  ASSERT_TRUE(step.propose);
  EXPECT_EQ(step.propose->voters, members.wish->voters);
  EXPECT_GT(step.propose->metadata_index, learning.metadata_index) << "else it is void in the log";
}

TEST(WishTest, DoneIsReportedAfterTheJointConfigurationWasLeft) {
  const GroupMembers members = Members();
  raft::Membership fact = members.WishedMembership();
  fact.metadata_index = FinalStepOf(members.wish->metadata_index);
  fact.outgoing = members.voters;
  EXPECT_FALSE(NextWishStep(members, Leader(fact), kLag).done);
  fact.outgoing.clear();
  EXPECT_TRUE(NextWishStep(members, Leader(fact), kLag).done);
}

TEST(WishTest, AnOlderWishNeitherFollowsNorReportsANewerOne) {
  const GroupMembers members = Members();
  raft::Membership newer = members.FoundingMembership();
  newer.metadata_index = LearnerStepOf(members.wish->metadata_index + 1);
  auto step = NextWishStep(members, Leader(newer), kLag);
  EXPECT_FALSE(step.propose);
  EXPECT_FALSE(step.done);
}

TEST(WishTest, ChangesOfLearnersAloneAreOneStep) {
  GroupMembers members = Members();
  members.wish = MembershipWish{9, members.voters, {{{4}, {9}}}};
  auto step = NextWishStep(members, Leader(members.FoundingMembership()), kLag);
  ASSERT_TRUE(step.propose);
  EXPECT_EQ(step.propose->metadata_index, FinalStepOf(9));
  EXPECT_EQ(step.propose->learners, members.wish->learners);
}

}  // namespace
}  // namespace kronika::metadata
