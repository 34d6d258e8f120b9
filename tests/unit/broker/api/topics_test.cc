// CreateTopics, DeleteTopics: what is refused before the controller is asked, and what is told of
// its answer.
#include <gtest/gtest.h>

#include "proto/kafka/create_topics.h"
#include "proto/kafka/delete_topics.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::CreateTopicsRequest;
using kafka::DeleteTopicsRequest;

CreateTopicsRequest::Topic& Add(CreateTopicsRequest& request, std::string_view name,
                                std::int32_t partitions = 2, std::int16_t factor = 3) {
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = factor;
  return topic;
}

TEST(CreateTopics, ForwardsAndTellsWhatWasMade) {
  for (std::int16_t version = 2; version <= 7; ++version) {
    FakeCluster cluster;
    CreateTopicsRequest request;
    Add(request, "t").configs = {{.name = "min.insync.replicas", .value = "2"}};
    const auto response = cluster.Call(request, version);
    ASSERT_EQ(response.topics.size(), 1u);
    const auto& topic = response.topics[0];
    EXPECT_EQ(topic.error_code, KafkaError::kNone) << version;
    EXPECT_EQ(cluster.created.at(0).topics.at(0).configs.at(0).second, "2");
    EXPECT_EQ(cluster.created.at(0).deadline - cluster.scheduler.Now(), std::chrono::minutes(1));
    if (version >= 5) {
      EXPECT_EQ(topic.num_partitions, 2);
      EXPECT_EQ(topic.replication_factor, 3);
      ASSERT_TRUE(topic.configs.has_value());
      bool seen = false;
      for (const auto& config : *topic.configs) {
        if (config.name == "min.insync.replicas")
          seen = config.value == "2" && config.config_source == 1;
      }
      EXPECT_TRUE(seen);
    }
    EXPECT_EQ(topic.topic_id.IsZero(), version < 7);
  }
}

TEST(CreateTopics, DefaultsNeedVersion4) {
  FakeCluster cluster;
  CreateTopicsRequest request;
  Add(request, "a", -1, 1);
  Add(request, "b", 1, -1);
  const auto old = cluster.Call(request, 3);
  EXPECT_EQ(old.topics[0].error_code, KafkaError::kInvalidPartitions);
  EXPECT_EQ(old.topics[1].error_code, KafkaError::kInvalidReplicationFactor);
  const auto now = cluster.Call(request, 4);
  EXPECT_EQ(now.topics[0].error_code, KafkaError::kNone);
  EXPECT_EQ(now.topics[1].error_code, KafkaError::kNone);
}

TEST(CreateTopics, RefusesContradictionsTopicByTopic) {
  FakeCluster cluster;
  CreateTopicsRequest request;
  Add(request, "twice");
  Add(request, "twice");
  Add(request, "both", 1, -1).assignments = {{.partition_index = 0, .broker_ids = {1}}};
  Add(request, "holes", -1, -1).assignments = {{.partition_index = 1, .broker_ids = {1}}};
  Add(request, "fine");
  Add(request, "assigned", -1, -1).assignments = {{.partition_index = 1, .broker_ids = {2, 1}},
                                                  {.partition_index = 0, .broker_ids = {1, 2}}};
  const auto response = cluster.Call(request, 7);
  EXPECT_EQ(response.topics[0].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.topics[1].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.topics[2].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.topics[3].error_code, KafkaError::kInvalidReplicaAssignment);
  EXPECT_TRUE(response.topics[3].error_message.has_value());
  EXPECT_EQ(response.topics[4].error_code, KafkaError::kNone);
  EXPECT_EQ(response.topics[5].error_code, KafkaError::kNone);
  ASSERT_EQ(cluster.created.at(0).topics.size(), 2u);
  EXPECT_EQ(
      cluster.created[0].topics[1].assignment,
      (std::vector<std::vector<BrokerId>>{{BrokerId{1}, BrokerId{2}}, {BrokerId{2}, BrokerId{1}}}));
}

TEST(CreateTopics, TellsTheControllersRefusalAndOnlyValidatesWhenAsked) {
  FakeCluster cluster;
  cluster.create_error = KafkaError::kTopicAlreadyExists;
  CreateTopicsRequest request;
  Add(request, "t");
  request.validate_only = true;
  const auto response = cluster.Call(request, 7);
  EXPECT_EQ(response.topics[0].error_code, KafkaError::kTopicAlreadyExists);
  EXPECT_TRUE(response.topics[0].error_message.has_value());
  EXPECT_TRUE(cluster.created.at(0).validate_only);
}

TEST(DeleteTopics, ByNameBeforeVersion6) {
  for (std::int16_t version = 1; version <= 5; ++version) {
    FakeCluster cluster;
    cluster.AddTopic("t", 1);
    DeleteTopicsRequest request;
    request.topic_names = {"t", "nope", "twice", "twice"};
    const auto response = cluster.Call(request, version);
    ASSERT_EQ(response.responses.size(), 4u);
    EXPECT_EQ(response.responses[0].name, "t");
    EXPECT_EQ(response.responses[0].error_code, KafkaError::kNone) << version;
    EXPECT_EQ(response.responses[1].error_code, KafkaError::kUnknownTopicOrPartition);
    EXPECT_EQ(response.responses[2].error_code, KafkaError::kInvalidRequest);
    EXPECT_EQ(response.responses[3].error_code, KafkaError::kInvalidRequest);
    EXPECT_EQ(cluster.image->FindTopic("t"), nullptr);
  }
}

TEST(DeleteTopics, ByNameOrIdInVersion6) {
  FakeCluster cluster;
  const Uuid id = cluster.AddTopic("by id", 1);
  cluster.AddTopic("by name", 1);
  DeleteTopicsRequest request;
  request.topics.emplace_back().topic_id = id;
  request.topics.emplace_back().name = "by name";
  auto& both = request.topics.emplace_back();
  both.name = "x";
  both.topic_id = id;
  request.topics.emplace_back();
  Uuid unknown;
  unknown.bytes[4] = 4;
  request.topics.emplace_back().topic_id = unknown;
  const auto response = cluster.Call(request, 6);
  EXPECT_EQ(response.responses[0].error_code, KafkaError::kNone);
  EXPECT_EQ(response.responses[0].name, "by id");
  EXPECT_EQ(response.responses[1].error_code, KafkaError::kNone);
  EXPECT_FALSE(response.responses[1].topic_id.IsZero());
  EXPECT_EQ(response.responses[2].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.responses[3].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.responses[4].error_code, KafkaError::kUnknownTopicId);
  EXPECT_EQ(response.responses[4].name, std::nullopt);
}

}  // namespace
}  // namespace kronika::broker
