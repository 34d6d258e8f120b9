// FindCoordinator and InitProducerId.
#include <gtest/gtest.h>

#include "proto/kafka/find_coordinator.h"
#include "proto/kafka/init_producer_id.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::FindCoordinatorRequest;
using kafka::InitProducerIdRequest;

TEST(FindCoordinator, MakesTheOffsetsTopicOnFirstUse) {
  FakeCluster cluster;
  FindCoordinatorRequest request;
  request.key = "group";
  EXPECT_EQ(cluster.Call(request, 2).error_code, KafkaError::kCoordinatorNotAvailable);
  ASSERT_EQ(cluster.created.size(), 1u);
  const auto& spec = cluster.created[0].topics[0];
  EXPECT_EQ(spec.name, "__consumer_offsets");
  EXPECT_EQ(spec.partitions, 50);
  EXPECT_EQ(spec.replication_factor, 3);
  cluster.scheduler.RunFor(std::chrono::milliseconds(1));
  EXPECT_EQ(cluster.Call(request, 2).error_code, KafkaError::kNone);
  EXPECT_EQ(cluster.created.size(), 1u);
}

// "group" hashes to 98629247 in Java, so partition 47 of 50.
TEST(FindCoordinator, NamesTheLeaderOfTheGroupsPartition) {
  FakeCluster cluster;
  const Uuid topic = cluster.AddTopic("__consumer_offsets", 50);
  cluster.led[{topic, 47}].leader = BrokerId{3};
  FindCoordinatorRequest request;
  request.key = "group";
  request.coordinator_keys = {"group", "other"};
  for (std::int16_t version = 0; version <= 3; ++version) {
    const auto response = cluster.Call(request, version);
    EXPECT_EQ(response.error_code, KafkaError::kNone);
    EXPECT_EQ(response.node_id, 3);
    EXPECT_EQ(response.host, "host3");
    EXPECT_EQ(response.port, 9094);
  }
  for (std::int16_t version = 4; version <= 5; ++version) {
    const auto response = cluster.Call(request, version);
    ASSERT_EQ(response.coordinators.size(), 2u);
    EXPECT_EQ(response.coordinators[0].key, "group");
    EXPECT_EQ(response.coordinators[0].node_id, 3);
    EXPECT_EQ(response.coordinators[1].node_id, 1);
  }
  cluster.led[{topic, 47}].leader = kNoBroker;
  EXPECT_EQ(cluster.Call(request, 4).coordinators[0].error_code,
            KafkaError::kCoordinatorNotAvailable);
}

TEST(FindCoordinator, ThereAreNoTransactionsYet) {
  FakeCluster cluster;
  FindCoordinatorRequest request;
  request.key = "tx";
  request.key_type = 1;
  const auto response = cluster.Call(request, 2);
  EXPECT_EQ(response.error_code, KafkaError::kInvalidRequest);
  EXPECT_TRUE(response.error_message.has_value());
  EXPECT_TRUE(cluster.created.empty());
}

TEST(InitProducerId, GivesFreshIdsWithEpochZero) {
  FakeCluster cluster;
  InitProducerIdRequest request;
  request.transactional_id.reset();
  for (std::int16_t version = 0; version <= 5; ++version) {
    const auto response = cluster.Call(request, version);
    EXPECT_EQ(response.error_code, KafkaError::kNone);
    EXPECT_EQ(response.producer_id, 1000 + version);
    EXPECT_EQ(response.producer_epoch, 0);
  }
}

TEST(InitProducerId, ThereAreNoTransactionsYet) {
  FakeCluster cluster;
  InitProducerIdRequest request;
  request.transactional_id = "tx";
  const auto response = cluster.Call(request, 4);
  EXPECT_EQ(response.error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.producer_id, -1);
}

}  // namespace
}  // namespace kronika::broker
