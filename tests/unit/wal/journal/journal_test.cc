// The journal's contract (journal.h), on a fake disk that forgets what was not synced.
#include "wal/journal/journal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "journal_world.h"

namespace kronika::wal {
namespace {

TEST(Journal, AnEmptyDirectoryOpensWithTwoSmallFilesAndTheRestFollows) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  EXPECT_EQ(world.journal().status().files, 2U);
  EXPECT_EQ(world.JournalNames().size(), 2U);
  world.RunFor(std::chrono::seconds(2));
  // Two small ones and four of the configured size; the small ones go when they are free.
  EXPECT_EQ(world.journal().status().open_epoch, 1U);
  EXPECT_GE(world.journal().status().files, 5U);
  EXPECT_EQ(world.verdict().tail, JournalTail::kClean);
}

TEST(Journal, WhatWasAcknowledgedIsThereAfterPowerLoss) {
  // Caught journal-ack-before-sync.
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    JournalWorld world(seed);
    ASSERT_TRUE(world.Open());
    std::uint64_t acknowledged = 0;
    for (std::uint64_t index = 1; index <= 20; ++index) {
      world.journal().Append(MakeEntries(7, index, 1), [&acknowledged, index](Status status) {
        if (status) acknowledged = index;
      });
      world.RunFor(std::chrono::microseconds(world.rng().Below(300)));
    }
    const std::uint64_t promised = acknowledged;
    world.Crash({.keep_block = 0.3});
    ASSERT_TRUE(world.Open());
    EXPECT_GE(world.group(7).entries.size(), promised) << "seed " << seed;
    EXPECT_TRUE(world.verdict().damages.empty()) << world.verdict().Describe();
  }
}

TEST(Journal, AllPartsOfAWriteComeBack) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  JournalWrite write = MakeEntries(3, 1, 3, 4);
  write.created = JournalCreated{
      .generation = {1}, .broker = {2}, .incarnation = {17}, .floor = {4}, .membership = "members"};
  write.hard_state = JournalHardState{.term = {4}, .vote_broker = {2}, .vote_incarnation = {17}};
  ASSERT_TRUE(world.Append(std::move(write)));
  JournalWrite cut = MakeEntries(3, 2, 1, 5);
  cut.truncate_from = Index{2};
  ASSERT_TRUE(world.Append(std::move(cut)));
  ASSERT_TRUE(world.Append(
      {.group = {4}, .installed = JournalInstalled{{50}, {3}, "members", "manifest"}}));
  ASSERT_TRUE(world.Reopen());
  EXPECT_EQ(Line(world.group(3).entries), "1@4 2@5");
  EXPECT_EQ(world.group(3).created->membership, "members");
  EXPECT_EQ(world.group(3).created->incarnation.value, 17U);
  EXPECT_EQ(world.group(3).hard_state->vote_incarnation.value, 17U);
  EXPECT_EQ(world.group(3).entries[0].append_time_ms, 1001);
  EXPECT_EQ(world.group(3).entries[0].type, 2);
  EXPECT_EQ(world.group(4).installed->manifest, "manifest");
}

TEST(Journal, EveryOpenRaisesTheEpochAndTakesANewFile) {
  // Caught journal-epoch-not-raised.
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  world.RunFor(std::chrono::seconds(1));
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_EQ(world.journal().status().open_epoch, epoch);
    const std::uint64_t sequence = world.journal().status().sequence;
    ASSERT_TRUE(world.Append(MakeVote(1, epoch, 2)));
    EXPECT_GT(world.journal().status().sequence, sequence);
    ASSERT_TRUE(world.Reopen());
    EXPECT_EQ(world.journal().status().files_free, world.journal().status().files - 1 - epoch);
  }
}

TEST(Journal, WritesOfOneTurnShareOneSync) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  const std::uint64_t commits = world.journal().status().commits;
  int done = 0;
  for (std::uint32_t group = 1; group <= 50; ++group) {
    world.journal().Append(MakeEntries(group, 1, 1),
                           [&](Status status) { done += status ? 1 : 0; });
  }
  ASSERT_TRUE(world.RunUntil([&] { return done == 50; }));
  EXPECT_EQ(world.journal().status().commits, commits + 1);
}

TEST(Journal, CompletionsComeInTheOrderOfTheCalls) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  std::vector<int> order;
  for (int i = 0; i < 40; ++i) {
    world.journal().Append(MakeEntries(static_cast<std::uint32_t>(1 + i % 3),
                                       static_cast<std::uint64_t>(1 + i / 3), 1),
                           [&order, i](Status) { order.push_back(i); });
    if (i % 7 == 0) world.RunFor(std::chrono::microseconds(50));
  }
  ASSERT_TRUE(world.RunUntil([&] { return order.size() == 40; }));
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Journal, AnIdleJournalIsSealedOnce) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  ASSERT_TRUE(world.Append(MakeVote(1, 1, 2)));
  const std::uint64_t sequence = world.journal().status().sequence;
  world.RunFor(std::chrono::milliseconds(50));
  EXPECT_EQ(world.journal().status().sequence, sequence);
  world.RunFor(std::chrono::seconds(5));
  EXPECT_EQ(world.journal().status().sequence, sequence + 1);
}

TEST(Journal, CloseWaitsAndSeals) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  bool written = false;
  world.journal().Append(MakeVote(1, 1, 2), [&](Status status) { written = status.has_value(); });
  ASSERT_TRUE(world.Await([&](Done<void> done) { world.journal().Close(std::move(done)); }));
  EXPECT_TRUE(written);
  EXPECT_EQ(world.journal().status().sequence, 3U);  // opened, the vote, the seal
  EXPECT_EQ(world.Append(MakeVote(1, 2, 2)).error().code, ErrorCode::kShutdown);
}

TEST(Journal, AFailedSyncIsFinal) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  ASSERT_TRUE(world.Append(MakeEntries(1, 1, 1)));
  // The disk knows the file by the name under which it was created.
  world.disk().Inject({.call = DiskFault::Call::kSync, .path_part = "fill-00000001"});
  int acknowledged = 0;
  int refused = 0;
  for (std::uint64_t i = 2; i < 5; ++i) {
    world.journal().Append(MakeEntries(1, i, 1),
                           [&](Status status) { (status ? acknowledged : refused) += 1; });
  }
  ASSERT_TRUE(world.RunUntil([&] { return acknowledged + refused == 3; }));
  EXPECT_EQ(acknowledged, 0);
  EXPECT_EQ(world.Append(MakeVote(9, 1, 1)).error().code, ErrorCode::kIo);
  ASSERT_TRUE(world.journal().status().failure.has_value());
  EXPECT_NE(world.journal().status().failure->where.find(".wal"), std::string::npos);
  // What was durable before can still be read.
  const auto entries = world.Read(1, {.first = {1}, .last = {1}, .bytes_max = 1000});
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "1@1");
  world.disk().ClearFaults();
  ASSERT_TRUE(world.Reopen());
  EXPECT_GE(world.group(1).entries.size(), 1U);
}

// What a failed or unended sync left may still be read, and power loss may still take it: whatever
// an open builds on is made durable first (kronika-sim cluster, seed 33). Planted bug that was seen
// to be caught: journal-tail-trusted.
TEST(Journal, WhatAnOpenFoundIsNotLostByLaterPowerLoss) {
  for (const bool sync_fails : {true, false}) {
    JournalWorld world;
    ASSERT_TRUE(world.Open());
    ASSERT_TRUE(world.Append(MakeEntries(1, 1, 1)));
    if (sync_fails) {
      world.disk().Inject({.call = DiskFault::Call::kSync, .path_part = "fill-00000001"});
      EXPECT_FALSE(world.Append(MakeEntries(1, 2, 1)));
    } else {
      world.disk().SetDelays(std::chrono::microseconds(1), std::chrono::seconds(1));
      world.journal().Append(MakeEntries(1, 2, 1), [](Status) {});
      world.RunFor(std::chrono::milliseconds(1));
      world.disk().SetDelays(std::chrono::microseconds(200), std::chrono::microseconds(150));
    }
    world.Kill();
    world.disk().ClearFaults();
    ASSERT_TRUE(world.Open());
    const auto found = Line(world.group(1).entries);
    ASSERT_TRUE(world.Append(MakeVote(1, 5, 1)));
    world.Crash({.keep_block = 0, .keep_size = 0, .keep_name = 0});
    ASSERT_TRUE(world.Open());
    EXPECT_TRUE(world.verdict().damages.empty()) << world.verdict().Describe();
    EXPECT_EQ(Line(world.group(1).entries), found);
    EXPECT_EQ(world.group(1).hard_state->term, Term{5});
  }
}

TEST(Journal, AnOversizedEntryIsRefusedAlone) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  const std::size_t bytes_max = world.options().EntryBytesMax();
  EXPECT_EQ(world.Append(MakeEntries(1, 1, 1, 1, bytes_max + 1)).error().code,
            ErrorCode::kInvalidArgument);
  ASSERT_TRUE(world.Append(MakeEntries(1, 1, 1, 1, bytes_max)));
  ASSERT_TRUE(world.Reopen());
  EXPECT_EQ(world.group(1).entries.at(0).payload.size(), bytes_max);
}

TEST(Journal, AWriteLargerThanAGroupCommitIsSpread) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  const std::uint64_t commits = world.journal().status().commits;
  ASSERT_TRUE(world.RunUntil([&] { return world.journal().status().files_free >= 4; }));
  ASSERT_TRUE(world.Append(MakeEntries(1, 1, 30, 1, 4000)));
  EXPECT_GT(world.journal().status().commits, commits + 1);
  ASSERT_TRUE(world.Reopen());
  EXPECT_EQ(world.group(1).entries.size(), 30U);
}

TEST(Journal, EntriesAreReadBackAndChecked) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  ASSERT_TRUE(world.Append(MakeEntries(1, 1, 10)));
  ASSERT_TRUE(world.Append(MakeEntries(1, 11, 10, 2)));
  auto entries = world.Read(1, {.first = {9}, .last = {12}, .bytes_max = 1 << 20});
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "9@1 10@1 11@2 12@2");
  EXPECT_TRUE((*entries)[0].payload.text().starts_with("1:9:1:"));
  entries = world.Read(1, {.first = {1}, .last = {20}, .bytes_max = 300});
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "1@1 2@1");
  entries = world.Read(1, {.first = {1}, .last = {20}, .bytes_max = 1});
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "1@1");
  EXPECT_EQ(world.Read(1, {.first = {21}, .last = {22}, .bytes_max = 1}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(world.journal().FirstReadable({1}), Index{1});
}

TEST(Journal, AReadOfAnEntryThatIsNotDurableWaitsForIt) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  world.journal().Append(MakeEntries(1, 1, 2), [](Status) {});
  const auto entries = world.Read(1, {.first = {1}, .last = {2}, .bytes_max = 1 << 20});
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "1@1 2@1");
}

TEST(Journal, ADamagedEntryIsNotServed) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  ASSERT_TRUE(world.Append(MakeEntries(1, 1, 1)));
  // The commit of the entry takes the second block of the first file.
  ASSERT_TRUE(world.disk().Corrupt(world.JournalNames().front(), kBlockBytes + 180));
  EXPECT_EQ(world.Read(1, {.first = {1}, .last = {1}, .bytes_max = 1 << 20}).error().code,
            ErrorCode::kCorruption);
}

// A follower that was away for less than the journal holds is served from it, whatever checkpoints
// freed meanwhile. Planted bug that was seen to be caught: journal-places-outlive-their-file.
TEST(Journal, WhatACheckpointFreedIsReadableUntilItsFileIsWrittenAgain) {
  JournalWorld world;
  ASSERT_TRUE(world.Open());
  ASSERT_TRUE(world.RunUntil([&] { return world.journal().status().files_free >= 4; }));
  std::uint64_t last = 0;
  for (int lap = 0; lap < 40; ++lap) {
    ASSERT_TRUE(world.Append(MakeEntries(1, last + 1, 10, 1, 4000)));
    last += 10;
    ASSERT_TRUE(world.Checkpoint({{1, last}}));
    const std::uint64_t first = world.journal().FirstReadable({1}).value;
    // Files are taken in turn, so all but the next one still hold what was written last; the small
    // first ones are removed.
    const std::uint64_t held = (world.options().files - 1) * world.options().file_bytes;
    if (last * 5000 > held + held / 2) {
      EXPECT_LE(first, last - held / 5000) << "lap " << lap;
    }
    for (std::uint64_t index = first; index <= last; index += 7) {
      const auto read = world.Read(1, {.first = {index}, .last = {index}, .bytes_max = 1});
      ASSERT_TRUE(read) << index << ": " << read.error().Describe();
      EXPECT_EQ(Line(*read), std::to_string(index) + "@1");
    }
  }
  EXPECT_GT(world.journal().status().files_recycled, 5U);
  EXPECT_EQ(world.Read(1, {.first = {1}, .last = {1}, .bytes_max = 1}).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace kronika::wal
