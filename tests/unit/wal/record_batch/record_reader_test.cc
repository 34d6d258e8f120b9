// Records inside batches: every codec, the checks on each record, hostile lengths and ratios.
#include "wal/record_reader.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "wal/record_builder.h"

namespace kronika::wal {
namespace {

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

RecordsCheck Check(const Slice& batch, const RecordRules& rules = {},
                   const DecompressionLimits& limits = {}) {
  return CheckRecords(batch.bytes(), *ParseCheckedBatch(batch.bytes()), rules, limits);
}

// Replaces the records of a batch by `records`, CRC right.
Slice WithRecords(const Slice& batch, std::string_view records) {
  Slice out = Flatten({batch.Sub(0, kBatchHeaderBytes), Slice::CopyOf(records)});
  StoreBe(out.mutable_bytes().data() + 8, static_cast<std::int32_t>(out.size() - 12));
  StoreBe(out.mutable_bytes().data() + 17, ComputeBatchCrc(out.bytes()));
  return out;
}

TEST(RecordReader, ReadsBackWhatWasBuiltInEveryCodec) {
  const std::string large(100'000, 'x');
  for (Codec codec : kCodecs) {
    RecordBuilder builder({.codec = codec, .base_offset = 500});
    builder.Add({.timestamp = 10, .key = "a", .value = large, .headers = {{"h", "v"}, {"n", {}}}});
    builder.Add({.timestamp = 9, .key = {}, .value = ""});
    builder.Add({.timestamp = 30, .key = "", .value = {}});
    for (int i = 3; i < 2000; ++i)
      builder.Add({.timestamp = 30 + i % 7, .key = "k", .value = "some text"});
    const Slice batch = builder.Build();
    const auto header = ParseCheckedBatch(batch.bytes());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->codec(), codec);
    RecordReader reader(batch.bytes(), *header);
    auto record = reader.Next();
    ASSERT_TRUE(record && *record) << Name(codec);
    EXPECT_EQ((*record)->offset, 500);
    EXPECT_EQ(AsText(*(*record)->value), large);
    const auto headers = ParseHeaders(**record);
    ASSERT_EQ(headers.size(), 2U);
    EXPECT_EQ(headers[0].key, "h");
    EXPECT_FALSE(headers[1].value);
    record = reader.Next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->timestamp, 9);
    EXPECT_FALSE((*record)->key);
    EXPECT_EQ((*record)->value->size(), 0U);
    record = reader.Next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->key->size(), 0U);
    EXPECT_FALSE((*record)->value);
    int more = 0;
    for (record = reader.Next(); record && *record; record = reader.Next()) ++more;
    EXPECT_TRUE(record) << record.error().Describe();
    EXPECT_EQ(more, 1997);
    const auto check = Check(batch);
    EXPECT_EQ(check.verdict, BatchVerdict::kOk);
    EXPECT_EQ(check.max_timestamp, 36);
    EXPECT_EQ(check.offset_of_max_timestamp, 506);
    EXPECT_EQ(*FindMaxTimestamp(batch.bytes(), *header), (OffsetAndTimestamp{506, 36}));
    EXPECT_EQ(**FindTimestamp(batch.bytes(), *header, 11), (OffsetAndTimestamp{502, 30}));
    EXPECT_FALSE(*FindTimestamp(batch.bytes(), *header, 37));
  }
}

TEST(RecordReader, LogAppendTimeIsTheTimeOfEveryRecord) {
  RecordBuilder builder({.codec = Codec::kLz4});
  builder.Add({.timestamp = 10, .value = "a"}).Add({.timestamp = 20, .value = "b"});
  Slice batch = builder.Build();
  StampTimestamp(batch.mutable_bytes(), TimestampType::kLogAppendTime, 99);
  const auto header = ParseCheckedBatch(batch.bytes());
  EXPECT_EQ(*FindMaxTimestamp(batch.bytes(), *header), (OffsetAndTimestamp{0, 99}));
}

TEST(CheckRecords, NamesTheRecordsToBlame) {
  RecordBuilder builder({});
  builder.Add({.timestamp = 10, .key = "k", .value = "a"});
  builder.Add({.timestamp = 20, .key = {}, .value = "b"});
  builder.Add({.timestamp = 30, .key = {}, .value = "c"});
  const Slice batch = builder.Build();
  const auto keys = Check(batch, {.key_required = true});
  EXPECT_EQ(keys.verdict, BatchVerdict::kKeyMissing);
  EXPECT_EQ(keys.bad_records, (std::vector<std::int32_t>{1, 2}));
  const auto times = Check(batch, {.timestamp_min = 15, .timestamp_max = 25});
  EXPECT_EQ(times.verdict, BatchVerdict::kTimestamp);
  EXPECT_EQ(times.bad_records, (std::vector<std::int32_t>{0, 2}));
}

TEST(CheckRecords, CountMustBeTrueBothWays) {
  RecordBuilder builder({});
  builder.Add({.value = "a"}).Add({.value = "b"});
  Slice batch = builder.Build();
  for (std::int32_t count : {1, 3, 1'000'000}) {
    StoreBe(batch.mutable_bytes().data() + 57, count);
    StoreBe(batch.mutable_bytes().data() + 17, ComputeBatchCrc(batch.bytes()));
    EXPECT_EQ(Check(batch).verdict, BatchVerdict::kRecords) << count;
  }
}

TEST(CheckRecords, OffsetDeltasAreConsecutive) {
  RecordBuilder builder({});
  builder.Add({.value = "a"}).Add({.value = "b"});
  Slice batch = builder.Build();
  // The first record is length, attributes, time delta, offset delta: make the latter 1.
  batch.mutable_bytes()[kBatchHeaderBytes + 3] = std::byte{2};
  StoreBe(batch.mutable_bytes().data() + 17, ComputeBatchCrc(batch.bytes()));
  EXPECT_EQ(Check(batch).verdict, BatchVerdict::kOffsetDeltas);
}

TEST(CheckRecords, EveryTruncationOfTheRecordsIsMalformed) {
  for (Codec codec : kCodecs) {
    RecordBuilder builder({.codec = codec});
    builder.Add({.timestamp = 1, .key = "key", .value = "value", .headers = {{"h", "v"}}});
    builder.Add({.timestamp = 2, .key = {}, .value = "another value"});
    const Slice batch = builder.Build();
    for (std::size_t size = 0; kBatchHeaderBytes + size < batch.size(); ++size) {
      // A compressed stream may end early where only its checksum is missing; records are then all
      // there.
      const Slice cut = WithRecords(batch, batch.text().substr(kBatchHeaderBytes, size));
      const auto verdict = Check(cut).verdict;
      if (codec == Codec::kNone || size + 12 < batch.size() - kBatchHeaderBytes) {
        EXPECT_EQ(verdict, BatchVerdict::kRecords) << Name(codec) << " " << size;
      }
    }
    const std::string more = std::string(batch.text().substr(kBatchHeaderBytes)) + "z";
    EXPECT_EQ(Check(WithRecords(batch, more)).verdict, BatchVerdict::kRecords) << Name(codec);
  }
}

TEST(CheckRecords, EveryFlippedByteIsAVerdictAndNeverACrash) {
  for (Codec codec : kCodecs) {
    RecordBuilder builder({.codec = codec});
    for (int i = 0; i < 20; ++i)
      builder.Add({.timestamp = i, .key = "key", .value = "value value value"});
    const Slice batch = builder.Build();
    for (std::size_t at = kBatchHeaderBytes; at < batch.size(); ++at) {
      std::string records(batch.text().substr(kBatchHeaderBytes));
      records[at - kBatchHeaderBytes] = static_cast<char>(records[at - kBatchHeaderBytes] ^ 0xff);
      Check(WithRecords(batch, records));
    }
  }
}

// Seen to fail without the Bounded stream around each codec.
TEST(CheckRecords, BombsAreRefused) {
  const std::string zeros(40 << 20, '\0');
  const DecompressionLimits limits{
      .bytes_max = 64 << 20, .bytes_always_allowed = 1 << 20, .ratio_max = 20};
  for (Codec codec : {Codec::kGzip, Codec::kLz4, Codec::kZstd, Codec::kSnappy}) {
    RecordBuilder builder({.codec = codec});
    builder.Add({.value = zeros});
    const Slice batch = builder.Build();
    RecordReader reader(batch.bytes(), *ParseCheckedBatch(batch.bytes()), limits);
    const auto record = reader.Next();
    ASSERT_FALSE(record) << Name(codec);
    EXPECT_EQ(record.error().code, ErrorCode::kInvalidArgument) << Name(codec);
    EXPECT_EQ(Check(batch, {}, limits).verdict, BatchVerdict::kRecords) << Name(codec);
  }
}

}  // namespace
}  // namespace kronika::wal
