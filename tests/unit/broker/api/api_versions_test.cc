// ApiVersions: the table, the client's software name, the client's idea of whom it talks to.
#include "proto/kafka/api_versions.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

kafka::ApiVersionsRequest Request(std::string_view name = "librdkafka",
                                  std::string_view version = "2.0.2") {
  kafka::ApiVersionsRequest out;
  out.client_software_name = name;
  out.client_software_version = version;
  return out;
}

TEST(ApiVersions, TellsTheTableInEveryVersion) {
  FakeCluster cluster;
  for (std::int16_t version = 0; version <= 5; ++version) {
    const auto response = cluster.Call(Request(), version);
    EXPECT_EQ(response.error_code, KafkaError::kNone) << version;
    std::size_t advertised = 0;
    for (const auto& api : kafka::ApiTable()) {
      if (!api.advertise) continue;
      ASSERT_LT(advertised, response.api_keys.size());
      const auto& row = response.api_keys[advertised++];
      EXPECT_EQ(row.api_key, static_cast<std::int16_t>(api.key));
      EXPECT_EQ(row.min_version, api.advertise->first);
      EXPECT_EQ(row.max_version, api.advertise->last);
    }
    EXPECT_EQ(response.api_keys.size(), advertised);
  }
}

// librdkafka compresses only if Produce 0 is in the range (KAFKA-18659).
TEST(ApiVersions, ProduceIsAdvertisedFromZero) {
  FakeCluster cluster;
  const auto response = cluster.Call(Request(), 3);
  ASSERT_FALSE(response.api_keys.empty());
  EXPECT_EQ(response.api_keys[0].api_key, 0);
  EXPECT_EQ(response.api_keys[0].min_version, 0);
}

TEST(ApiVersions, ChecksTheSoftwareNameFromVersion3On) {
  FakeCluster cluster;
  for (const char* bad : {"", "-a", "a-", ".x", "a b", "a/b", "a\n"}) {
    EXPECT_EQ(cluster.Call(Request(bad), 3).error_code, KafkaError::kInvalidRequest) << bad;
    EXPECT_EQ(cluster.Call(Request("ok", bad), 4).error_code, KafkaError::kInvalidRequest) << bad;
    EXPECT_EQ(cluster.Call(Request(bad), 2).error_code, KafkaError::kNone) << bad;
  }
  for (const char* good : {"a", "apache-kafka-java", "kafka.js", "7"}) {
    EXPECT_EQ(cluster.Call(Request(good), 3).error_code, KafkaError::kNone) << good;
  }
}

// KIP-1242: a client that finds another cluster or broker at this address starts over.
TEST(ApiVersions, AnotherClusterOrBrokerMeansRebootstrap) {
  FakeCluster cluster;
  const std::string ours = cluster.image->cluster.ToString();
  auto request = Request();
  request.cluster_id = ours;
  request.node_id = 1;
  EXPECT_EQ(cluster.Call(request, 5).error_code, KafkaError::kNone);
  request.node_id = 2;
  EXPECT_EQ(cluster.Call(request, 5).error_code, KafkaError::kRebootstrapRequired);
  EXPECT_TRUE(cluster.Call(request, 5).api_keys.empty());
  EXPECT_EQ(cluster.Call(request, 4).error_code, KafkaError::kNone);
  request.node_id = -1;
  EXPECT_EQ(cluster.Call(request, 5).error_code, KafkaError::kNone);
  request.cluster_id = "another";
  EXPECT_EQ(cluster.Call(request, 5).error_code, KafkaError::kRebootstrapRequired);
  request.cluster_id.reset();
  EXPECT_EQ(cluster.Call(request, 5).error_code, KafkaError::kNone);
}

}  // namespace
}  // namespace kronika::broker
