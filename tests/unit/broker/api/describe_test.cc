// DescribeCluster and DescribeConfigs.
#include <gtest/gtest.h>

#include "proto/kafka/describe_cluster.h"
#include "proto/kafka/describe_configs.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::DescribeClusterRequest;
using kafka::DescribeConfigsRequest;

TEST(DescribeCluster, NamesBrokersAndController) {
  FakeCluster cluster;
  cluster.down = {BrokerId{3}};
  DescribeClusterRequest request;
  for (std::int16_t version = 0; version <= 2; ++version) {
    const auto response = cluster.Call(request, version);
    EXPECT_EQ(response.error_code, KafkaError::kNone);
    EXPECT_EQ(response.cluster_id, cluster.image->cluster.ToString());
    EXPECT_EQ(response.controller_id, 2);
    EXPECT_EQ(response.brokers.size(), 2u);
  }
  request.include_fenced_brokers = true;
  const auto all = cluster.Call(request, 2);
  ASSERT_EQ(all.brokers.size(), 3u);
  EXPECT_FALSE(all.brokers[0].is_fenced);
  EXPECT_TRUE(all.brokers[2].is_fenced);
}

TEST(DescribeCluster, ControllersAreNotAskedForHere) {
  FakeCluster cluster;
  DescribeClusterRequest request;
  request.endpoint_type = 2;
  EXPECT_EQ(cluster.Call(request, 1).error_code, KafkaError::kMismatchedEndpointType);
  request.endpoint_type = 3;
  EXPECT_EQ(cluster.Call(request, 1).error_code, KafkaError::kUnsupportedEndpointType);
}

DescribeConfigsRequest::Resource& Add(DescribeConfigsRequest& request, std::int8_t type,
                                      std::string_view name) {
  auto& out = request.resources.emplace_back();
  out.resource_type = type;
  out.resource_name = name;
  out.configuration_keys.reset();
  return out;
}

TEST(DescribeConfigs, DescribesTopics) {
  FakeCluster cluster;
  cluster.AddTopic("t", 1, {{.name = "min.insync.replicas", .value = "2"}});
  cluster.AddTopic("u", 1);
  DescribeConfigsRequest request;
  Add(request, 2, "t").configuration_keys = {{"min.insync.replicas", "no such config"}};
  Add(request, 2, "u");
  Add(request, 2, "nope");
  for (int i = 0; i < 1000; ++i) Add(request, 2, "t");  // fails with repeats-answered
  request.include_synonyms = true;
  request.include_documentation = true;
  for (std::int16_t version = 1; version <= 4; ++version) {
    const auto response = cluster.Call(request, version);
    ASSERT_EQ(response.results.size(), 3u);
    ASSERT_EQ(response.results[0].configs.size(), 1u);
    const auto& config = response.results[0].configs[0];
    EXPECT_EQ(config.name, "min.insync.replicas");
    EXPECT_EQ(config.value, "2");
    EXPECT_EQ(config.config_source, 1);
    EXPECT_FALSE(config.read_only);
    EXPECT_FALSE(config.synonyms.empty());
    EXPECT_EQ(config.config_type, version >= 3 ? 3 : 0);
    EXPECT_EQ(config.documentation.value_or("").empty(), version < 3);
    EXPECT_GT(response.results[1].configs.size(), 10u);
    EXPECT_EQ(response.results[2].error_code, KafkaError::kUnknownTopicOrPartition);
  }
  request.include_synonyms = false;
  EXPECT_TRUE(cluster.Call(request, 4).results[0].configs[0].synonyms.empty());
}

TEST(DescribeConfigs, ABrokerDescribesItselfOnly) {
  FakeCluster cluster;
  DescribeConfigsRequest request;
  Add(request, 4, "1").configuration_keys = {{"auto.create.topics.enable"}};
  Add(request, 4, "2");
  Add(request, 4, "");
  Add(request, 8, "1");
  const auto response = cluster.Call(request, 4);
  ASSERT_EQ(response.results[0].configs.size(), 1u);
  EXPECT_EQ(response.results[0].configs[0].value, "true");
  EXPECT_EQ(response.results[0].configs[0].config_source, 5);
  EXPECT_TRUE(response.results[0].configs[0].read_only);
  EXPECT_EQ(response.results[1].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.results[2].error_code, KafkaError::kNone);
  EXPECT_TRUE(response.results[2].configs.empty());
  EXPECT_EQ(response.results[3].error_code, KafkaError::kInvalidRequest);
}

}  // namespace
}  // namespace kronika::broker
