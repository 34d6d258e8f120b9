// What the generated messages promise beyond their bytes: error responses, dumps, frames, records
// that are not copied.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "proto/kafka/api_versions.h"
#include "proto/kafka/create_topics.h"
#include "proto/kafka/delete_topics.h"
#include "proto/kafka/fetch.h"
#include "proto/kafka/find_coordinator.h"
#include "proto/kafka/frame.h"
#include "proto/kafka/metadata.h"
#include "proto/kafka/produce.h"
#include "proto/kafka/sasl_authenticate.h"

namespace kronika::kafka {
namespace {

ProduceRequest TwoPartitions() {
  ProduceRequest request;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  topic.partition_data = {{.index = 3, .records = Slice::CopyOf("a batch")}, {.index = 5}};
  return request;
}

TEST(ErrorResponse, NamesEveryPartitionOfTheRequest) {
  const auto response =
      MakeErrorResponse(TwoPartitions(), KafkaError::kNotLeaderOrFollower, "moved");
  ASSERT_EQ(response.responses.size(), 1u);
  EXPECT_EQ(response.responses[0].name, "orders");
  ASSERT_EQ(response.responses[0].partition_responses.size(), 2u);
  const auto& partition = response.responses[0].partition_responses[1];
  EXPECT_EQ(partition.index, 5);
  EXPECT_EQ(partition.error_code, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(partition.base_offset, -1);
  EXPECT_EQ(partition.error_message, "moved");
}

// The body of what confluent-kafka-python 2.16.1 (librdkafka 2.16.0) sends for list_topics().
TEST(MetadataRequest, ThreeBytesTooManyOfLibrdkafkaAreAllTopics) {
  const std::string sent("\0\0\0\0\1\0\0", 7);
  const auto request = MetadataRequest::Decode(Slice::CopyOf(sent), 13);
  ASSERT_TRUE(request) << request.error().Describe();
  EXPECT_FALSE(request->topics.has_value());
}

TEST(ErrorResponse, FetchSetsTheTopErrorAndThePartitions) {
  FetchRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_id.bytes[0] = 9;
  topic.partitions = {{.partition = 4}};
  const auto response = MakeErrorResponse(request, KafkaError::kUnknownServerError);
  EXPECT_EQ(response.error_code, KafkaError::kUnknownServerError);
  ASSERT_EQ(response.responses.size(), 1u);
  EXPECT_EQ(response.responses[0].topic_id, topic.topic_id);
  ASSERT_EQ(response.responses[0].partitions.size(), 1u);
  EXPECT_EQ(response.responses[0].partitions[0].partition_index, 4);
  EXPECT_EQ(response.responses[0].partitions[0].high_watermark, -1);
}

TEST(ErrorResponse, EchoesNamesAndIds) {
  DeleteTopicsRequest by_name;
  by_name.topic_names = {"a", "b"};
  EXPECT_EQ(MakeErrorResponse(by_name, KafkaError::kInvalidRequest).responses[1].name, "b");
  DeleteTopicsRequest by_id;
  by_id.topics.emplace_back().topic_id.bytes[15] = 1;
  const auto response = MakeErrorResponse(by_id, KafkaError::kInvalidRequest);
  EXPECT_EQ(response.responses[0].topic_id, by_id.topics[0].topic_id);
  EXPECT_EQ(response.responses[0].name, std::nullopt);
  FindCoordinatorRequest keys;
  keys.coordinator_keys = {"group"};
  EXPECT_EQ(MakeErrorResponse(keys, KafkaError::kInvalidRequest).coordinators[0].key, "group");
}

TEST(ErrorResponse, AllTopicsAreNobody) {
  MetadataRequest request;
  request.topics = std::nullopt;
  const auto response = MakeErrorResponse(request, KafkaError::kUnknownServerError);
  EXPECT_TRUE(response.topics.empty());
  EXPECT_EQ(response.error_code, KafkaError::kUnknownServerError);
}

TEST(Frames, RequestsAndResponsesFindTheirHeaders) {
  for (std::int16_t version = 0; version <= ApiVersionsRequest::kVersionLast; ++version) {
    ApiVersionsRequest request;
    request.client_software_name = "kronika";
    const Slice frame = Flatten(
        EncodeRequest(request, {.version = version, .correlation_id = 77, .client_id = "me"}));
    const auto split = SplitRequest(frame);
    ASSERT_TRUE(split) << split.error().Describe();
    EXPECT_EQ(split->api->key, ApiKey::kApiVersions);
    EXPECT_EQ(split->header.correlation_id, 77);
    EXPECT_EQ(split->header.client_id, "me");
    const auto decoded = ApiVersionsRequest::Decode(split->body, version);
    ASSERT_TRUE(decoded) << decoded.error().Describe();
    EXPECT_EQ(decoded->client_software_name, version >= 3 ? "kronika" : "");

    ApiVersionsResponse response;
    response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 5});
    const Slice answer = Flatten(EncodeResponse(response, 77, version));
    // No tags in the header, whatever the version (KIP-511): the error code follows the correlation
    // id.
    EXPECT_EQ(LoadBe<std::int16_t>(answer.data() + 4), 0);
    const auto read = SplitResponse(answer, *split->api, version);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->header.correlation_id, 77);
    EXPECT_TRUE(ApiVersionsResponse::Decode(read->body, version));
  }
}

TEST(Frames, FlexibleResponsesHaveTagsInTheHeader) {
  MetadataResponse response;
  EXPECT_EQ(Flatten(EncodeResponse(response, 1, 9)).size(), 5 + response.EncodedSize(9));
  EXPECT_EQ(Flatten(EncodeResponse(response, 1, 8)).size(), 4 + response.EncodedSize(8));
}

TEST(Frames, UnknownKeysAndCutHeadersAreErrors) {
  const auto unknown =
      SplitRequest(Slice::CopyOf(std::string("\x7f\x00\x00\x00\x00\x00\x00\x01\xff\xff", 10)));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, kronika::ErrorCode::kUnsupported);
  const auto cut = SplitRequest(Slice::CopyOf(std::string("\x00\x12\x00\x00\x00", 5)));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, kronika::ErrorCode::kCorruption);
  EXPECT_FALSE(SplitRequest(Slice{}));
}

// A version from the future still has a readable header, so that ApiVersions can be answered
// (KIP-511).
TEST(Frames, AnUnservedVersionIsStillSplit) {
  std::string frame(
      "\x00\x12\x00\x63\x00\x00\x00\x05\x00\x01"
      "x\x00"
      "body",
      16);
  const auto split = SplitRequest(Slice::CopyOf(frame));
  ASSERT_TRUE(split) << split.error().Describe();
  EXPECT_FALSE(split->api->serve.Contains(split->header.request_api_version));
  EXPECT_EQ(split->body.text(), "body");
}

TEST(Records, AreNeverCopied) {
  const ProduceRequest request = TwoPartitions();
  const Slices encoded = request.Encode(11);
  ASSERT_EQ(encoded.size(), 3u);
  EXPECT_EQ(encoded[1].data(), request.topic_data[0].partition_data[0].records->data());
  const Slice frame = Flatten(encoded);
  const auto decoded = ProduceRequest::Decode(frame, 11);
  ASSERT_TRUE(decoded);
  const auto& partition = decoded->topic_data[0].partition_data[0];
  EXPECT_GE(partition.records->data(), frame.data());
  EXPECT_LT(partition.records->data(), frame.data() + frame.size());

  FetchResponse response;
  auto& answered = response.responses.emplace_back().partitions.emplace_back();
  answered.records = Slices{Slice::CopyOf("one"), Slice::CopyOf("two")};
  const auto read = FetchResponse::Decode(Flatten(response.Encode(12)), 12);
  ASSERT_TRUE(read);
  EXPECT_EQ(Flatten(*read->responses[0].partitions[0].records).text(), "onetwo");
}

TEST(Views, OutliveTheFrame) {
  auto decoded = [] {
    ProduceRequest request = TwoPartitions();
    return ProduceRequest::Decode(Flatten(request.Encode(9)), 9);
  }();
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->topic_data[0].name, "orders");
}

TEST(Json, IsOneLineForPeople) {
  EXPECT_EQ(
      TwoPartitions().ToJson(9),
      "{\"transactional_id\":null,\"acks\":0,\"timeout_ms\":0,\"topic_data\":[{\"name\":\"orders\","
      "\"partition_data\":[{\"index\":3,\"records\":\"(7 bytes)\"},"
      "{\"index\":5,\"records\":null}]}]}");
  ApiVersionsResponse response{.error_code = KafkaError::kUnsupportedVersion};
  EXPECT_EQ(response.ToJson(0), "{\"error_code\":\"UNSUPPORTED_VERSION\",\"api_keys\":[]}");
}

TEST(Json, MasksWhatIsSensitive) {
  SaslAuthenticateRequest request;
  request.auth_bytes = Slice::CopyOf("secret");
  EXPECT_EQ(request.ToJson(2), "{\"auth_bytes\":\"(masked)\"}");
}

TEST(Errors, HaveNamesTextsAndRetriability) {
  EXPECT_EQ(Name(KafkaError::kNotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_TRUE(IsRetriable(KafkaError::kNotLeaderOrFollower));
  EXPECT_FALSE(IsRetriable(KafkaError::kInvalidRequest));
  EXPECT_EQ(static_cast<int>(KafkaError::kRebootstrapRequired), 129);
  EXPECT_EQ(Name(KafkaError{999}), "UNKNOWN");
  EXPECT_FALSE(IsKnown(999));
  EXPECT_TRUE(IsKnown(-1));
}

TEST(ApiTable, IsSortedAndServesWhatItAdvertises) {
  const ApiInfo* previous = nullptr;
  for (const ApiInfo& api : ApiTable()) {
    if (previous != nullptr) {
      EXPECT_LT(previous->key, api.key);
    }
    previous = &api;
    EXPECT_EQ(FindApi(static_cast<std::int16_t>(api.key)), &api);
    if (!api.advertise) continue;
    EXPECT_EQ(api.advertise->last, api.serve.last) << api.name;
    // Only Produce names versions that it refuses (KAFKA-18659).
    if (api.key != ApiKey::kProduce) {
      EXPECT_EQ(*api.advertise, api.serve) << api.name;
    }
  }
  EXPECT_EQ(FindApi(4), nullptr);
}

}  // namespace
}  // namespace kronika::kafka
