// ElectLeaders: what is refused before a leader is asked, and what is told of the outcome.
#include <gtest/gtest.h>

#include "proto/kafka/elect_leaders.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::ElectLeadersRequest;

void Add(ElectLeadersRequest& request, std::string_view topic,
         std::vector<std::int32_t> partitions) {
  if (!request.topic_partitions) request.topic_partitions.emplace();
  auto& out = request.topic_partitions->emplace_back();
  out.topic = topic;
  out.partitions = {partitions.begin(), partitions.end()};
}

TEST(ElectLeaders, TellsTheOutcomeOfEachPartition) {
  for (std::int16_t version = 0; version <= 2; ++version) {
    FakeCluster cluster;
    const Uuid topic = cluster.AddTopic("t", 3);
    cluster.election_errors = {{{topic, 0}, KafkaError::kElectionNotNeeded},
                               {{topic, 2}, KafkaError::kPreferredLeaderNotAvailable}};
    ElectLeadersRequest request;
    request.timeout_ms = 5000;
    Add(request, "t", {2, 0, 1, 3, -1});
    Add(request, "nope", {0});
    const auto response = cluster.Call(request, version);
    EXPECT_EQ(cluster.election_deadline - cluster.scheduler.Now(), std::chrono::seconds(5));
    EXPECT_EQ(cluster.elected, (std::vector<PartitionId>{{topic, 2}, {topic, 0}, {topic, 1}}));
    EXPECT_EQ(response.error_code, KafkaError::kNone);
    ASSERT_EQ(response.replica_election_results.size(), 2u);
    const auto& results = response.replica_election_results[0].partition_result;
    ASSERT_EQ(results.size(), 5u);
    EXPECT_EQ(results[0].partition_id, 2);
    EXPECT_EQ(results[0].error_code, KafkaError::kPreferredLeaderNotAvailable);
    EXPECT_EQ(results[0].error_message, "why");
    EXPECT_EQ(results[1].error_code, KafkaError::kElectionNotNeeded);
    EXPECT_EQ(results[2].error_code, KafkaError::kNone);
    EXPECT_FALSE(results[2].error_message);
    EXPECT_EQ(results[3].error_code, KafkaError::kUnknownTopicOrPartition);
    EXPECT_EQ(results[3].error_message, "No such partition as t-3");
    EXPECT_EQ(results[4].error_code, KafkaError::kUnknownTopicOrPartition);
    const auto& unknown = response.replica_election_results[1];
    EXPECT_EQ(unknown.topic, "nope");
    EXPECT_EQ(unknown.partition_result.at(0).error_code, KafkaError::kUnknownTopicOrPartition);
    EXPECT_EQ(unknown.partition_result.at(0).error_message, "No such topic as nope");
  }
}

TEST(ElectLeaders, OfAllPartitionsThoseThatNeedNoneAreNotTold) {
  FakeCluster cluster;
  const Uuid topic = cluster.AddTopic("t", 3);
  cluster.election_errors = {{{topic, 0}, KafkaError::kElectionNotNeeded},
                             {{topic, 2}, KafkaError::kPreferredLeaderNotAvailable}};
  ElectLeadersRequest request;
  request.topic_partitions.reset();
  const auto response = cluster.Call(request, 2);
  EXPECT_EQ(cluster.elected.size(), 3u);
  ASSERT_EQ(response.replica_election_results.size(), 1u);
  const auto& results = response.replica_election_results[0].partition_result;
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].partition_id, 1);
  EXPECT_EQ(results[1].partition_id, 2);
}

TEST(ElectLeaders, NothingIsElectedUncleanly) {
  FakeCluster cluster;
  const Uuid topic = cluster.AddTopic("t", 2);
  cluster.led[{topic, 1}].leader = kNoBroker;
  ElectLeadersRequest request;
  request.election_type = 1;
  Add(request, "t", {0, 1});
  const auto response = cluster.Call(request, 1);
  EXPECT_TRUE(cluster.elected.empty());
  const auto& results = response.replica_election_results.at(0).partition_result;
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].error_code, KafkaError::kElectionNotNeeded);
  EXPECT_EQ(results[1].error_code, KafkaError::kEligibleLeadersNotAvailable);
  EXPECT_EQ(results[1].error_message, kafka::Text(KafkaError::kEligibleLeadersNotAvailable));
}

TEST(ElectLeaders, AnElectionOfAnUnknownTypeIsRefusedAsAWhole) {
  FakeCluster cluster;
  cluster.AddTopic("t", 1);
  ElectLeadersRequest request;
  request.election_type = 2;
  Add(request, "t", {0});
  const auto response = cluster.Call(request, 2);
  EXPECT_TRUE(cluster.elected.empty());
  EXPECT_EQ(response.error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.replica_election_results.at(0).partition_result.at(0).error_code,
            KafkaError::kInvalidRequest);
}

}  // namespace
}  // namespace kronika::broker
