// Full installs: staged beside the old folder, swapped, repeatable after a crash (SAFETY A8).
#include "wal/log/install.h"

#include <gtest/gtest.h>

#include "log_world.h"
#include "wal/log/directory.h"
#include "wal/log/names.h"

namespace kronika::wal {
namespace {

// Streams `from`'s last checkpoint into `to` and gives the manifest of what is staged there.
Result<Manifest> Stream(LogWorld& from, LogWorld& to) {
  auto reader = from.log().OpenInstall(from.manifest());
  InstallWriter writer(to.environment(), to.options(), GroupId{7}, kDirectory);
  while (true) {
    auto piece = from.Wait<InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
    if (!piece) return std::unexpected(piece.error());
    if (piece->header.empty()) break;
    auto status =
        to.Wait<void>([&](auto done) { writer.Write(std::move(*piece), std::move(done)); });
    if (!status) return std::unexpected(status.error());
  }
  return to.Wait<Manifest>([&](auto done) { writer.Finish(std::move(done)); });
}

void Fill(LogWorld& world, int batches, std::int64_t timestamp) {
  for (int i = 0; i < batches; ++i) world.Append(1 + i % 3, 120, timestamp + i);
}

std::string Bytes(LogWorld& world, PartitionLog& log) {
  std::string out;
  for (std::int64_t offset = log.log_start_offset(); offset < log.end_offset();) {
    auto range = world.Wait<BatchRange>([&](auto done) { log.Read(offset, {}, std::move(done)); });
    if (!range) return range.error().Describe();
    for (const Slice& slice : range->batches) out += slice.text();
    offset = range->next_offset;
  }
  return out;
}

TEST(Install, ReplacesWhatWasThere) {
  LogWorld leader(1, SmallOptions()), follower(2, SmallOptions());
  Fill(leader, 150, 1000);
  leader.log().BeginEpoch(4);
  Fill(leader, 20, 2000);
  ASSERT_TRUE(leader.Checkpoint());
  Fill(leader, 30, 3000);  // behind the manifest: not part of it
  leader.Settle();
  Fill(follower, 40, 5);
  ASSERT_TRUE(follower.Checkpoint());
  auto manifest = Stream(leader, follower);
  ASSERT_TRUE(manifest) << manifest.error().Describe();
  EXPECT_EQ(manifest->directory, kDirectory);
  EXPECT_EQ(manifest->applied, leader.manifest().applied);
  EXPECT_EQ(manifest->epochs, leader.manifest().epochs);
  EXPECT_EQ(manifest->producers, "p");
  follower.ExpectSame();  // the old log still serves
  ASSERT_TRUE(follower.Close());
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(follower.Wait<void>(
        [&](auto done) { AdoptStaged(follower.files(), *manifest, std::move(done)); }));
  }
  PartitionLog log(follower.environment(), SmallOptions(), *manifest);
  EXPECT_EQ(log.end_offset(), leader.manifest().end_offset);
  EXPECT_TRUE(follower.Wait<void>([&](auto done) { log.Verify(std::move(done)); }));
  std::string expected;
  for (std::size_t i = 0; i < 170; ++i) expected += leader.journal()[i].batch.text();
  EXPECT_TRUE(Bytes(follower, log) == expected);
}

TEST(Install, SurvivesACrashAtAnyPointOfTheSwap) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogWorld leader(seed, SmallOptions()), follower(seed + 1000, SmallOptions());
    follower.disk().SetDelays(std::chrono::microseconds(300), std::chrono::milliseconds(1));
    Fill(leader, 60, 1000);
    ASSERT_TRUE(leader.Checkpoint());
    Fill(follower, 40, 5);
    ASSERT_TRUE(follower.Checkpoint());
    auto manifest = Stream(leader, follower);
    ASSERT_TRUE(manifest) << manifest.error().Describe();
    ASSERT_TRUE(follower.Close());
    AdoptStaged(follower.files(), *manifest, [](Status) {});
    follower.scheduler().RunFor(std::chrono::microseconds(seed * 100));
    follower.Crash();
    // The journal's `installed` record is found at the start, and the swap is made again.
    ASSERT_TRUE(follower.Wait<void>(
        [&](auto done) { AdoptStaged(follower.files(), *manifest, std::move(done)); }));
    PartitionLog log(follower.environment(), SmallOptions(), *manifest);
    const auto verified = follower.Wait<void>([&](auto done) { log.Verify(std::move(done)); });
    ASSERT_TRUE(verified) << verified.error().Describe();
    EXPECT_EQ(Bytes(follower, log), Bytes(leader, leader.log()));
  }
}

// Such a folder is left by an install that came too late, or that a crash cut short: the swap that
// is repeated after a crash must not take it for the one that was recorded (kronika-sim cluster,
// seed 79). Planted bug that was seen to be caught: any-staged-folder-adopted.
TEST(Install, ALaterStagedFolderIsNotTakenForTheRecordedOne) {
  for (const bool whole : {true, false}) {
    LogWorld leader(1, SmallOptions()), follower(2, SmallOptions());
    Fill(leader, 60, 1000);
    ASSERT_TRUE(leader.Checkpoint());
    auto manifest = Stream(leader, follower);
    ASSERT_TRUE(manifest) << manifest.error().Describe();
    ASSERT_TRUE(follower.Close());
    const auto adopt = [&](auto done) {
      AdoptStaged(follower.files(), *manifest, std::move(done));
    };
    ASSERT_TRUE(follower.Wait<void>(adopt));
    if (whole) {
      Fill(leader, 5, 2000);
      ASSERT_TRUE(leader.Checkpoint());
      ASSERT_TRUE(Stream(leader, follower));
    } else {
      auto reader = leader.log().OpenInstall(leader.manifest());
      InstallWriter writer(follower.environment(), follower.options(), GroupId{7}, kDirectory);
      for (int pieces = 0; pieces < 2; ++pieces) {
        auto piece = leader.Wait<InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
        ASSERT_TRUE(piece);
        ASSERT_TRUE(follower.Wait<void>(
            [&](auto done) { writer.Write(std::move(*piece), std::move(done)); }));
      }
      follower.Settle();
    }
    follower.Crash();
    ASSERT_TRUE(follower.Wait<void>(adopt));
    PartitionLog log(follower.environment(), SmallOptions(), *manifest);
    const auto verified = follower.Wait<void>([&](auto done) { log.Verify(std::move(done)); });
    EXPECT_TRUE(verified) << verified.error().Describe();
  }
}

// Caught closed-log-keeps-who-waits.
TEST(Install, OneThatIsLetGoOfEndsWhatIsUnderWay) {
  LogWorld leader(1, SmallOptions()), follower(2, SmallOptions());
  Fill(leader, 60, 1000);
  ASSERT_TRUE(leader.Checkpoint());
  auto reader = leader.log().OpenInstall(leader.manifest());
  auto writer = std::make_unique<InstallWriter>(follower.environment(), follower.options(),
                                                GroupId{7}, kDirectory);
  for (bool more = true; more;) {
    auto piece = leader.Wait<InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
    ASSERT_TRUE(piece);
    more = !piece->header.empty();
    if (more) {
      ASSERT_TRUE(follower.Wait<void>(
          [&](auto done) { writer->Write(std::move(*piece), std::move(done)); }));
    }
  }
  std::optional<Result<Manifest>> finished;
  writer->Finish([&](Result<Manifest> manifest) { finished = std::move(manifest); });
  follower.scheduler().RunFor(std::chrono::microseconds(300));
  ASSERT_FALSE(finished);
  writer.reset();
  follower.Settle();
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->error().code, ErrorCode::kShutdown);
}

TEST(Install, ADamagedOrShortStreamIsRefused) {
  LogWorld leader(1, SmallOptions()), follower(2, SmallOptions());
  Fill(leader, 50, 1000);
  ASSERT_TRUE(leader.Checkpoint());
  auto reader = leader.log().OpenInstall(leader.manifest());
  InstallWriter writer(follower.environment(), follower.options(), GroupId{7}, kDirectory);
  auto next = [&] {
    return *leader.Wait<InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
  };
  auto write = [&](InstallPiece piece) {
    return follower.Wait<void>([&](auto done) { writer.Write(std::move(piece), std::move(done)); });
  };
  EXPECT_TRUE(write(next()));
  InstallPiece chunk = next();
  Slice damaged = Slice::CopyOf(chunk.payload[0].bytes());
  damaged.mutable_bytes()[13] ^=
      std::byte{1};  // the leader epoch, which Kafka's CRC does not cover
  EXPECT_EQ(write({chunk.header, {damaged}}).error().code, ErrorCode::kCorruption);
  EXPECT_TRUE(write(chunk));
  EXPECT_FALSE(write(chunk)) << "twice";
  const auto finished = follower.Wait<Manifest>([&](auto done) { writer.Finish(std::move(done)); });
  EXPECT_EQ(finished.error().code, ErrorCode::kCorruption) << "the rest did not come";
}

}  // namespace
}  // namespace kronika::wal
