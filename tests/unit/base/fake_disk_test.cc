// How the fake disk forgets. Each test names the planted bug or mutation that makes it fail.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/base/files_world.h"

namespace kronika {
namespace {

constexpr std::uint64_t kSeeds = 80;

std::string Blocks(std::size_t count, char fill) {
  return std::string(count * kBlockBytes, fill);
}

// The fill of each block of `bytes`, '.' for zeros, '?' for a mixture.
std::string Fills(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const auto block = bytes.substr(at, kBlockBytes);
    const bool same = block.find_first_not_of(block[0]) == block.npos;
    out.push_back(!same ? '?' : block[0] == '\0' ? '.' : block[0]);
  }
  return out;
}

// Catches fake-sync-does-nothing.
TEST(FakeDisk, SyncedBytesAndNamesSurviveEveryCrash) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    auto one = at.Create("d/one");
    auto two = at.Create("d/two");
    ASSERT_TRUE(at.Write(**one, 0, Blocks(2, 'a')));
    ASSERT_TRUE(at.Sync(**one));
    ASSERT_TRUE(at.Write(**two, 0, Blocks(2, 'b'), Durability::kSynced));
    ASSERT_TRUE(at.Do(&Files::SyncDir, "d"));
    ASSERT_TRUE(at.Do(&Files::SyncDir, ""));
    ASSERT_TRUE(at.Write(**one, kBlockBytes, Blocks(2, 'c')));
    at.Crash({.keep_block = 0, .keep_size = 0, .keep_name = 0});
    EXPECT_EQ(Fills(at.disk().ReadAll("d/one").value()), "aa") << "seed " << seed;
    EXPECT_EQ(Fills(at.disk().ReadAll("d/two").value()), "bb") << "seed " << seed;
  }
}

TEST(FakeDisk, UnsyncedBlocksSurviveInEverySubset) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("file", Blocks(3, 'o'));
    auto file = at.Open("file");
    ASSERT_TRUE(at.Write(**file, 0, Blocks(3, 'n')));
    EXPECT_EQ(at.disk().UnsyncedBlocks(), 3U);
    at.Crash({});
    seen.insert(Fills(at.disk().ReadAll("file").value()));
    EXPECT_EQ(at.disk().UnsyncedBlocks(), 0U);
  }
  EXPECT_EQ(seen.size(), 8U) << "old and new in all combinations";
}

TEST(FakeDisk, AGrownFileHasAnySizeAndItsMissingBlocksAreZeroOrStale) {
  std::set<char> fills;
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("other", Blocks(1, 's'));
    at.disk().WriteAll("file", Blocks(1, 'o'));
    auto file = at.Open("file");
    ASSERT_TRUE(at.Write(**file, kBlockBytes, Blocks(3, 'n')));
    at.Crash({.missing = MissingBlock::kStale});
    const auto bytes = at.disk().ReadAll("file").value();
    ASSERT_GE(bytes.size(), kBlockBytes);
    EXPECT_EQ(Fills(bytes)[0], 'o') << "what was durable stays";
    for (char fill : Fills(bytes.substr(kBlockBytes))) fills.insert(fill);
    sizes.insert(bytes.size());
  }
  EXPECT_TRUE(fills.contains('n') && fills.contains('s')) << "new and stale";
  EXPECT_GT(sizes.size(), 3U);
}

TEST(FakeDisk, ATornBlockMixesSectors) {
  std::set<char> fills;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("file", Blocks(1, 'o'));
    auto file = at.Open("file");
    ASSERT_TRUE(at.Write(**file, 0, Blocks(1, 'n')));
    at.Crash({.keep_block = 1, .tear_blocks = true});
    fills.insert(Fills(at.disk().ReadAll("file").value())[0]);
  }
  EXPECT_TRUE(fills.contains('?'));
}

// Catches a crash that forgets the writes under way.
TEST(FakeDisk, AWriteUnderWayMaySurviveInParts) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("file", Blocks(2, 'o'));
    auto file = at.Open("file");
    (*file)->Write(0, {Slice::CopyOf(Blocks(2, 'n'))}, Durability::kSynced, [](Status) { FAIL(); });
    at.Crash({});
    EXPECT_TRUE(at.world().Settle());
    seen.insert(Fills(at.disk().ReadAll("file").value()));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"oo", "on", "no", "nn"}));
}

// Catches a Sync() that covers what is written after it began.
TEST(FakeDisk, ASyncCoversOnlyWhatWasWrittenBefore) {
  FilesWorld at(FilesKind::kFake);
  at.disk().WriteAll("file", Blocks(2, 'o'));
  at.disk().SetDelays(Duration(0), std::chrono::milliseconds(5));
  auto file = at.Open("file");
  ASSERT_TRUE(at.Write(**file, 0, Blocks(1, 'a')));
  bool synced = false;
  (*file)->Sync([&](Status) { synced = true; });
  ASSERT_TRUE(at.Write(**file, 0, Blocks(2, 'b')));
  ASSERT_FALSE(synced);
  ASSERT_TRUE(at.world().RunUntil([&] { return synced; }));
  at.Crash({.keep_block = 0});
  EXPECT_EQ(Fills(at.disk().ReadAll("file").value()), "ao");
}

// Catches fake-syncdir-does-nothing, and a rename that is durable without SyncDir.
TEST(FakeDisk, NamesSurviveOnlyAfterTheirFoldersSync) {
  FilesWorld at(FilesKind::kFake);
  at.disk().WriteAll("d/a", "old");
  auto file = at.Create("d/a.new");
  ASSERT_TRUE(at.Write(**file, 0, "new", Durability::kSynced));
  ASSERT_TRUE(at.Do(&Files::Rename, "d/a.new", "d/a"));
  ASSERT_TRUE(at.Create("d/b"));
  ASSERT_TRUE(at.Create("e/c"));
  ASSERT_TRUE(at.Do(&Files::SyncDir, "e"));
  const CrashOptions lose_all{.keep_block = 0, .keep_size = 0, .keep_name = 0};
  at.Crash(lose_all);
  EXPECT_EQ(at.disk().ReadAll("d/a"), "old");
  EXPECT_EQ(at.disk().Names(), std::vector<std::string>{"d/a"}) << "e itself was not synced";

  auto again = at.Create("d/a.new");
  ASSERT_TRUE(at.Write(**again, 0, "new", Durability::kSynced));
  ASSERT_TRUE(at.Do(&Files::Rename, "d/a.new", "d/a"));
  ASSERT_TRUE(at.Do(&Files::SyncDir, "d"));
  at.Crash(lose_all);
  EXPECT_EQ(at.disk().ReadAll("d/a"), "new");
  ASSERT_TRUE(at.Do(&Files::Remove, "d/a"));
  at.Crash(lose_all);
  EXPECT_EQ(at.disk().ReadAll("d/a"), "new") << "an unsynced removal may come undone";
}

TEST(FakeDisk, ARenameIsAtomicInEveryCrash) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("a", "old");
    auto file = at.Create("a.new");
    ASSERT_TRUE(at.Write(**file, 0, "new", Durability::kSynced));
    ASSERT_TRUE(at.Do(&Files::Rename, "a.new", "a"));
    at.Crash({});
    auto bytes = at.disk().ReadAll("a");
    ASSERT_TRUE(bytes) << "seed " << seed;
    seen.insert(*bytes);
    // The new file is under one name, never two.
    EXPECT_TRUE(*bytes == "old" || at.disk().Names().size() == 1U);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(FakeDisk, AFolderRenamedAndSyncedTakesItsFilesAlong) {
  FilesWorld at(FilesKind::kFake);
  at.disk().WriteAll("topic-0/log", "bytes");
  ASSERT_TRUE(at.Do(&Files::Rename, "topic-0", "topic-0-delete"));
  ASSERT_TRUE(at.Do(&Files::SyncDir, ""));
  at.Crash({.keep_name = 0});
  EXPECT_EQ(at.disk().Names(), std::vector<std::string>{"topic-0-delete/log"});
}

TEST(FakeDisk, AnUnsyncedShrinkingIsWholeOrNotAtAll) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    at.disk().WriteAll("file", Blocks(3, 'o'));
    auto file = at.Open("file");
    ASSERT_TRUE(at.Truncate(**file, kBlockBytes));
    at.Crash({});
    seen.insert(Fills(at.disk().ReadAll("file").value()));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"ooo", "o"}));
}

TEST(FakeDisk, AFailedSyncCondemnsAndItsBytesAreNeverMadeDurable) {
  FilesWorld at(FilesKind::kFake);
  at.disk().WriteAll("file", Blocks(1, 'o'));
  auto file = at.Open("file");
  ASSERT_TRUE(at.Write(**file, 0, Blocks(1, 'n')));
  at.disk().Inject({.call = DiskFault::Call::kSync, .path_part = "fil"});
  auto failed = at.Sync(**file);
  ASSERT_FALSE(failed);
  EXPECT_EQ(at.Sync(**file), failed);
  // A second handle's sync succeeds, and yet the dropped bytes are not on the disk.
  auto other = at.Open("file");
  ASSERT_TRUE(at.Sync(**other));
  EXPECT_EQ(Fills(at.disk().ReadAll("file").value()), "n");
  at.Crash({.keep_block = 0});
  EXPECT_EQ(Fills(at.disk().ReadAll("file").value()), "o");
}

TEST(FakeDisk, FaultsCountDownAndPersist) {
  FilesWorld at(FilesKind::kFake);
  auto open = [&] { return std::move(*at.Open("file")); };
  at.disk().WriteAll("file", "x");
  at.disk().Inject({.call = DiskFault::Call::kWrite, .skip = 2});
  EXPECT_TRUE(at.Write(*open(), 0, "1"));
  EXPECT_TRUE(at.Write(*open(), 0, "2"));
  EXPECT_FALSE(at.Write(*open(), 0, "3"));
  EXPECT_TRUE(at.Write(*open(), 0, "4"));
  at.disk().Inject({.call = DiskFault::Call::kWrite, .persistent = true});
  EXPECT_FALSE(at.Write(*open(), 0, "5"));
  EXPECT_FALSE(at.Write(*open(), 0, "6"));
  at.disk().ClearFaults();
  EXPECT_TRUE(at.Write(*open(), 0, "7"));
}

TEST(FakeDisk, AFullDiskRefusesGrowthAndGivesBackWhatIsRemoved) {
  FilesWorld at(FilesKind::kFake);
  at.disk().SetCapacity(3 * kBlockBytes);
  auto file = at.Create("file");
  ASSERT_TRUE(at.Write(**file, 0, Blocks(2, 'a')));
  auto full = at.Write(**file, 2 * kBlockBytes, Blocks(2, 'b'));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(Fills(at.disk().ReadAll("file").value()), "aa");
  auto other = at.Create("other");
  ASSERT_TRUE(at.Write(**other, 0, Blocks(1, 'c')));
  EXPECT_EQ(at.Create("third").error().code, ErrorCode::kNoSpace);
  file->reset();
  ASSERT_TRUE(at.Do(&Files::Remove, "file"));
  EXPECT_EQ(at.disk().used_bytes(), kBlockBytes);
  EXPECT_TRUE(at.Create("third"));
}

TEST(FakeDisk, AKilledProcessLosesNothingThatCompleted) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FilesWorld at(FilesKind::kFake, seed);
    auto file = at.Create("d/file");
    ASSERT_TRUE(at.Write(**file, 0, Blocks(3, 'n')));
    at.disk().Kill();
    at.Reopen();
    EXPECT_EQ(Fills(at.disk().ReadAll("d/file").value()), "nnn");
    // The dead process' handle does nothing.
    (*file)->Write(0, {Slice::CopyOf("x")}, Durability::kSynced, [](Status) { FAIL(); });
    EXPECT_TRUE(at.world().Settle());
    EXPECT_EQ(Fills(at.disk().ReadAll("d/file").value()), "nnn");
  }
}

TEST(FakeDisk, ADecayedBitIsSeenByEveryReader) {
  FilesWorld at(FilesKind::kFake);
  at.disk().WriteAll("file", "abc");
  ASSERT_TRUE(at.disk().Corrupt("file", 1, std::byte{1}));
  EXPECT_FALSE(at.disk().Corrupt("file", 3));
  auto file = at.Open("file");
  EXPECT_EQ(at.Read(**file, 0, 9), "acc");
  at.Crash({});
  EXPECT_EQ(at.disk().ReadAll("file"), "acc");
}

TEST(FakeDisk, ASlowSyncDelaysItsCompletion) {
  FilesWorld at(FilesKind::kFake);
  auto file = at.Create("file");
  at.disk().SetDelays(Duration(0), std::chrono::seconds(3));
  const Instant begin = at.world().loop().Now();
  ASSERT_TRUE(at.Write(**file, 0, "x", Durability::kSynced));
  EXPECT_GE(at.world().loop().Now() - begin, std::chrono::seconds(3));
}

}  // namespace
}  // namespace kronika
