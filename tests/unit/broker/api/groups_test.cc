// The group APIs through the dispatcher: codes, versions and fields. What coordinators decide is
// shown by tests/scripts/group.
//
// Planted bugs that were seen to be caught: stale-coordinator-answers, offsets-kept-by-name,
// old-image-answers, committed-epoch-ignored, commit-retention-ignored.
#include <gtest/gtest.h>

#include "proto/kafka/delete_groups.h"
#include "proto/kafka/describe_groups.h"
#include "proto/kafka/heartbeat.h"
#include "proto/kafka/join_group.h"
#include "proto/kafka/leave_group.h"
#include "proto/kafka/list_groups.h"
#include "proto/kafka/offset_commit.h"
#include "proto/kafka/offset_delete.h"
#include "proto/kafka/offset_fetch.h"
#include "proto/kafka/sync_group.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

class GroupsTest : public testing::Test {
 protected:
  GroupsTest() : offsets_(cluster_.AddOffsetsTopic(1)), topic_(cluster_.AddTopic("t", 2)) {}

  kafka::JoinGroupResponse Join(std::string_view member, std::int16_t version) {
    kafka::JoinGroupRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 10'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", Slice::CopyOf("hello")});
    return cluster_.Call(request, version);
  }
  // A stable group of one member.
  std::string Stable() {
    const auto joined = Join("", 3);
    kafka::SyncGroupRequest sync;
    sync.group_id = "g";
    sync.generation_id = joined.generation_id;
    sync.member_id = joined.member_id;
    sync.assignments.push_back({joined.member_id, Slice::CopyOf("all")});
    const auto synced = cluster_.Call(sync, 5);
    EXPECT_EQ(synced.error_code, KafkaError::kNone);
    EXPECT_EQ(synced.assignment.text(), "all");
    EXPECT_EQ(synced.protocol_name, "range");
    return joined.member_id;
  }
  KafkaError Heartbeat(std::string_view member, std::int32_t generation) {
    kafka::HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    return cluster_.Call(request, 4).error_code;
  }
  kafka::OffsetCommitRequest CommitRequest(std::string_view topic, std::int64_t offset,
                                           std::int32_t leader_epoch = 4) {
    kafka::OffsetCommitRequest request;
    request.group_id = "g";
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    auto& partition = asked.partitions.emplace_back();
    partition.partition_index = 1;
    partition.committed_offset = offset;
    partition.committed_leader_epoch = leader_epoch;
    partition.committed_metadata = "note";
    return request;
  }
  KafkaError Commit(const kafka::OffsetCommitRequest& request, std::int16_t version = 8) {
    return cluster_.Call(request, version).topics.at(0).partitions.at(0).error_code;
  }
  std::int64_t Fetch(std::string_view topic = "t") {
    kafka::OffsetFetchRequest request;
    auto& group = request.groups.emplace_back();
    group.group_id = "g";
    group.topics->push_back({topic, {1}});
    const auto response = cluster_.Call(request, 8);
    EXPECT_EQ(response.groups.at(0).error_code, KafkaError::kNone);
    return response.groups.at(0).topics.at(0).partitions.at(0).committed_offset;
  }
  FakePartition& Coordinated() { return cluster_.At(offsets_, 0); }

  FakeCluster cluster_;
  const Uuid offsets_, topic_;
};

TEST_F(GroupsTest, ANewMemberIsToldItsIdAndJoinsAgain) {
  const auto told = Join("", 9);
  EXPECT_EQ(told.error_code, KafkaError::kMemberIdRequired);
  EXPECT_TRUE(told.member_id.starts_with("tests-"));
  EXPECT_FALSE(told.protocol_name.has_value());
  const auto joined = Join(told.member_id, 9);
  EXPECT_EQ(joined.error_code, KafkaError::kNone);
  EXPECT_EQ(joined.generation_id, 1);
  EXPECT_EQ(joined.leader, told.member_id);
  EXPECT_EQ(joined.protocol_type, "consumer");
  ASSERT_EQ(joined.members.size(), 1U);
  EXPECT_EQ(joined.members[0].metadata.text(), "hello");
}

TEST_F(GroupsTest, OldVersionsJoinAtOnce) {
  EXPECT_EQ(Join("", 0).error_code, KafkaError::kNone);
}

TEST_F(GroupsTest, RequestsWithoutAGroupAreRefused) {
  kafka::JoinGroupRequest join;
  join.session_timeout_ms = 10'000;
  EXPECT_EQ(cluster_.Call(join, 5).error_code, KafkaError::kInvalidGroupId);
  EXPECT_EQ(cluster_.Call(kafka::HeartbeatRequest{}, 4).error_code, KafkaError::kInvalidGroupId);
  EXPECT_EQ(cluster_.Call(kafka::SyncGroupRequest{}, 5).error_code, KafkaError::kInvalidGroupId);
  EXPECT_EQ(cluster_.Call(kafka::LeaveGroupRequest{}, 5).error_code, KafkaError::kInvalidGroupId);
}

TEST_F(GroupsTest, AMemberLivesCommitsAndLeaves) {
  const std::string member = Stable();
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kNone);
  EXPECT_EQ(Heartbeat(member, 2), KafkaError::kIllegalGeneration);
  auto request = CommitRequest("t", 42);
  request.member_id = member;
  request.generation_id_or_member_epoch = 1;
  EXPECT_EQ(Commit(request), KafkaError::kNone);
  EXPECT_EQ(Fetch(), 42);
  kafka::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.push_back({.member_id = member});
  leave.members.push_back({.member_id = "nobody"});
  const auto left = cluster_.Call(leave, 5);
  EXPECT_EQ(left.error_code, KafkaError::kNone);
  ASSERT_EQ(left.members.size(), 2U);
  EXPECT_EQ(left.members[0].error_code, KafkaError::kNone);
  EXPECT_EQ(left.members[1].error_code, KafkaError::kUnknownMemberId);
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kUnknownMemberId);
}

TEST_F(GroupsTest, OneMemberLeavesInOldVersions) {
  kafka::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.member_id = "nobody";
  EXPECT_EQ(cluster_.Call(leave, 2).error_code, KafkaError::kUnknownMemberId);
  const std::string member = Stable();
  leave.member_id = member;
  EXPECT_EQ(cluster_.Call(leave, 2).error_code, KafkaError::kNone);
}

TEST_F(GroupsTest, ACommitIsRefusedPartByPart) {
  auto request = CommitRequest("t", 1);
  request.topics[0].partitions.push_back({.partition_index = 2, .committed_offset = 1});
  const std::string text(4097, 'x');
  request.topics[0].partitions.push_back(
      {.partition_index = 0, .committed_offset = 1, .committed_metadata = text});
  request.topics.push_back({.name = "unknown", .partitions = {{.committed_offset = 1}}});
  const auto response = cluster_.Call(request, 8);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, KafkaError::kNone);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[0].partitions[2].error_code, KafkaError::kOffsetMetadataTooLarge);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(Fetch(), 1);
}

// Versions 2 to 4 may name a retention time; the others have no field for it.
TEST_F(GroupsTest, ACommitMayChooseItsRetention) {
  const auto expires = [&](std::int64_t retention_ms, std::int16_t version) {
    auto request = CommitRequest("t", 1, -1);
    request.retention_time_ms = retention_ms;
    EXPECT_EQ(Commit(request, version), KafkaError::kNone);
    const auto& map = static_cast<OffsetsPartition&>(*Coordinated().state).map();
    const StoredOffset* stored = map.FindOffset({"g", "t", 1});
    if (!stored || stored->expire_timestamp_ms < 0) return std::int64_t{-1};
    return stored->expire_timestamp_ms - stored->commit_timestamp_ms;
  };
  EXPECT_EQ(expires(60'000, 2), 60'000);
  EXPECT_EQ(expires(-1, 2), -1);
  EXPECT_EQ(expires(0, 4), 0);
  EXPECT_EQ(expires(-1, 8), -1);
}

TEST_F(GroupsTest, AnUnknownGroupHasNoGeneration) {
  auto request = CommitRequest("t", 1);
  request.generation_id_or_member_epoch = 3;
  request.member_id = "m";
  EXPECT_EQ(Commit(request), KafkaError::kIllegalGeneration);
}

TEST_F(GroupsTest, ACommitThatCannotBeStoredIsRefused) {
  Coordinated().append_error = KafkaError::kNotEnoughReplicas;
  EXPECT_EQ(Commit(CommitRequest("t", 1)), KafkaError::kCoordinatorNotAvailable);
  Coordinated().append_error = KafkaError::kMessageTooLarge;
  EXPECT_EQ(Commit(CommitRequest("t", 1)), KafkaError::kInvalidCommitOffsetSize);
  Coordinated().append_error = KafkaError::kNone;
  EXPECT_EQ(Fetch(), -1);
  // One that waits for its replicas too long; it may be stored all the same.
  Coordinated().hold_appends = true;
  EXPECT_EQ(Commit(CommitRequest("t", 2)), KafkaError::kCoordinatorNotAvailable);
}

TEST_F(GroupsTest, FetchedByNameListOrAll) {
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNone);
  kafka::OffsetFetchRequest request;
  request.group_id = "g";
  request.topics->push_back({"t", {0, 1}});
  for (std::int16_t version : {1, 5, 7}) {
    const auto response = cluster_.Call(request, version);
    const auto& partitions = response.topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).committed_offset, -1);
    EXPECT_EQ(partitions.at(0).error_code, KafkaError::kNone);
    EXPECT_EQ(partitions.at(1).committed_offset, 7);
    EXPECT_EQ(partitions.at(1).metadata, "note");
    if (version >= 5) {
      EXPECT_EQ(partitions.at(1).committed_leader_epoch, 4);
    }
  }
  request.topics.reset();
  const auto all = cluster_.Call(request, 2);
  ASSERT_EQ(all.topics.size(), 1U);
  EXPECT_EQ(all.topics[0].partitions.at(0).partition_index, 1);
}

TEST_F(GroupsTest, NothingOfADeletedTopicReachesItsSuccessor) {
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNone);
  cluster_.DeleteTopics({{.id = topic_}}, Instant{}, [](auto) {});
  EXPECT_EQ(Fetch(), -1);
  const Uuid successor = cluster_.AddTopic("t", 2);
  cluster_.led[{successor, 1}].leader_epoch = 22;
  EXPECT_EQ(Fetch(), -1);
  // A consumer that has not heard of it yet commits what it read of the first one.
  EXPECT_EQ(Commit(CommitRequest("t", 8)), KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(Fetch(), -1);
  EXPECT_EQ(Commit(CommitRequest("t", 3, 22)), KafkaError::kNone);
  EXPECT_EQ(Fetch(), 3);
  EXPECT_EQ(Commit(CommitRequest("t", 5, -1)), KafkaError::kNone);
}

// The image does not know the topic's successor yet, whose epochs begin above its own by more than
// a deletion leaves: taken for the first one's it would be forgotten with it.
TEST_F(GroupsTest, ACommitForASuccessorThatIsNotKnownYetIsRefused) {
  EXPECT_EQ(Commit(CommitRequest("t", 7, 5 + 17)), KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(Fetch(), -1);
  EXPECT_EQ(Commit(CommitRequest("t", 7, 5 + 16)), KafkaError::kNone) << "some elections later";
  cluster_.led.clear();  // never heard of its leader
  EXPECT_EQ(Commit(CommitRequest("t", 8, 99)), KafkaError::kNone);
}

// Fails with the planted bug repeats-answered.
TEST_F(GroupsTest, WhatIsAskedForTwiceIsAnsweredOnce) {
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNone);
  kafka::OffsetFetchRequest fetch;
  for (int i = 0; i < 3; ++i) fetch.groups.emplace_back().group_id = i == 1 ? "other" : "g";
  for (const std::int32_t number : {1, 0}) fetch.groups[0].topics->push_back({"t", {1, number, 1}});
  const auto fetched = cluster_.Call(fetch, 8);
  ASSERT_EQ(fetched.groups.size(), 2U);
  ASSERT_EQ(fetched.groups[0].topics.size(), 2U);
  EXPECT_EQ(fetched.groups[0].topics[0].partitions.size(), 1U);
  ASSERT_EQ(fetched.groups[0].topics[1].partitions.size(), 1U);
  EXPECT_EQ(fetched.groups[0].topics[1].partitions[0].partition_index, 0);
  kafka::DescribeGroupsRequest describe;
  describe.groups = {"g", "other", "g"};
  EXPECT_EQ(cluster_.Call(describe, 5).groups.size(), 2U);
}

// An earlier coordinator knew more of the metadata: what it acknowledged is not told as "never".
TEST_F(GroupsTest, AnImageOlderThanACommitDoesNotDenyIt) {
  const auto before = cluster_.image;
  cluster_.AddTopic("new", 2);
  EXPECT_EQ(Commit(CommitRequest("new", 7)), KafkaError::kNone);
  const auto after = std::exchange(cluster_.image, before);
  kafka::OffsetFetchRequest request;
  request.groups.push_back({.group_id = "g"});
  request.groups[0].topics->push_back({"new", {1}});
  const auto fetched = [&] {
    const auto response = cluster_.Call(request, 8);
    return std::pair(response.groups.at(0).error_code, response.groups.at(0).topics.size());
  };
  using Answer = std::pair<KafkaError, std::size_t>;
  EXPECT_EQ(fetched(), Answer(KafkaError::kCoordinatorLoadInProgress, 0));
  request.groups[0].topics.reset();
  EXPECT_EQ(fetched(), Answer(KafkaError::kCoordinatorLoadInProgress, 0));
  request.group_id = "g";
  request.topics->push_back({"new", {1}});
  EXPECT_EQ(cluster_.Call(request, 5).error_code, KafkaError::kCoordinatorLoadInProgress);
  EXPECT_EQ(cluster_.Call(request, 1).topics.at(0).partitions.at(0).error_code,
            KafkaError::kCoordinatorLoadInProgress);
  cluster_.image = after;
  EXPECT_EQ(Fetch("new"), 7);
}

TEST_F(GroupsTest, DescribedListedAndDeleted) {
  const std::string member = Stable();
  kafka::DescribeGroupsRequest describe;
  describe.groups = {"g", "unknown"};
  describe.include_authorized_operations = true;
  for (std::int16_t version : {0, 5, 6}) {
    const auto response = cluster_.Call(describe, version);
    EXPECT_EQ(response.groups[0].group_state, "Stable");
    EXPECT_EQ(response.groups[0].protocol_data, "range");
    ASSERT_EQ(response.groups[0].members.size(), 1U);
    EXPECT_EQ(response.groups[0].members[0].member_id, member);
    EXPECT_EQ(response.groups[0].members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(response.groups[0].members[0].member_assignment.text(), "all");
    EXPECT_EQ(response.groups[1].group_state, "Dead");
    EXPECT_EQ(response.groups[1].error_code,
              version >= 6 ? KafkaError::kGroupIdNotFound : KafkaError::kNone);
  }
  kafka::ListGroupsRequest list;
  EXPECT_EQ(cluster_.Call(list, 0).groups.at(0).group_id, "g");
  list.states_filter = {"stable"};
  list.types_filter = {"Classic"};
  EXPECT_EQ(cluster_.Call(list, 5).groups.at(0).group_type, "classic");
  list.states_filter = {"Empty"};
  EXPECT_TRUE(cluster_.Call(list, 5).groups.empty());
  list.states_filter = {};
  list.types_filter = {"consumer"};
  EXPECT_TRUE(cluster_.Call(list, 5).groups.empty());
  kafka::DeleteGroupsRequest remove;
  remove.groups_names = {"g", "unknown"};
  auto removed = cluster_.Call(remove, 3);
  EXPECT_EQ(removed.results[0].error_code, KafkaError::kNonEmptyGroup);
  EXPECT_TRUE(removed.results[0].error_message.has_value());
  EXPECT_EQ(removed.results[1].error_code, KafkaError::kGroupIdNotFound);
  kafka::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.push_back({.member_id = member});
  EXPECT_EQ(cluster_.Call(leave, 5).error_code, KafkaError::kNone);
  removed = cluster_.Call(remove, 3);
  EXPECT_EQ(removed.results[0].error_code, KafkaError::kNone);
  EXPECT_TRUE(cluster_.Call(kafka::ListGroupsRequest{}, 5).groups.empty());
}

TEST_F(GroupsTest, OffsetsAreDeletedOneByOne) {
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNone);
  kafka::OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics.push_back({"t", {{9}, {1}}});
  const auto response = cluster_.Call(request, 0);
  EXPECT_EQ(response.error_code, KafkaError::kNone);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code,
            KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics.at(0).partitions.at(1).error_code, KafkaError::kNone);
  EXPECT_EQ(Fetch(), -1);
  request.group_id = "unknown";
  EXPECT_EQ(cluster_.Call(request, 0).error_code, KafkaError::kGroupIdNotFound);
}

// Another leader may have gone on: what this one believes reaches nobody (safety rule C1).
TEST_F(GroupsTest, ADeposedCoordinatorAnswersNothing) {
  const std::string member = Stable();
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kUnknownMemberId);
  Coordinated().answer.error = KafkaError::kOffsetNotAvailable;
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kNotCoordinator);
  EXPECT_EQ(Heartbeat(member, 9), KafkaError::kNotCoordinator);
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNotCoordinator);
  kafka::OffsetFetchRequest fetch;
  fetch.groups.push_back({.group_id = "g"});
  EXPECT_EQ(cluster_.Call(fetch, 8).groups.at(0).error_code, KafkaError::kNotCoordinator);
  fetch.group_id = "g";
  EXPECT_EQ(cluster_.Call(fetch, 7).error_code, KafkaError::kNotCoordinator);
  fetch.topics->push_back({"t", {1}});
  EXPECT_EQ(cluster_.Call(fetch, 1).topics.at(0).partitions.at(0).error_code,
            KafkaError::kNotCoordinator);
  kafka::DescribeGroupsRequest describe;
  describe.groups = {"g"};
  EXPECT_EQ(cluster_.Call(describe, 5).groups.at(0).error_code, KafkaError::kNotCoordinator);
  EXPECT_TRUE(cluster_.Call(kafka::ListGroupsRequest{}, 5).groups.empty());
}

TEST_F(GroupsTest, WhoDoesNotLeadSaysSo) {
  const std::string member = Stable();
  Coordinated().state->OnLeadership(std::nullopt);
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kNotCoordinator);
  EXPECT_EQ(Commit(CommitRequest("t", 7)), KafkaError::kNotCoordinator);
  EXPECT_EQ(Join(member, 5).error_code, KafkaError::kNotCoordinator);
  Coordinated().status.begins_to_lead = true;
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kCoordinatorLoadInProgress);
  EXPECT_EQ(cluster_.Call(kafka::ListGroupsRequest{}, 5).error_code,
            KafkaError::kCoordinatorLoadInProgress);
  // The next term goes on with what is written.
  Coordinated().state->OnLeadership(Term{7});
  EXPECT_EQ(Heartbeat(member, 1), KafkaError::kNone);
}

// Who waits is told when the leadership goes.
TEST_F(GroupsTest, AWaitingMemberIsToldThatTheCoordinatorMoved) {
  Stable();
  kafka::JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 10'000;
  request.protocol_type = "consumer";
  request.protocols.push_back({"range", Slice::CopyOf("x")});
  const auto position = cluster_.Send(request, 3);
  EXPECT_FALSE(cluster_.outcomes[position].has_value());
  Coordinated().state->OnLeadership(std::nullopt);
  EXPECT_EQ(cluster_.Answer<kafka::JoinGroupRequest>(position, 3).error_code,
            KafkaError::kNotCoordinator);
}

// The fate of a record is not known: this leader answers nothing any more from what it believed.
TEST_F(GroupsTest, AnUnknownFateEndsTheCoordinator) {
  Coordinated().hold_appends = true;
  const auto position = cluster_.Send(CommitRequest("t", 7), 8);
  ASSERT_EQ(Coordinated().held.size(), 1U);
  Coordinated().held.front()(
      {.error = KafkaError::kNotEnoughReplicasAfterAppend, .may_be_in_log = true});
  const auto response = cluster_.Answer<kafka::OffsetCommitRequest>(position, 8);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, KafkaError::kNotCoordinator);
  EXPECT_EQ(Heartbeat("m", 1), KafkaError::kNotCoordinator);
}

}  // namespace
}  // namespace kronika::broker
