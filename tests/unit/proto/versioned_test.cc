// Keys, values and blobs behind their two bytes: the records of __consumer_offsets byte by byte as
// Kafka's definitions have them, and what is not believed.
#include "proto/kafka/versioned.h"

#include <gtest/gtest.h>

#include "proto/kafka/consumer_protocol_assignment.h"
#include "proto/kafka/consumer_protocol_subscription.h"
#include "proto/kafka/group_metadata_key.h"
#include "proto/kafka/group_metadata_value.h"
#include "proto/kafka/offset_commit_key.h"
#include "proto/kafka/offset_commit_value.h"

namespace kronika::kafka {
namespace {

using namespace std::string_literals;

std::string Text(const Slice& bytes) {
  return std::string(bytes.text());
}

TEST(Versioned, OffsetCommitIsByteForByte) {
  const OffsetCommitKey key{.group = "g", .topic = "tt", .partition = 7};
  const Slice key_bytes = EncodeKey(key);
  EXPECT_EQ(Text(key_bytes), "\0\1\0\1g\0\2tt\0\0\0\7"s);
  const auto read_key = DecodeKey<OffsetCommitKey>(key_bytes);
  ASSERT_TRUE(read_key);
  EXPECT_EQ(read_key->group, "g");
  EXPECT_EQ(read_key->topic, "tt");
  EXPECT_EQ(read_key->partition, 7);

  const OffsetCommitValue value{
      .offset = 258, .leader_epoch = 3, .metadata = "m", .commit_timestamp = 5};
  EXPECT_EQ(Text(EncodeVersioned(value, 3)), "\0\3\0\0\0\0\0\0\1\2\0\0\0\3\0\1m\0\0\0\0\0\0\0\5"s);
  OffsetCommitValue with_topic = value;
  with_topic.topic_id.bytes[15] = 9;
  const Slice flexible = EncodeVersioned(with_topic, 4);
  EXPECT_EQ(Text(flexible), "\0\4\0\0\0\0\0\0\1\2\0\0\0\3\2m\0\0\0\0\0\0\0\5\1\0\x10"s +
                                std::string(15, '\0') + "\t");
  const auto read = DecodeVersioned<OffsetCommitValue>(flexible);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->topic_id, with_topic.topic_id);
}

TEST(Versioned, GroupMetadataIsByteForByte) {
  EXPECT_EQ(Text(EncodeKey(GroupMetadataKey{.group = "g"})), "\0\2\0\1g"s);
  GroupMetadataValue value{.protocol_type = "consumer", .generation = 4, .protocol = "range"};
  value.leader = "a";
  value.current_state_timestamp = 1;
  value.members = {{.member_id = "a",
                    .client_id = "c",
                    .client_host = "/h",
                    .rebalance_timeout = 2,
                    .session_timeout = 3,
                    .subscription = Slice::CopyOf("S"),
                    .assignment = Slice::CopyOf("AA")}};
  EXPECT_EQ(Text(EncodeVersioned(value, 3)),
            "\0\3\0\10consumer\0\0\0\4\0\5range\0\1a\0\0\0\0\0\0\0\1\0\0\0\1"
            "\0\1a\xff\xff\0\1c\0\2/h\0\0\0\2\0\0\0\3\0\0\0\1S\0\0\0\2AA"s);
  value.protocol.reset();
  value.leader.reset();
  value.members.clear();
  const auto empty = DecodeVersioned<GroupMetadataValue>(EncodeVersioned(value, 3));
  ASSERT_TRUE(empty);
  EXPECT_FALSE(empty->protocol);
  EXPECT_FALSE(empty->leader);
  EXPECT_EQ(empty->generation, 4);
}

TEST(Versioned, ConsumersReadEachOther) {
  ConsumerProtocolSubscription subscription;
  subscription.topics = {"a", "b"};
  subscription.owned_partitions = {{.topic = "a", .partitions = {0, 2}}};
  subscription.generation_id = 6;
  EXPECT_EQ(Text(EncodeVersioned(subscription, 0)), "\0\0\0\0\0\2\0\1a\0\1b\xff\xff\xff\xff"s);
  const auto read =
      DecodeVersionedOrLater<ConsumerProtocolSubscription>(EncodeVersioned(subscription, 3));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->topics, subscription.topics);
  ASSERT_EQ(read->owned_partitions.size(), 1u);
  EXPECT_EQ(read->owned_partitions[0].partitions, (std::vector<std::int32_t>{0, 2}));
  EXPECT_EQ(read->generation_id, 6);

  ConsumerProtocolAssignment assignment;
  assignment.assigned_partitions = {{.topic = "a", .partitions = {1}}};
  EXPECT_EQ(Text(EncodeVersioned(assignment, 1)),
            "\0\1\0\0\0\1\0\1a\0\0\0\1\0\0\0\1\xff\xff\xff\xff"s);
}

// A consumer of a later version appends fields; the ones that are known are read all the same.
TEST(Versioned, LaterVersionsOfTheConsumerProtocolAreRead) {
  ConsumerProtocolSubscription subscription;
  subscription.topics = {"a"};
  subscription.rack_id = "r";
  std::string bytes = Text(EncodeVersioned(subscription, 3)) + "more";
  bytes[1] = 9;
  const auto read = DecodeVersionedOrLater<ConsumerProtocolSubscription>(Slice::CopyOf(bytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rack_id, "r");
  bytes[1] = 3;
  EXPECT_FALSE(DecodeVersionedOrLater<ConsumerProtocolSubscription>(Slice::CopyOf(bytes)));
}

TEST(Versioned, NothingElseIsBelieved) {
  EXPECT_EQ(DecodeKey<GroupMetadataKey>(EncodeKey(OffsetCommitKey{})).error().code,
            ErrorCode::kCorruption);
  for (const std::string& bytes : {""s, "\0"s, "\0\3"s, "\0\3\0\0"s}) {
    EXPECT_EQ(DecodeVersioned<OffsetCommitValue>(Slice::CopyOf(bytes)).error().code,
              ErrorCode::kCorruption);
    EXPECT_FALSE(DecodeKey<OffsetCommitKey>(Slice::CopyOf(bytes)));
    EXPECT_FALSE(DecodeVersionedOrLater<ConsumerProtocolAssignment>(Slice::CopyOf(bytes)));
  }
  // A length of 2^31-1 members behind a good head.
  EXPECT_FALSE(DecodeVersioned<GroupMetadataValue>(
      Slice::CopyOf("\0\0\0\1p\0\0\0\1\xff\xff\xff\xff\x7f\xff\xff\xff"s)));
  EXPECT_EQ(DecodeVersioned<OffsetCommitValue>(Slice::CopyOf("\0\5"s)).error().code,
            ErrorCode::kUnsupported);
  EXPECT_FALSE(DecodeVersioned<OffsetCommitValue>(Slice::CopyOf("\xff\xff"s)));
  EXPECT_FALSE(DecodeVersionedOrLater<ConsumerProtocolSubscription>(Slice::CopyOf("\xff\xff"s)));
}

}  // namespace
}  // namespace kronika::kafka
