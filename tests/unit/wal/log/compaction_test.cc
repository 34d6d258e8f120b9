// Compaction of a log on a simulated disk: what is left, under which names, through crashes, and
// beside installs. Held to a model: the map from keys to last values.
//
// Seen to fail with the planted bugs compacted-not-synced, replaced-segments-removed-early,
// horizon-not-raised, horizon-ignored (streams go on that should end), tombstone-dropped-too-early.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "compaction_world.h"
#include "wal/log/names.h"
#include "wal/log/removal_horizon.h"

namespace kronika::wal {
namespace {

void Fill(CompactionWorld& world, int batches, std::size_t keys) {
  for (int i = 0; i < batches; ++i) {
    world.AppendRandom(keys);
    ++world.now_ms;
  }
  ASSERT_TRUE(world.TakeCheckpoint());
}

std::vector<std::string> NamesIn(CompactionWorld& world) {
  auto entries = world.Wait<std::vector<DirEntry>>(
      [&](auto done) { world.files().List(kDirectory, std::move(done)); });
  std::vector<std::string> out;
  for (const auto& entry : entries.value()) out.push_back(entry.name);
  return out;
}

TEST(Compaction, LeavesTheLastRecordOfEachKey) {
  CompactionWorld world(1);
  Fill(world, 300, 10);
  const auto segments = world.manifest().segments.size();
  ASSERT_GT(segments, 5U);
  auto outcome = world.Compact();
  ASSERT_TRUE(outcome) << outcome.error().Describe();
  EXPECT_FALSE(outcome->map_was_full);
  EXPECT_EQ(outcome->cleaned_to, world.manifest().segments.back().base_offset);
  EXPECT_LT(outcome->bytes_after * 5, outcome->bytes_before);
  EXPECT_LT(world.manifest().segments.size(), segments);
  world.CheckAgainstModel();
  EXPECT_TRUE(world.Verify());
  world.Settle();
  for (const std::string& name : NamesIn(world)) {
    EXPECT_FALSE(ParseCompactedFileName(name)) << name;
    const auto base = ParseSegmentFileName(name);
    const auto named = [&](const auto& segment) { return !base || segment.base_offset == *base; };
    EXPECT_TRUE(std::ranges::any_of(world.manifest().segments, named)) << name << " is left";
  }
  const auto plan = world.log().PlanCompaction({.dirty_ratio_min = 0}, world.now_ms);
  EXPECT_EQ(plan.dirty_bytes, 0U);
  world.Restart();
  world.CheckAgainstModel();
  EXPECT_TRUE(world.Verify());
}

TEST(Compaction, ASecondPassTakesTombstonesWhoseTimeIsUp) {
  CompactionWorld world(2);
  world.AppendKeyed({{{"gone", "1"}, {"stays", "1"}}});
  world.AppendKeyed({{{"gone", std::nullopt}}});
  Fill(world, 60, 5);
  ASSERT_TRUE(world.Compact());
  const auto has_tombstone = [&] {
    return std::ranges::any_of(world.ReadAll(world.log()),
                               [](const auto& record) { return record.key == "gone"; });
  };
  EXPECT_TRUE(has_tombstone());
  EXPECT_EQ(world.log().removal_horizon(), -1);
  world.now_ms += world.delete_retention_ms;
  Fill(world, 60, 5);
  ASSERT_TRUE(world.Compact());
  EXPECT_FALSE(has_tombstone());
  EXPECT_GE(world.log().removal_horizon(), 2);
  world.CheckAgainstModel();
  world.Restart();
  EXPECT_GE(world.log().removal_horizon(), 2) << "it stands in the manifest";
}

TEST(Compaction, AMapThatIsTooSmallTakesSeveralPasses) {
  CompactionWorld world(3);
  Fill(world, 200, 60);
  int passes = 0;
  while (world.log().PlanCompaction({.dirty_ratio_min = 0}, world.now_ms).dirty_bytes > 0) {
    auto outcome = world.Compact(600);
    ASSERT_TRUE(outcome) << outcome.error().Describe();
    ++passes;
    world.CheckAgainstModel();
  }
  EXPECT_GT(passes, 3);
}

TEST(Compaction, SurvivesACrashAtAnyPoint) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactionWorld world(seed);
    world.disk().SetDelays(std::chrono::microseconds(100), std::chrono::microseconds(500));
    world.delete_retention_ms = 5;
    Fill(world, 120, 8);
    for (int round = 0; round < 4; ++round) {
      world.log().Compact(world.Task(seed % 3 == 0 ? 400 : 1 << 20), [](auto) {});
      world.scheduler().RunFor(std::chrono::microseconds(world.rng().Below(60'000)));
      world.CrashAndForget();
      world.CheckAgainstModel();
      Fill(world, 20, 8);
      world.now_ms += 4;
    }
    world.CompactAll();
    world.CheckAgainstModel();
    ASSERT_TRUE(world.Verify());
  }
}

TEST(Compaction, ReadersSearchesAndAppendsGoOnMeanwhile) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactionWorld world(seed);
    world.cache_bytes = seed % 2 == 0 ? 0 : 1 << 20;
    world.Restart();
    world.disk().SetDelays(std::chrono::microseconds(100), std::chrono::milliseconds(1));
    Fill(world, 150, 6);
    std::optional<Result<CompactionOutcome>> outcome;
    world.log().Compact(world.Task(), [&](auto result) { outcome = std::move(result); });
    while (!outcome) {
      world.CheckAgainstModel(world.log(), 0);
      auto found = world.Find(world.now_ms - static_cast<std::int64_t>(world.rng().Below(500)));
      ASSERT_TRUE(found) << found.error().Describe();
      ASSERT_TRUE(world.FindLargest());
      ASSERT_TRUE(world.Verify());
      world.AppendRandom(6);
      world.log().SettleCompacted();
    }
    ASSERT_TRUE(*outcome) << outcome->error().Describe();
    world.Settle();
    world.log().SettleCompacted();
    world.Settle();
    EXPECT_FALSE(world.log().compacting()) << "the files of what was replaced are gone";
    world.CheckAgainstModel();
    std::int64_t largest = 0;
    for (const auto& record : world.ReadAll(world.log()))
      largest = std::max(largest, record.timestamp);
    EXPECT_EQ(world.FindLargest()->timestamp, largest);
  }
}

TEST(Compaction, CloseEndsAPass) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CompactionWorld world(seed);
    world.disk().SetDelays(std::chrono::microseconds(100), std::chrono::microseconds(500));
    Fill(world, 100, 8);
    bool ended = false;
    world.log().Compact(world.Task(), [&](auto) { ended = true; });
    world.scheduler().RunFor(std::chrono::microseconds(world.rng().Below(20'000)));
    ASSERT_TRUE(world.Close());
    EXPECT_TRUE(ended);
    world.Restart();
    world.CheckAgainstModel();
    EXPECT_TRUE(world.Verify());
  }
}

// A full disk, or a write that fails, gives the pass up and nothing else.
TEST(Compaction, AFailedWriteLeavesTheLogAsItIs) {
  CompactionWorld world(5);
  Fill(world, 100, 8);
  world.disk().SetCapacity(0);
  auto outcome = world.Compact();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kNoSpace);
  EXPECT_FALSE(world.log().failure());
  world.CheckAgainstModel();
  world.disk().SetCapacity(1 << 30);
  ASSERT_TRUE(world.Compact());
  world.CheckAgainstModel();
}

// The decision that the removal horizon is for (SAFETY C7): who holds an older state of the log
// below an offset may take the rest from the compacted one if no deletion from there on was
// dropped.
TEST(Compaction, WhatLiesBehindTheHorizonCompletesAnOlderCopy) {
  int completed = 0, refused = 0, would_come_back = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactionWorld world(seed);
    world.delete_retention_ms = seed % 2 == 0 ? 10 : 1'000'000;
    Fill(world, 150, 60);
    const auto older = world.ReadAll(world.log());
    const std::int64_t end = world.log().end_offset();
    for (int round = 0; round < 3; ++round) {
      world.now_ms += 10;
      Fill(world, 60, 60);
      world.CompactAll();
    }
    const auto newer = world.ReadAll(world.log());
    for (std::int64_t from = 0; from <= end; from += 7) {
      std::vector<KeyedRecord> both;
      std::ranges::copy_if(older, std::back_inserter(both),
                           [&](const auto& record) { return record.offset < from; });
      std::ranges::copy_if(newer, std::back_inserter(both),
                           [&](const auto& record) { return record.offset >= from; });
      const bool right = Fold(both) == Fold(world.written);
      if (MayContinueAt(world.log().removal_horizon(), from)) {
        ++completed;
        EXPECT_TRUE(right) << "a deleted key is back, continued at " << from;
      } else {
        ++refused;
        would_come_back += right ? 0 : 1;
      }
    }
  }
  EXPECT_GT(completed, 100);
  EXPECT_GT(refused, 100);
  EXPECT_GT(would_come_back, 100) << "and then nobody would need the horizon";
}

// ---- Installs of a compacted log, and of one that is compacted meanwhile.

struct Staged {
  Result<Manifest> manifest;
  int pieces = 0;
};

// Streams the log's last checkpoint; `between` runs before each piece.
Staged Stream(CompactionWorld& from, CompactionWorld& to, std::function<void()> between) {
  auto reader = from.log().OpenInstall(from.manifest());
  InstallWriter writer(to.environment(), to.options(), GroupId{7}, kDirectory);
  for (int pieces = 0;; ++pieces) {
    between();
    auto piece = from.Wait<InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
    if (!piece) return {std::unexpected(piece.error()), pieces};
    if (piece->header.empty()) {
      return {to.Wait<Manifest>([&](auto done) { writer.Finish(std::move(done)); }), pieces};
    }
    auto status =
        to.Wait<void>([&](auto done) { writer.Write(std::move(*piece), std::move(done)); });
    if (!status) return {std::unexpected(status.error()), pieces};
  }
}

void CheckInstalled(CompactionWorld& leader, CompactionWorld& follower, const Manifest& manifest) {
  ASSERT_TRUE(follower.Close());
  ASSERT_TRUE(follower.Wait<void>(
      [&](auto done) { AdoptStaged(follower.files(), manifest, std::move(done)); }));
  PartitionLog log(follower.environment(), SmallOptions(), manifest);
  const auto records = [&] {
    std::string bytes;
    for (std::int64_t offset = 0; offset < log.end_offset();) {
      auto range =
          follower.Wait<BatchRange>([&](auto done) { log.Read(offset, {}, std::move(done)); });
      EXPECT_TRUE(range) << range.error().Describe();
      if (!range) break;
      for (const Slice& slice : range->batches) bytes += slice.text();
      offset = range->next_offset;
    }
    return RecordsOf(AsBytes(bytes));
  }();
  EXPECT_EQ(Fold(records), Fold(leader.written, manifest.end_offset)) << "a deleted key is back";
  EXPECT_TRUE(follower.Wait<void>([&](auto done) { log.Verify(std::move(done)); }));
}

TEST(Compaction, ACompactedLogIsInstalled) {
  CompactionWorld leader(7), follower(8);
  Fill(leader, 200, 10);
  ASSERT_TRUE(leader.Compact());
  ASSERT_TRUE(leader.Checkpoint());
  auto staged = Stream(leader, follower, [] {});
  ASSERT_TRUE(staged.manifest) << staged.manifest.error().Describe();
  EXPECT_EQ(staged.manifest->cleaned_to, leader.manifest().cleaned_to);
  EXPECT_EQ(staged.manifest->removal_horizon, leader.manifest().removal_horizon);
  EXPECT_EQ(staged.manifest->end_offset, leader.manifest().end_offset);
  CheckInstalled(leader, follower, *staged.manifest);
}

// The pass under way drops tombstones, some of them behind what the stream has given.
TEST(Compaction, AnInstallUnderAPassTellsEveryDeletionOrEnds) {
  int whole = 0, ended = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactionWorld leader(seed), follower(seed + 1000);
    leader.delete_retention_ms = 10;
    Fill(leader, 200, 150);
    leader.CompactAll();
    leader.now_ms += 10;
    Fill(leader, 60, 150);
    leader.disk().SetDelays(std::chrono::microseconds(200), std::chrono::milliseconds(1));
    bool passed = false;
    leader.log().Compact(leader.Task(), [&](auto outcome) { passed = outcome.has_value(); });
    leader.scheduler().RunFor(std::chrono::microseconds(leader.rng().Below(20'000)));
    ASSERT_TRUE(leader.TakeCheckpoint());
    auto staged = Stream(leader, follower, [&] {
      if (leader.rng().Chance(0.5))
        leader.scheduler().RunFor(std::chrono::microseconds(leader.rng().Below(3000)));
    });
    if (staged.manifest) {
      ++whole;
      CheckInstalled(leader, follower, *staged.manifest);
    } else {
      ++ended;
      EXPECT_EQ(staged.manifest.error().code, ErrorCode::kUnavailable);
    }
    leader.Settle();
    EXPECT_TRUE(passed);
    leader.CheckAgainstModel();
  }
  EXPECT_GT(whole, 5);
  EXPECT_GT(ended, 5);
}

}  // namespace
}  // namespace kronika::wal
