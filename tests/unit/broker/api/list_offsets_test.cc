// ListOffsets: special timestamps by version, errors by version, and who answers.
#include "proto/kafka/list_offsets.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using kafka::ListOffsetsRequest;
using Kind = OffsetQuery::Kind;

class ListOffsetsTest : public testing::Test {
 protected:
  void SetUp() override { topic = cluster.AddTopic("t", 2); }
  static ListOffsetsRequest MakeRequest(std::vector<std::int64_t> timestamps,
                                        std::string_view name = "t") {
    ListOffsetsRequest out;
    out.topics.emplace_back().name = name;
    for (std::size_t i = 0; i < timestamps.size(); ++i) {
      auto& partition = out.topics[0].partitions.emplace_back();
      partition.partition_index = static_cast<std::int32_t>(i);
      partition.timestamp = timestamps[i];
    }
    out.timeout_ms = 1000;
    return out;
  }
  kafka::ListOffsetsResponse::Partition One(std::int64_t timestamp, std::int16_t version) {
    return cluster.Call(MakeRequest({timestamp}), version).topics.at(0).partitions.at(0);
  }
  FakeCluster cluster;
  Uuid topic;
};

TEST_F(ListOffsetsTest, AsksThePartition) {
  auto& partition = cluster.At(topic, 0);
  for (std::int16_t version = 1; version <= 10; ++version) {
    const auto found = One(-1, version);
    EXPECT_EQ(found.error_code, KafkaError::kNone) << version;
    EXPECT_EQ(found.offset, 7);
    EXPECT_EQ(found.leader_epoch, version >= 4 ? 5 : -1);
    EXPECT_EQ(partition.queries.back().kind, Kind::kLatest);
  }
  One(-2, 1);
  EXPECT_EQ(partition.queries.back().kind, Kind::kEarliest);
  One(1234, 1);
  EXPECT_EQ(partition.queries.back().kind, Kind::kTimestamp);
  EXPECT_EQ(partition.queries.back().timestamp_ms, 1234);
}

TEST_F(ListOffsetsTest, SpecialTimestampsNeedTheirVersion) {
  auto& partition = cluster.At(topic, 0);
  EXPECT_EQ(One(-3, 6).error_code, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(One(-3, 7).error_code, KafkaError::kNone);
  EXPECT_EQ(partition.queries.back().kind, Kind::kMaxTimestamp);
  EXPECT_EQ(One(-4, 7).error_code, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(One(-4, 8).error_code, KafkaError::kNone);
  EXPECT_EQ(partition.queries.back().kind, Kind::kEarliest);
  EXPECT_EQ(One(-5, 8).error_code, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(One(-5, 9).error_code, KafkaError::kNone);
  EXPECT_EQ(One(-5, 9).offset, -1) << "nothing is tiered";
  EXPECT_EQ(One(-6, 10).error_code, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(One(-99, 10).error_code, KafkaError::kUnsupportedVersion);
}

TEST_F(ListOffsetsTest, NotAvailableHasAnOlderName) {
  cluster.At(topic, 0).answer = {.error = KafkaError::kOffsetNotAvailable};
  EXPECT_EQ(One(-1, 4).error_code, KafkaError::kLeaderNotAvailable);
  EXPECT_EQ(One(-1, 5).error_code, KafkaError::kOffsetNotAvailable);
}

TEST_F(ListOffsetsTest, OnlyTheLeaderAnswers) {
  cluster.At(topic, 0).status.leads = false;
  cluster.replicas.erase({topic, 1});
  const auto response = cluster.Call(MakeRequest({-1, -1, -1}), 6);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(response.topics[0].partitions[2].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(cluster.Call(MakeRequest({-1}, "nope"), 6).topics[0].partitions[0].error_code,
            KafkaError::kUnknownTopicOrPartition);
}

TEST_F(ListOffsetsTest, ChecksTheLeaderEpochFromVersion4On) {
  auto request = MakeRequest({-1});
  request.topics[0].partitions[0].current_leader_epoch = 4;
  EXPECT_EQ(cluster.Call(request, 4).topics[0].partitions[0].error_code,
            KafkaError::kFencedLeaderEpoch);
  EXPECT_EQ(cluster.Call(request, 3).topics[0].partitions[0].error_code, KafkaError::kNone);
}

TEST_F(ListOffsetsTest, APartitionAskedForTwiceIsRefused) {
  auto request = MakeRequest({-1, -1, -1});
  request.topics[0].partitions[1].partition_index = 0;
  request.topics[0].partitions[2].partition_index = 1;
  const auto parts = cluster.Call(request, 5).topics[0].partitions;
  EXPECT_EQ(parts[0].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(parts[1].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(parts[2].error_code, KafkaError::kNone);
}

}  // namespace
}  // namespace kronika::broker
