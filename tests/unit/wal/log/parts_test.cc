// The pure parts of the partition log: names, epochs, chunk sums, manifest, index entries.
#include <gtest/gtest.h>

#include "wal/log/chunk_sums.h"
#include "wal/log/epochs.h"
#include "wal/log/index_builder.h"
#include "wal/log/manifest.h"
#include "wal/log/names.h"

namespace kronika::wal {
namespace {

TEST(Names, AreKafkas) {
  EXPECT_EQ(PartitionDirectory("a.b-c", 12), "a.b-c-12");
  EXPECT_EQ(DeletedDirectory("t-0", GroupId{9}), "t-0.9-delete");
  EXPECT_EQ(SegmentFileName(42, SegmentFile::kTimeIndex), "00000000000000000042.timeindex");
  EXPECT_EQ(ParseSegmentFileName("00000000000000000042.log"), 42);
  EXPECT_EQ(ParseSegmentFileName("00000000000000000042.sums"), 42);
  for (const char* name : {"leader-epoch-checkpoint", "42.log", "00000000000000000042.logs", "",
                           "-0000000000000000042.log", "99999999999999999999.log"}) {
    EXPECT_FALSE(ParseSegmentFileName(name)) << name;
  }
}

TEST(LeaderEpochs, AnswerAsKafkaDoes) {
  LeaderEpochs epochs;
  EXPECT_EQ(epochs.EndOf(0, 0), (EpochEnd{-1, -1}));
  epochs.Begin(2, 0);
  epochs.Begin(5, 10);
  epochs.Begin(6, 30);
  epochs.Begin(9, 30);  // nothing was written in 6: it vanishes
  epochs.Begin(9, 31);  // known
  EXPECT_EQ(epochs.starts(), (std::vector<EpochStart>{{2, 0}, {5, 10}, {9, 30}}));
  EXPECT_EQ(epochs.EndOf(9, 40), (EpochEnd{9, 40})) << "the latest ends at the log's end";
  EXPECT_EQ(epochs.EndOf(5, 40), (EpochEnd{5, 30}));
  EXPECT_EQ(epochs.EndOf(7, 40), (EpochEnd{5, 30})) << "the largest known one below";
  EXPECT_EQ(epochs.EndOf(1, 40), (EpochEnd{1, 0})) << "below all";
  EXPECT_EQ(epochs.EndOf(10, 40), (EpochEnd{-1, -1})) << "above all";
  EXPECT_EQ(epochs.EpochAt(29), 5);
  epochs.CutFront(12);
  EXPECT_EQ(epochs.starts(), (std::vector<EpochStart>{{5, 12}, {9, 30}}));
  EXPECT_EQ(epochs.ToCheckpointText(), "0\n2\n5 12\n9 30\n");
}

std::string ThreeChunks(const ChunkOwner& owner) {
  return EncodeChunk(owner, {0, 100, 40, 5, 1}) + EncodeChunk(owner, {100, 200, 50, 6, 2}) +
         EncodeChunk(owner, {300, 100, 90, 6, 3});
}

TEST(ChunkSums, KeepOwnerOrderAndSums) {
  const ChunkOwner owner{GroupId{3}, 40};
  const std::string bytes = ThreeChunks(owner);
  const auto chunks = DecodeChunks(owner, AsBytes(bytes), 400);
  ASSERT_TRUE(chunks);
  EXPECT_EQ(FindChunk(*chunks, 40), 0U);
  EXPECT_EQ(FindChunk(*chunks, 89), 1U);
  EXPECT_EQ(FindChunk(*chunks, 1000), 2U);
  EXPECT_FALSE(DecodeChunks({GroupId{4}, 40}, AsBytes(bytes), 400)) << "another partition's";
  EXPECT_FALSE(DecodeChunks({GroupId{3}, 41}, AsBytes(bytes), 400)) << "another segment's";
  EXPECT_FALSE(DecodeChunks(owner, AsBytes(bytes), 401)) << "the segment is longer";
  EXPECT_FALSE(DecodeChunks(owner, AsBytes(bytes).first(64), 400)) << "entries are missing";
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    EXPECT_FALSE(DecodeChunks(owner, AsBytes(bad), 400)) << at;
  }
}

Manifest SampleManifest() {
  Manifest out;
  out.group = GroupId{3};
  out.incarnation = Incarnation{17};
  out.directory = "t-0";
  out.applied = Index{900};
  out.applied_term = Term{4};
  out.log_start_offset = 5;
  out.end_offset = 1000;
  out.epochs = {{1, 5}, {4, 300}};
  out.segments = {{.base_offset = 0, .bytes = 4000, .sums = {64, 1}},
                  {.base_offset = 700, .bytes = 20}};
  out.replica = "replica";
  out.producers = std::string("\0p", 2);
  return out;
}

TEST(Manifest, EveryFlipAndTruncationIsRefused) {
  const std::string bytes = EncodeManifest(SampleManifest());
  ASSERT_TRUE(DecodeManifest(AsBytes(bytes)));
  EXPECT_EQ(*DecodeManifest(AsBytes(bytes)), SampleManifest());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_FALSE(DecodeManifest(AsBytes(bad))) << at;
    EXPECT_FALSE(DecodeManifest(AsBytes(bytes).first(at))) << at;
  }
}

TEST(Manifest, EveryServedOffsetHasASegment) {
  auto refused = [](auto change) {
    Manifest manifest = SampleManifest();
    change(manifest);
    return !DecodeManifest(AsBytes(EncodeManifest(manifest)));
  };
  EXPECT_FALSE(refused([](Manifest&) {}));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments[0].base_offset = 6; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments[1].base_offset = 1000; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments.clear(); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.end_offset = 4; }));
  EXPECT_TRUE(refused([](Manifest& m) { std::swap(m.segments[0], m.segments[1]); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.epochs[1].epoch = 1; }));
}

TEST(IndexBuilder, EntriesAreSparseAndTimesAscend) {
  IndexBuilder builder(1000, 100, {});
  IndexBytes out;
  BatchHeader batch;
  batch.total_bytes = 80;
  batch.last_offset_delta = 9;
  const std::int64_t times[] = {50, 70, 60, 70, 90, 10};
  for (int i = 0; i < 6; ++i) {
    batch.base_offset = 1000 + 10 * i;
    batch.max_timestamp = times[i];
    builder.Add(batch, static_cast<std::uint32_t>(80 * i), out);
  }
  // More than 100 bytes lie before the third and the fifth batch.
  EXPECT_EQ(out.index, std::string("\0\0\0\x1d\0\0\0\xa0\0\0\0\x31\0\0\1\x40", 16));
  EXPECT_EQ(out.time_index,
            std::string("\0\0\0\0\0\0\0\x46\0\0\0\x13\0\0\0\0\0\0\0\x5a\0\0\0\x31", 24));
  builder.Finish(out);
  EXPECT_EQ(out.time_index.size(), 24U) << "the largest time is there";
}

}  // namespace
}  // namespace kronika::wal
