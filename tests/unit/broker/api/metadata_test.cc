// Metadata: what is asked for, what is told of brokers, leaders, replicas, and the differences
// between versions.
#include "proto/kafka/metadata.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::MetadataRequest;
using kafka::MetadataResponse;

MetadataRequest For(std::vector<std::string_view> names) {
  MetadataRequest out;
  out.topics.emplace();
  for (const auto name : names) out.topics->emplace_back().name = name;
  return out;
}

MetadataRequest ForAll() {
  MetadataRequest out;
  out.topics.reset();
  return out;
}

TEST(Metadata, NamesBrokersClusterAndController) {
  FakeCluster cluster;
  const auto response = cluster.Call(For({}), 12);
  ASSERT_EQ(response.brokers.size(), 3u);
  EXPECT_EQ(response.brokers[1].node_id, 2);
  EXPECT_EQ(response.brokers[1].host, "host2");
  EXPECT_EQ(response.brokers[1].port, 9093);
  EXPECT_EQ(response.brokers[1].rack, "rack2");
  EXPECT_EQ(response.brokers[2].rack, std::nullopt);
  EXPECT_EQ(response.controller_id, 2);
  EXPECT_EQ(response.cluster_id, cluster.image->cluster.ToString());
}

TEST(Metadata, ListsLiveBrokersOnlyAndAlwaysItself) {
  FakeCluster cluster;
  cluster.down = {BrokerId{1}, BrokerId{3}};
  const auto response = cluster.Call(For({}), 9);
  ASSERT_EQ(response.brokers.size(), 2u);
  EXPECT_EQ(response.brokers[0].node_id, 1);
  EXPECT_EQ(response.brokers[1].node_id, 2);
}

// Fails with the planted bug repeats-answered.
TEST(Metadata, WhatIsAskedForTwiceIsAnsweredOnce) {
  FakeCluster cluster;
  cluster.AddTopic("a", 1);
  cluster.AddTopic("b", 1);
  const auto topics = cluster.Call(For({"b", "a", "b", "nope", "a", "nope"}), 9).topics;
  ASSERT_EQ(topics.size(), 3u);
  EXPECT_EQ(topics[0].name, "b");
  EXPECT_EQ(topics[1].name, "a");
  EXPECT_EQ(topics[2].name, "nope");
}

// v0: empty means all; v1+: null means all and empty means none.
TEST(Metadata, EmptyAndNullLists) {
  FakeCluster cluster;
  cluster.AddTopic("b", 1);
  cluster.AddTopic("a", 2);
  EXPECT_EQ(cluster.Call(For({}), 0).topics.size(), 2u);
  for (std::int16_t version = 1; version <= 13; ++version) {
    EXPECT_EQ(cluster.Call(For({}), version).topics.size(), 0u) << version;
    const auto all = cluster.Call(ForAll(), version);
    ASSERT_EQ(all.topics.size(), 2u) << version;
    EXPECT_EQ(all.topics[0].name, "a");
    EXPECT_EQ(all.topics[0].partitions.size(), 2u);
  }
}

TEST(Metadata, TellsLeaderEpochReplicasAndInSync) {
  FakeCluster cluster;
  const Uuid id = cluster.AddTopic("t", 1);
  cluster.led[{id, 0}] = {
      .leader = BrokerId{2}, .leader_epoch = 9, .in_sync = {BrokerId{2}, BrokerId{1}}};
  cluster.down = {BrokerId{3}};
  const auto response = cluster.Call(For({"t"}), 12);
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].topic_id, id);
  const auto& partition = response.topics[0].partitions.at(0);
  EXPECT_EQ(partition.error_code, KafkaError::kNone);
  EXPECT_EQ(partition.leader_id, 2);
  EXPECT_EQ(partition.leader_epoch, 9);
  EXPECT_EQ(partition.replica_nodes, (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(partition.isr_nodes, (std::vector<std::int32_t>{2, 1}));
  EXPECT_EQ(partition.offline_replicas, (std::vector<std::int32_t>{3}));
}

TEST(Metadata, VersionZeroLeavesOfflineReplicasOut) {
  FakeCluster cluster;
  cluster.AddTopic("t", 1);
  cluster.down = {BrokerId{3}};
  const auto partition = cluster.Call(For({"t"}), 0).topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.error_code, KafkaError::kReplicaNotAvailable);
  EXPECT_EQ(partition.replica_nodes, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(cluster.Call(For({"t"}), 1).topics.at(0).partitions.at(0).error_code,
            KafkaError::kNone);
}

TEST(Metadata, LeadersThatAreUnknownOrDown) {
  FakeCluster cluster;
  const Uuid id = cluster.AddTopic("t", 2);
  cluster.led[{id, 0}] = {.leader = kNoBroker, .leader_epoch = 6};
  cluster.led[{id, 1}] = {.leader = BrokerId{3}, .leader_epoch = 6};
  cluster.down = {BrokerId{3}};
  const auto topic = cluster.Call(For({"t"}), 12).topics.at(0);
  for (const auto& partition : topic.partitions) {
    EXPECT_EQ(partition.error_code, KafkaError::kLeaderNotAvailable);
    EXPECT_EQ(partition.leader_id, -1);
    EXPECT_EQ(partition.leader_epoch, 6) << "the epoch never goes back";
  }
}

TEST(Metadata, ALeaderWithoutTheListener) {
  FakeCluster cluster;
  cluster.AddTopic("t", 1);
  cluster.peer.listener = "OTHER";
  EXPECT_EQ(cluster.Call(For({"t"}), 5).topics.at(0).partitions.at(0).error_code,
            KafkaError::kLeaderNotAvailable);
  EXPECT_EQ(cluster.Call(For({"t"}), 6).topics.at(0).partitions.at(0).error_code,
            KafkaError::kListenerNotFound);
}

TEST(Metadata, AsksById) {
  FakeCluster cluster;
  const Uuid id = cluster.AddTopic("t", 1);
  MetadataRequest request;
  request.topics.emplace();
  request.topics->emplace_back().topic_id = id;
  request.topics->back().name.reset();
  Uuid unknown;
  unknown.bytes[3] = 1;
  request.topics->emplace_back().topic_id = unknown;
  request.topics->back().name.reset();
  const auto response = cluster.Call(request, 12);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "t");
  EXPECT_EQ(response.topics[0].error_code, KafkaError::kNone);
  EXPECT_EQ(response.topics[1].error_code, KafkaError::kUnknownTopicId);
  EXPECT_EQ(response.topics[1].topic_id, unknown);
  EXPECT_EQ(cluster.Call(request, 11).topics.at(0).error_code, KafkaError::kInvalidRequest);
}

TEST(Metadata, CreatesUnknownTopicsOnDemand) {
  FakeCluster cluster;
  auto request = For({"new"});
  EXPECT_EQ(cluster.Call(request, 5).topics.at(0).error_code, KafkaError::kUnknownTopicOrPartition);
  ASSERT_EQ(cluster.created.size(), 1u);
  EXPECT_EQ(cluster.created[0].topics[0].name, "new");
  EXPECT_EQ(cluster.created[0].topics[0].partitions, -1);
  cluster.Call(request, 5);
  EXPECT_EQ(cluster.created.size(), 1u) << "one creation at a time";
  cluster.scheduler.RunFor(std::chrono::milliseconds(1));
  EXPECT_EQ(cluster.Call(request, 5).topics.at(0).error_code, KafkaError::kNone);
}

TEST(Metadata, DoesNotCreateWhatItShouldNot) {
  FakeCluster cluster;
  auto request = For({"no", "bad name", ".."});
  request.allow_auto_topic_creation = false;
  const auto response = cluster.Call(request, 9);
  EXPECT_EQ(response.topics.at(0).error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics.at(1).error_code, KafkaError::kInvalidTopicException);
  EXPECT_EQ(response.topics.at(2).error_code, KafkaError::kInvalidTopicException);
  cluster.Call(For({"bad name", std::string(250, 'x')}), 9);
  EXPECT_TRUE(cluster.created.empty());
  // Version 3 has no flag and means yes.
  cluster.Call(For({"yes"}), 3);
  EXPECT_EQ(cluster.created.size(), 1u);
}

TEST(Metadata, TellsAllowedOperationsWhenAsked) {
  FakeCluster cluster;
  cluster.AddTopic("t", 1);
  auto request = For({"t"});
  constexpr std::int32_t kUnknown = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(cluster.Call(request, 8).cluster_authorized_operations, kUnknown);
  request.include_cluster_authorized_operations = true;
  request.include_topic_authorized_operations = true;
  const auto response = cluster.Call(request, 10);
  EXPECT_EQ(response.cluster_authorized_operations, 0x1FA0);
  EXPECT_EQ(response.topics.at(0).topic_authorized_operations, 0x0DF8);
}

}  // namespace
}  // namespace kronika::broker
