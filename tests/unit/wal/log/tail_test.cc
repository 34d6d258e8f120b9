// The tail: what is pinned stays, the rest goes least recently used first, blocks are charged
// whole.
#include "wal/tail.h"

#include <gtest/gtest.h>

#include "wal/record_builder.h"

namespace kronika::wal {
namespace {

Slice Batch(std::int64_t base_offset, int records = 1, std::size_t bytes = 100) {
  RecordBuilder builder({.base_offset = base_offset});
  const std::string value(bytes, 'v');
  for (int i = 0; i < records; ++i) builder.Add({.value = value});
  return builder.Build();
}

std::vector<std::int64_t> Offsets(Tail& tail, std::int64_t from, ReadLimits limits = {}) {
  BatchRange range;
  range.next_offset = from;
  tail.Read(limits, range);
  std::vector<std::int64_t> out;
  for (const Slice& slice : range.batches) {
    for (std::size_t at = 0; at < slice.size();) {
      const auto header = ParseBatchHeader(slice.bytes().subspan(at));
      out.push_back(header->base_offset);
      at += header->total_bytes;
    }
  }
  return out;
}

using List = std::vector<std::int64_t>;

TEST(Tail, PinnedStaysAndTheLeastRecentlyReadGoes) {
  const std::size_t block = Batch(0).block_size();
  TailCache cache(3 * block);
  Tail one(cache), two(cache);
  for (int i = 0; i < 5; ++i) one.Append(Batch(i), i, i + 1);
  EXPECT_EQ(cache.bytes(), 5 * block) << "pinned beyond the bound";
  EXPECT_EQ(Offsets(one, 0), (List{0, 1, 2, 3, 4}));
  one.Unpin(3);
  EXPECT_EQ(cache.bytes(), 3 * block);
  EXPECT_EQ(cache.pinned_bytes(), 2 * block);
  EXPECT_EQ(Offsets(one, 0), List{});
  EXPECT_EQ(Offsets(one, 2), (List{2, 3, 4})) << "0 and 1 went";
  one.Unpin(5);
  Offsets(one, 2, {.bytes_max = 1});  // 2 was read last
  two.Append(Batch(0), 0, 1);
  EXPECT_EQ(Offsets(one, 2), List{2}) << "3 went";
  EXPECT_EQ(Offsets(one, 4), List{4});
}

TEST(Tail, LimitsAndTheBatchThatHoldsTheOffset) {
  TailCache cache(1 << 20);
  Tail tail(cache);
  for (int i = 0; i < 4; ++i) tail.Append(Batch(10 * i, 10), 10 * i, 10 * i + 10);
  const std::size_t size = Batch(0, 10).size();
  EXPECT_EQ(Offsets(tail, 15), (List{10, 20, 30})) << "from the batch that contains the offset";
  EXPECT_EQ(Offsets(tail, 0, {.bytes_max = 2 * size}), (List{0, 10}));
  EXPECT_EQ(Offsets(tail, 0, {.bytes_max = 2 * size - 1}), (List{0}));
  EXPECT_EQ(Offsets(tail, 0, {.bytes_max = 1}), (List{0})) << "at least one";
  EXPECT_EQ(Offsets(tail, 0, {.bytes_max = 1, .at_least_one = false}), List{});
  EXPECT_EQ(Offsets(tail, 0, {.offset_max = 20}), (List{0, 10}));
  EXPECT_EQ(Offsets(tail, 0, {.offset_max = 19}), List{0})
      << "a batch is below whole or not at all";
}

TEST(Tail, ASmallSliceOfALargeBlockIsCopiedWhenUnpinned) {
  TailCache cache(1 << 20);
  Tail tail(cache);
  const Slice batch = Batch(0);
  Slice frame = Slice::Allocate(100'000);
  std::memcpy(frame.mutable_bytes().data(), batch.data(), batch.size());
  tail.Append(frame.Sub(0, batch.size()), 0, 1);
  EXPECT_EQ(cache.bytes(), 100'000U);
  tail.Unpin(1);
  EXPECT_EQ(cache.bytes(), batch.size());
  EXPECT_EQ(Offsets(tail, 0), List{0});
}

TEST(Tail, AReadRunReplacesWhatItCovers) {
  TailCache cache(1 << 20);
  Tail tail(cache);
  for (int i = 0; i < 4; ++i) tail.Append(Batch(i), i, i + 1);
  tail.Unpin(2);
  tail.Insert(Flatten({Batch(0), Batch(1)}), 0, 2);
  EXPECT_EQ(Offsets(tail, 1), (List{1, 2, 3}));
  tail.Insert(Flatten({Batch(1), Batch(2)}), 1, 3);
  EXPECT_EQ(Offsets(tail, 0), (List{0, 1, 2, 3})) << "what reaches into pinned runs is not taken";
}

}  // namespace
}  // namespace kronika::wal
