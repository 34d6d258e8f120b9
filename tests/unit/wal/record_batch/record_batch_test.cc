// The header of a batch: parsing, the verdicts in Kafka's order, stamping.
#include "wal/record_batch.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "wal/record_builder.h"

namespace kronika::wal {
namespace {

Slice Batch(RecordBuilder::Options options = {}) {
  RecordBuilder builder(options);
  builder.Add({.timestamp = 1000, .key = "k", .value = "one"});
  builder.Add({.timestamp = 1005, .key = {}, .value = "two"});
  builder.Add({.timestamp = 1003, .key = "k", .value = {}});
  return builder.Build();
}

template <std::integral T>
Slice With(Slice batch, std::size_t position, T value, bool mend_crc = true) {
  Slice out = Slice::CopyOf(batch.bytes());
  StoreBe(out.mutable_bytes().data() + position, value);
  if (mend_crc) StoreBe(out.mutable_bytes().data() + 17, ComputeBatchCrc(out.bytes()));
  return out;
}

TEST(BatchHeader, BuilderAndParserAgree) {
  const Slice batch = Batch({.base_offset = 7,
                             .leader_epoch = 3,
                             .producer_id = 99,
                             .producer_epoch = 2,
                             .base_sequence = 2147483646});
  const auto header = ParseCheckedBatch(batch.bytes());
  ASSERT_TRUE(header) << header.error().Describe();
  EXPECT_EQ(header->base_offset, 7);
  EXPECT_EQ(header->last_offset(), 9);
  EXPECT_EQ(header->next_offset(), 10);
  EXPECT_EQ(header->leader_epoch, 3);
  EXPECT_EQ(header->total_bytes, batch.size());
  EXPECT_EQ(header->base_timestamp, 1000);
  EXPECT_EQ(header->max_timestamp, 1005);
  EXPECT_EQ(header->producer_id, 99);
  EXPECT_EQ(header->record_count, 3);
  EXPECT_EQ(header->last_sequence(), 0) << "sequences wrap from 2^31-1 to 0";
  EXPECT_FALSE(header->control());
}

TEST(BatchHeader, EveryTruncationIsRefused) {
  const Slice batch = Batch();
  for (std::size_t size = 0; size < batch.size(); ++size) {
    EXPECT_FALSE(ParseCheckedBatch(batch.bytes().first(size))) << size;
    EXPECT_EQ(CheckBatch(batch.bytes().first(size), {}), BatchVerdict::kNotOneBatch) << size;
  }
}

// Seen to fail with the planted bug "batch-crc-unchecked".
TEST(CheckBatch, EveryFlippedBitUnderTheCrcIsFound) {
  const Slice batch = Batch();
  for (std::size_t at = 21; at < batch.size(); ++at) {
    Slice bad = Slice::CopyOf(batch.bytes());
    bad.mutable_bytes()[at] ^= std::byte{0x10};
    EXPECT_EQ(CheckBatch(bad.bytes(), {}), BatchVerdict::kCrc) << at;
    EXPECT_FALSE(ParseCheckedBatch(bad.bytes())) << at;
  }
}

TEST(CheckBatch, VerdictsInKafkasOrder) {
  const Slice good = Batch();
  EXPECT_EQ(CheckBatch(good.bytes(), {}), BatchVerdict::kOk);
  EXPECT_EQ(CheckBatch({}, {}), BatchVerdict::kNotOneBatch);
  const Slice two = Flatten({good, good});
  EXPECT_EQ(CheckBatch(two.bytes(), {}), BatchVerdict::kNotOneBatch);
  EXPECT_EQ(CheckBatch(With(good, 8, std::int32_t{-1}).bytes(), {}), BatchVerdict::kNotOneBatch);
  EXPECT_EQ(CheckBatch(With(good, 16, std::int8_t{1}).bytes(), {}), BatchVerdict::kMagic);
  EXPECT_EQ(CheckBatch(With(good, 0, std::int64_t{5}).bytes(), {}), BatchVerdict::kBaseOffset);
  // Too large is said before the CRC, the CRC before what it covers.
  const Slice bad_crc = With(good, 57, std::int32_t{9}, false);
  EXPECT_EQ(CheckBatch(bad_crc.bytes(), {.message_bytes_max = 70}), BatchVerdict::kTooLarge);
  EXPECT_EQ(CheckBatch(bad_crc.bytes(), {}), BatchVerdict::kCrc);
  EXPECT_EQ(CheckBatch(With(good, 57, std::int32_t{0}).bytes(), {}), BatchVerdict::kCount);
  EXPECT_EQ(CheckBatch(With(good, 57, std::int32_t{2}).bytes(), {}), BatchVerdict::kCount);
  EXPECT_EQ(CheckBatch(With(good, 21, std::int16_t{0x20}).bytes(), {}), BatchVerdict::kControl);
  EXPECT_EQ(CheckBatch(With(good, 21, std::int16_t{0x08}).bytes(), {}),
            BatchVerdict::kLogAppendTime);
  EXPECT_EQ(CheckBatch(With(good, 21, std::int16_t{5}).bytes(), {}), BatchVerdict::kCodec);
  EXPECT_EQ(CheckBatch(With(good, 43, std::int64_t{4}).bytes(), {}), BatchVerdict::kSequence);
  EXPECT_EQ(CheckBatch(good.bytes(), {.segment_bytes = 80}), BatchVerdict::kLargerThanSegment);
}

TEST(StampBatch, LeavesTheCrcAlone) {
  Slice batch = Batch();
  StampBatch(batch.mutable_bytes(), 123456789012, 17);
  const auto header = ParseCheckedBatch(batch.bytes());
  ASSERT_TRUE(header) << header.error().Describe();
  EXPECT_EQ(header->base_offset, 123456789012);
  EXPECT_EQ(header->leader_epoch, 17);
}

TEST(StampTimestamp, RewritesTypeTimeAndCrc) {
  Slice batch = Batch();
  const auto before = ParseCheckedBatch(batch.bytes());
  StampTimestamp(batch.mutable_bytes(), TimestampType::kCreateTime, 1005);
  EXPECT_EQ(*ParseCheckedBatch(batch.bytes()), *before) << "nothing to change";
  StampTimestamp(batch.mutable_bytes(), TimestampType::kLogAppendTime, 777777);
  const auto header = ParseCheckedBatch(batch.bytes());
  ASSERT_TRUE(header) << header.error().Describe();
  EXPECT_EQ(header->timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(header->max_timestamp, 777777);
  EXPECT_EQ(header->base_timestamp, 1000);
}

TEST(TransactionMarker, IsOneControlRecord) {
  const Slice batch = BuildTransactionMarker({.producer_id = 5, .producer_epoch = 1}, 42, true, 9);
  const auto header = ParseCheckedBatch(batch.bytes());
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->control());
  EXPECT_TRUE(header->transactional());
  EXPECT_EQ(header->record_count, 1);
}

}  // namespace
}  // namespace kronika::wal
