// Who is in sync: SAFETY C9 and decision D10.
#include "broker/partition/isr.h"

#include <gtest/gtest.h>

namespace kronika::broker {
namespace {

raft::ReplicaId Replica(int broker, std::uint64_t incarnation = 1) {
  return {BrokerId{broker}, Incarnation{incarnation}};
}

raft::NodeStatus Leader() {
  raft::NodeStatus out;
  out.self = Replica(2);
  out.role = raft::Role::kLeader;
  out.membership.voters = {Replica(1), Replica(2), Replica(3)};
  out.membership.learners = {Replica(4)};
  for (int broker : {1, 3, 4}) out.replicas.push_back({.id = Replica(broker)});
  return out;
}

using List = std::vector<BrokerId>;

TEST(InSyncReplicas, CaughtUpWithinTheLagInAssignmentOrder) {
  auto status = Leader();
  EXPECT_EQ(InSyncReplicas(status, 10), (List{BrokerId{1}, BrokerId{2}, BrokerId{3}}));
  status.replicas[0].ticks_since_caught_up = 10;
  status.replicas[1].ticks_since_caught_up = 11;
  EXPECT_EQ(InSyncReplicas(status, 10), (List{BrokerId{1}, BrokerId{2}}));
}

TEST(InSyncReplicas, AnotherIncarnationDoesNotCount) {
  auto status = Leader();
  status.replicas[0].id = Replica(1, 9);
  EXPECT_EQ(InSyncReplicas(status, 10), (List{BrokerId{2}, BrokerId{3}}));
}

TEST(InSyncReplicas, OnlyALeaderSaysAndWithoutAQuorumItIsAlone) {
  auto status = Leader();
  status.lost_quorum = true;
  EXPECT_EQ(InSyncReplicas(status, 10), List{BrokerId{2}});
  status.lost_quorum = false;
  status.role = raft::Role::kFollower;
  EXPECT_EQ(InSyncReplicas(status, 10), List{});
}

raft::NodeStatus LeaderOfThree(std::uint64_t own, std::uint64_t second, std::uint64_t third) {
  raft::NodeStatus out;
  out.self = Replica(2);
  out.role = raft::Role::kLeader;
  out.durable = Index{own};
  for (auto [broker, match] : {std::pair{1, second}, {2, own + 5}, {3, third}}) {
    out.replicas.push_back({.id = Replica(broker), .match = Index{match}, .voter = true});
  }
  return out;
}

TEST(ReplicatedIndex, IsWhatAMajorityHasOnDisk) {
  EXPECT_EQ(ReplicatedIndex(LeaderOfThree(9, 7, 3), 1), Index{7});
  EXPECT_EQ(ReplicatedIndex(LeaderOfThree(2, 7, 3), 1), Index{3}) << "own disk, not own log";
}

TEST(ReplicatedIndex, MinInsyncReplicasAboveTheMajorityCounts) {
  EXPECT_EQ(ReplicatedIndex(LeaderOfThree(9, 7, 3), 3), Index{3});
  EXPECT_EQ(ReplicatedIndex(LeaderOfThree(9, 7, 3), 4), Index{});
}

TEST(ReplicatedIndex, ALearnerDoesNotCount) {
  auto status = LeaderOfThree(9, 7, 3);
  status.replicas.push_back({.id = Replica(4), .match = Index{9}, .voter = false});
  EXPECT_EQ(ReplicatedIndex(status, 1), Index{7});
}

}  // namespace
}  // namespace kronika::broker
