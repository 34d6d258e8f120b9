// Power loss at any moment: what a manifest names is whole afterwards, and the rest comes from the
// journal (SAFETY A5, A9, R4). Seen to fail with the planted bug "manifest-before-segment-sync".
#include <gtest/gtest.h>

#include "log_world.h"
#include "wal/log/names.h"

namespace kronika::wal {
namespace {

void RunSeed(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  LogWorld world(seed, SmallOptions());
  SeededRng choice(seed * 7919);
  world.disk().SetDelays(std::chrono::microseconds(300), std::chrono::milliseconds(2));
  for (int step = 0; step < 60; ++step) {
    const std::uint64_t what = choice.Below(10);
    if (what < 6) {
      for (std::uint64_t i = 0; i < 1 + choice.Below(20); ++i) {
        world.Append(static_cast<int>(1 + choice.Below(4)), choice.Below(400), 1000 + step);
      }
      if (choice.Chance(0.5))
        world.scheduler().RunFor(std::chrono::microseconds(choice.Below(3000)));
    } else if (what < 7) {
      ASSERT_TRUE(world.Checkpoint());
    } else {
      // Half of the crashes hit a checkpoint on its way; its manifest is then lost.
      if (choice.Chance(0.5)) {
        world.log().Checkpoint({.applied = Index{world.journal().size()}}, [](Result<Manifest>) {});
        world.scheduler().RunFor(std::chrono::microseconds(choice.Below(20'000)));
      }
      const double keep = choice.Chance(0.3) ? 0.0 : 0.5;
      world.Crash({.keep_block = keep, .keep_size = 0.5, .keep_name = 0.5});
      const auto verified = world.Verify();
      ASSERT_TRUE(verified) << verified.error().Describe();
      if (choice.Chance(0.3)) world.ExpectSame();
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  ASSERT_TRUE(world.Checkpoint());
  world.ExpectSame();
  ASSERT_TRUE(world.Verify());
  for (const auto& segment : world.manifest().segments) {
    const auto bytes = world.disk().ReadAll(
        kDirectory + "/" + SegmentFileName(segment.base_offset, SegmentFile::kLog));
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->size(), segment.bytes);
  }
}

TEST(PartitionLogCrash, AnySuffixOfUnsyncedWritesMayBeLost) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) RunSeed(seed);
}

// The manifest is older than the files: the Kv store lost its last batches.
TEST(PartitionLogCrash, AnOlderManifestIsAsGood) {
  LogWorld world(5, SmallOptions());
  for (int i = 0; i < 60; ++i) world.Append(1, 100, i);
  ASSERT_TRUE(world.Checkpoint());
  const Manifest older = world.manifest();
  for (int i = 0; i < 90; ++i) world.Append(1, 150, 100 + i);
  ASSERT_TRUE(world.Checkpoint());
  world.manifest() = older;
  world.Restart();
  world.ExpectSame();
  ASSERT_TRUE(world.Checkpoint());
  world.ExpectSame();
  ASSERT_TRUE(world.Verify());
}

TEST(PartitionLogCrash, DamagedIndexesAreMadeAgain) {
  for (auto file : {SegmentFile::kIndex, SegmentFile::kTimeIndex}) {
    for (bool removed : {false, true}) {
      LogWorld world(6, {.segment_bytes = 1 << 20, .index_interval_bytes = 300});
      for (int i = 0; i < 60; ++i) world.Append(1, 100, i);
      ASSERT_TRUE(world.Checkpoint());
      const std::string path = kDirectory + "/" + SegmentFileName(0, file);
      const std::string good = *world.disk().ReadAll(path);
      ASSERT_FALSE(good.empty());
      if (removed) {
        world.Wait<void>([&](Done<void> done) { world.files().Remove(path, std::move(done)); })
            .value();
      } else {
        world.disk().WriteAll(path, std::string(good.size() / 2, 'x'));
      }
      world.Restart();
      world.Append(1, 10, 1);
      ASSERT_TRUE(world.Checkpoint());
      EXPECT_EQ(world.disk().ReadAll(path)->substr(0, good.size()), good);
    }
  }
}

}  // namespace
}  // namespace kronika::wal
