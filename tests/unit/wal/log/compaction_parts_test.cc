// The pure parts of compaction: names, map, plan, filter, horizon.
#include <gtest/gtest.h>

#include "compaction_world.h"
#include "wal/log/names.h"
#include "wal/log/removal_horizon.h"

namespace kronika::wal {
namespace {

constexpr SipSeed kSeed{1, 2};

TEST(CompactedName, IsReadBack) {
  const std::string name = CompactedFileName(42, SegmentFile::kTimeIndex, 7);
  EXPECT_EQ(name, "00000000000000000042.timeindex.compacted-7");
  EXPECT_EQ(ParseCompactedFileName(name), (CompactedName{42, SegmentFile::kTimeIndex, 7}));
  EXPECT_FALSE(ParseSegmentFileName(name)) << "Kafka's tools do not take it for a segment's";
  for (const std::string bad :
       {"00000000000000000042.log", "00000000000000000042.log.compacted-0",
        "00000000000000000042.log.compacted-", "42.log.compacted-1",
        "00000000000000000042.log.compacted-07", "00000000000000000042.log.compacted-1x"}) {
    EXPECT_FALSE(ParseCompactedFileName(bad)) << bad;
  }
}

TEST(OffsetMap, TakesNoMoreThanItsMemory) {
  OffsetMap map(kSeed, 1000, 1'000'000);
  EXPECT_LE(map.bytes(), 1000U);
  std::size_t taken = 0;
  while (map.Put(AsBytes("key" + std::to_string(taken)), static_cast<std::int64_t>(taken))) ++taken;
  EXPECT_EQ(taken, map.keys_max());
  EXPECT_GE(taken, 25U);
  EXPECT_TRUE(map.Put(AsBytes(std::string_view("key0")), 1000))
      << "a key that it has is no new one";
  EXPECT_EQ(map.Find(AsBytes(std::string_view("key0"))), 1000);
  for (std::size_t i = 1; i < taken; ++i)
    EXPECT_EQ(map.Find(AsBytes("key" + std::to_string(i))), static_cast<std::int64_t>(i));
  EXPECT_EQ(map.Find(AsBytes(std::string_view("other"))), -1);
}

TEST(OffsetMap, IsNoLargerThanTheKeysThatCanCome) {
  EXPECT_LE(OffsetMap(kSeed, 1 << 30, 10).bytes(), 500U);
  OffsetMap one(kSeed, 0, 10);
  EXPECT_TRUE(one.Put(AsBytes(std::string_view("a")), 1)) << "or no pass would come to an end";
  EXPECT_FALSE(one.Put(AsBytes(std::string_view("b")), 2));
}

TEST(RemovalHorizon, OnlyWhatLiesBehindItMayBeContinued) {
  EXPECT_TRUE(MayContinueAt(kNothingRemoved, 0)) << "nothing was dropped";
  EXPECT_FALSE(MayContinueAt(200, 150)) << "the deletion at 200 is not told any more";
  EXPECT_FALSE(MayContinueAt(200, 200));
  EXPECT_TRUE(MayContinueAt(200, 201));
}

// Four segments of 100 offsets and 1,000 bytes each, appended at 0, 100, 200, 300 ms.
std::vector<SegmentFacts> FourSegments() {
  std::vector<SegmentFacts> out;
  for (int i = 0; i < 4; ++i) out.push_back({i * 100, i * 100 + 100, 1000, i * 100});
  return out;
}

TEST(CleaningPlan, LeavesTheLastSegmentAndWhatIsYoung) {
  auto plan = PlanCleaning(FourSegments(), 0, {.dirty_ratio_min = 0.5}, 1000);
  EXPECT_TRUE(plan.due);
  EXPECT_EQ(plan.uncleanable_from, 300);
  EXPECT_EQ(plan.dirty_bytes, 3000U);
  // The second segment's youngest record is as old as the third's first one: 50 ms at 250.
  plan = PlanCleaning(FourSegments(), 0, {.dirty_ratio_min = 0.5, .lag_min_ms = 60}, 250);
  EXPECT_EQ(plan.uncleanable_from, 100);
  plan = PlanCleaning(FourSegments(), 0, {.lag_min_ms = 60}, 150);
  EXPECT_FALSE(plan.due);
  EXPECT_EQ(plan.dirty_bytes, 0U);
  EXPECT_FALSE(PlanCleaning({}, 0, {.dirty_ratio_min = 0}, 1000).due);
  EXPECT_FALSE(PlanCleaning({{0, 100, 1000, 0}}, 0, {.dirty_ratio_min = 0}, 1000).due);
}

TEST(CleaningPlan, IsDueByShareOrByAge) {
  const CompactionRules half{.dirty_ratio_min = 0.5};
  EXPECT_TRUE(PlanCleaning(FourSegments(), 100, half, 1000).due) << "two of three parts are dirty";
  auto plan = PlanCleaning(FourSegments(), 200, half, 1000);
  EXPECT_FALSE(plan.due) << "one of three";
  EXPECT_EQ(plan.clean_bytes, 2000U);
  EXPECT_EQ(plan.dirty_from, 200);
  const CompactionRules aged{.dirty_ratio_min = 0.5, .lag_max_ms = 700};
  EXPECT_FALSE(PlanCleaning(FourSegments(), 200, aged, 899).due);
  EXPECT_TRUE(PlanCleaning(FourSegments(), 200, aged, 900).due) << "the third began at 200";
  EXPECT_FALSE(PlanCleaning(FourSegments(), 300, aged, 10'000).due) << "nothing is dirty";
}

TEST(CleaningPlan, RunsFitASegmentAndItsIndex) {
  using Counts = std::vector<std::size_t>;
  EXPECT_EQ(GroupSegments(FourSegments(), 300, 2000), (Counts{2, 1}));
  EXPECT_EQ(GroupSegments(FourSegments(), 250, 10'000), (Counts{3}));
  EXPECT_EQ(GroupSegments(FourSegments(), 300, 10), (Counts{1, 1, 1}));
  EXPECT_EQ(GroupSegments(FourSegments(), 0, 10), Counts{});
  auto far = FourSegments();
  far[1].end_offset = far[2].base_offset = 1LL << 31;
  far[2].end_offset = far[3].base_offset = (1LL << 31) + 200;
  far[3].end_offset = far[3].base_offset + 1;
  EXPECT_EQ(GroupSegments(far, 1LL << 40, 10'000), (Counts{1, 1, 2}));
}

// ---- The filter, one batch at a time.

class Filter : public ::testing::Test {
 protected:
  Slice Batch(std::vector<std::pair<std::string, std::optional<std::string>>> records,
              Codec codec = Codec::kNone, std::int64_t producer = kNoProducerId) {
    RecordBuilder builder({.codec = codec,
                           .base_offset = next_,
                           .leader_epoch = 3,
                           .producer_id = producer,
                           .producer_epoch = static_cast<std::int16_t>(producer < 0 ? -1 : 2),
                           .base_sequence = producer < 0 ? kNoSequence : 70});
    for (const auto& [key, value] : records)
      builder.Add({.timestamp = 5000 + next_++, .key = key, .value = value});
    Slice out = builder.Build();
    std::int64_t next = 0;
    EXPECT_TRUE(*MapKeys(out, next, map_));
    rules_.map_end = next_;
    return out;
  }
  Filtered Run(const Slice& batch) {
    Filtered out;
    auto status = FilterBatches(batch, rules_, out);
    EXPECT_TRUE(status);
    return out;
  }
  OffsetMap map_{kSeed, 1 << 20, 1000};
  LastBatches last_;
  FilterRules rules_{map_, last_, 0, 1'000'000, 60'000};
  std::int64_t next_ = 0;
};

TEST_F(Filter, KeepsTheLatestOfAKeyUnderEveryCodec) {
  for (const Codec codec :
       {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    SCOPED_TRACE(Name(codec));
    const Slice first = Batch({{"a", "1"}, {"b", "2"}, {"c", "3"}}, codec);
    const Slice second = Batch({{"a", "4"}, {"c", "5"}}, codec);
    const auto kept = Run(first);
    ASSERT_EQ(kept.batches.size(), 1U);
    const auto before = *ParseCheckedBatch(first.bytes());
    const auto after = ParseCheckedBatch(kept.batches[0].bytes());
    ASSERT_TRUE(after) << after.error().Describe();
    EXPECT_EQ(after->base_offset, before.base_offset);
    EXPECT_EQ(after->last_offset(), before.last_offset());
    EXPECT_EQ(after->leader_epoch, 3);
    EXPECT_EQ(after->codec(), codec);
    EXPECT_EQ(after->record_count, 1);
    EXPECT_EQ(after->max_timestamp, 5000 + before.base_offset + 1);
    const auto records = RecordsOf(kept.batches[0].bytes());
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0],
              (KeyedRecord{before.base_offset + 1, 5001 + before.base_offset, "b", "2"}));
    const auto untouched = Run(second);
    ASSERT_EQ(untouched.batches.size(), 1U);
    EXPECT_EQ(untouched.batches[0].data(), second.data()) << "the same bytes, not a copy";
    EXPECT_FALSE(untouched.changed);
  }
}

TEST_F(Filter, AnEmptiedBatchGoesUnlessItIsTheLastOfItsProducer) {
  const Slice plain = Batch({{"a", "1"}}), idempotent = Batch({{"a", "2"}}, Codec::kZstd, 9);
  Batch({{"a", "3"}});
  EXPECT_TRUE(Run(plain).batches.empty());
  EXPECT_TRUE(Run(idempotent).batches.empty()) << "the producer wrote another one since";
  last_[9] = 1;
  const auto kept = Run(idempotent);
  ASSERT_EQ(kept.batches.size(), 1U);
  const auto header = ParseCheckedBatch(kept.batches[0].bytes());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->total_bytes, kBatchHeaderBytes);
  EXPECT_EQ(header->base_offset, 1);
  EXPECT_EQ(header->last_sequence(), 70);
  EXPECT_EQ(header->producer_epoch, 2);
  EXPECT_EQ(header->record_count, 0);
  last_[9] = 50;
  EXPECT_TRUE(Run(kept.batches[0]).batches.empty());
}

TEST_F(Filter, ATombstoneStaysForItsTime) {
  const Slice batch = Batch({{"a", std::nullopt}, {"b", "1"}});
  const auto first = Run(batch);
  ASSERT_EQ(first.batches.size(), 1U);
  const auto header = ParseCheckedBatch(first.batches[0].bytes());
  ASSERT_TRUE(header && header->has_delete_horizon());
  EXPECT_EQ(header->delete_horizon_ms(), 1'060'000);
  EXPECT_EQ(RecordsOf(first.batches[0].bytes()), RecordsOf(batch.bytes())) << "and their times";
  rules_.now_ms = 1'059'999;
  EXPECT_FALSE(Run(first.batches[0]).changed);
  rules_.now_ms = 1'060'000;
  const auto second = Run(first.batches[0]);
  EXPECT_EQ(second.tombstone_removed, 0);
  ASSERT_EQ(second.batches.size(), 1U);
  EXPECT_EQ(RecordsOf(second.batches[0].bytes()).size(), 1U);
}

TEST_F(Filter, WhatTheMapDoesNotCoverStays) {
  const Slice old = Batch({{"a", "1"}, {"b", std::nullopt}});
  const Slice batch = Batch({{"a", "2"}, {"a", std::nullopt}});
  rules_.map_end = 3;
  rules_.now_ms = INT64_MAX / 2;
  EXPECT_EQ(RecordsOf(Run(batch).batches.at(0).bytes()).size(), 1U) << "2@2 has a successor in it";
  EXPECT_FALSE(ParseBatchHeader(Run(batch).batches.at(0).bytes())->has_delete_horizon())
      << "its tombstone's time begins when a pass covers all of it";
  rules_.map_end = 0;
  EXPECT_FALSE(Run(old).changed);
}

TEST_F(Filter, RecordsWithoutAKeyGoAndControlBatchesStay) {
  RecordBuilder builder({.base_offset = 0});
  builder.Add({.timestamp = 1, .value = "no key"});
  rules_.map_end = 10;
  EXPECT_TRUE(Run(builder.Build()).batches.empty());
  const Slice marker = BuildTransactionMarker({.base_offset = 1}, 5, true, 1);
  EXPECT_FALSE(Run(marker).changed);
  EXPECT_EQ(Run(marker).batches.size(), 1U);
}

TEST_F(Filter, AFullMapEndsWithinABatch) {
  OffsetMap small(kSeed, 0, 1);
  const Slice batch = Batch({{"a", "1"}, {"a", "2"}, {"b", "3"}, {"a", "4"}});
  std::int64_t next = 0;
  auto fits = MapKeys(batch, next, small);
  ASSERT_TRUE(fits);
  EXPECT_FALSE(*fits);
  EXPECT_EQ(next, 2);
  OffsetMap again(kSeed, 1 << 10, 10);
  fits = MapKeys(batch, next, again);
  ASSERT_TRUE(fits && *fits);
  EXPECT_EQ(next, 4);
  EXPECT_EQ(again.size(), 2U) << "what lies below was mapped before";
}

TEST_F(Filter, BrokenRecordsAreNamed) {
  const Slice batch = Batch({{"a", "1"}});
  Slice bad = Slice::CopyOf(batch.bytes());
  auto header = *ParseBatchHeader(bad.bytes());
  header.record_count = 2;
  StoreBatchHeader(bad.mutable_bytes(), header);
  Filtered out;
  EXPECT_EQ(FilterBatches(bad, rules_, out).error().code, ErrorCode::kCorruption);
  std::int64_t next = 0;
  EXPECT_EQ(MapKeys(bad, next, map_).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace kronika::wal
