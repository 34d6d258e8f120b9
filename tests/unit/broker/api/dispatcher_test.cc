// The dispatcher: what closes a connection, what is answered, what is counted.
#include "broker/dispatcher.h"

#include <gtest/gtest.h>

#include "proto/kafka/api_versions.h"
#include "proto/kafka/metadata.h"
#include "tests/unit/broker/api/fake_cluster.h"

namespace kronika::broker {
namespace {

using Kind = net::Outcome::Kind;

// A frame with a version 1 header and `body`.
Slice MakeFrame(std::int16_t key, std::int16_t version, std::string_view body = {}) {
  std::string out(10, '\0');
  auto* at = reinterpret_cast<std::byte*>(out.data());
  StoreBe(at, key);
  StoreBe(at + 2, version);
  StoreBe(at + 4, std::int32_t{42});
  StoreBe(at + 8, std::int16_t{-1});
  return Slice::CopyOf(out + std::string(body));
}

class DispatcherTest : public testing::Test {
 protected:
  net::Outcome Send(Slice frame) {
    const auto position = cluster.SendFrame(std::move(frame));
    return cluster.outcomes.at(position).value();
  }
  FakeCluster cluster;
};

TEST_F(DispatcherTest, UnknownKeysAndVersionsCloseTheConnection) {
  for (const std::int16_t key : {-1, 4, 93, 127, 128, 500, 32767}) {
    EXPECT_EQ(Send(MakeFrame(key, 0)).kind, Kind::kClose) << key;
  }
  EXPECT_EQ(Send(MakeFrame(3, 14)).kind, Kind::kClose);
  EXPECT_EQ(Send(MakeFrame(3, -1)).kind, Kind::kClose);
  EXPECT_EQ(Send(MakeFrame(0, 2)).kind, Kind::kClose)
      << "Produce below 3 is advertised, not served";
  EXPECT_EQ(cluster.dispatcher->stats().refused, 10u);
}

TEST_F(DispatcherTest, BodiesThatDoNotDecodeCloseTheConnection) {
  EXPECT_EQ(Send(MakeFrame(3, 1, "\x7f\xff\xff\xff")).kind, Kind::kClose);  // an array of 2^31 - 1
  EXPECT_EQ(Send(MakeFrame(3, 1)).kind, Kind::kClose);                      // nothing
  EXPECT_EQ(Send(MakeFrame(3, 1, std::string(4, '\xff') + "x")).kind,
            Kind::kClose);  // a byte too many
  EXPECT_EQ(Send(Slice::CopyOf("abc")).kind, Kind::kClose);
  EXPECT_EQ(Send(Slice()).kind, Kind::kClose);
  EXPECT_EQ(cluster.dispatcher->stats().malformed, 5u);
}

// KIP-511: whatever version a client starts with, it learns which one to use.
TEST_F(DispatcherTest, UnknownVersionOfApiVersionsIsAnsweredInVersion0) {
  for (const std::int16_t version : {-1, 6, 99}) {
    const auto outcome = Send(MakeFrame(18, version, "whatever a later version has"));
    ASSERT_EQ(outcome.kind, Kind::kReply) << version;
    const Slice frame = Flatten(outcome.bytes);
    EXPECT_EQ(LoadBe<std::int32_t>(frame.data()), 42);
    const auto response = kafka::ApiVersionsResponse::Decode(frame.Sub(4, frame.size() - 4), 0);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->error_code, KafkaError::kUnsupportedVersion);
    ASSERT_EQ(response->api_keys.size(), 1u);
    EXPECT_EQ(response->api_keys[0].api_key, 18);
    EXPECT_EQ(response->api_keys[0].max_version, 5);
  }
}

TEST_F(DispatcherTest, CountsRequestsByKey) {
  cluster.Call(kafka::MetadataRequest{}, 12);
  cluster.Call(kafka::MetadataRequest{}, 1);
  EXPECT_EQ(cluster.dispatcher->stats().requests[3], 2u);
}

// kafka-python begins so: ApiVersions and Metadata in version 0 without waiting in between.
TEST_F(DispatcherTest, AnswersOldProbes) {
  const auto versions = cluster.Send(kafka::ApiVersionsRequest{}, 0);
  const auto metadata = cluster.Send(kafka::MetadataRequest{}, 0);
  EXPECT_GT(cluster.Answer<kafka::ApiVersionsRequest>(versions, 0).api_keys.size(), 5u);
  EXPECT_EQ(cluster.Answer<kafka::MetadataRequest>(metadata, 0).brokers.size(), 3u);
}

}  // namespace
}  // namespace kronika::broker
