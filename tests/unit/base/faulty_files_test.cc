// Faults chosen by an option string: delayed syncs, and the nth sync that fails and condemns.
#include "base/faulty_files.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/unit/base/files_world.h"

namespace kronika {
namespace {

class FaultyFilesTest : public testing::Test {
 protected:
  void Make(std::string_view options) {
    auto parsed = ParseFaultOptions(options);
    ASSERT_TRUE(parsed) << parsed.error().Describe();
    auto inner = std::make_unique<FakeFiles>(disk_, world_.loop());
    files_ = MakeFaultyFiles(std::move(inner), *parsed, world_.loop());
  }
  std::unique_ptr<File> Create(const std::string& path) {
    auto file = world_.Await<std::unique_ptr<File>>(
        [&](auto done) { files_->Create(path, {}, std::move(done)); });
    EXPECT_TRUE(file);
    return std::move(*file);
  }
  Status Sync(File& file) {
    return world_.Await<void>([&](auto done) { file.Sync(std::move(done)); });
  }
  Status Write(File& file, Durability durability) {
    return world_.Await<void>(
        [&](auto done) { file.Write(0, {Slice::CopyOf("x")}, durability, std::move(done)); });
  }

  SimWorld world_;
  FakeDisk disk_{world_.rng()};
  std::unique_ptr<Files> files_;
};

TEST_F(FaultyFilesTest, TheNthSyncOfTheNamedFilesFailsAndCondemns) {
  Make("fail_sync=3,path=journal");
  auto journal = Create("journal/1");
  auto other = Create("segment");
  EXPECT_TRUE(Write(*journal, Durability::kSynced));
  EXPECT_TRUE(Sync(*other));
  EXPECT_TRUE(Sync(*journal));
  EXPECT_TRUE(Write(*journal, Durability::kBuffered));
  auto failed = Write(*journal, Durability::kSynced);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kIo);
  EXPECT_EQ(Sync(*journal), failed);
  EXPECT_EQ(Write(*journal, Durability::kBuffered), failed);
  EXPECT_TRUE(Sync(*other));
  EXPECT_TRUE(Sync(*Create("journal/2")));
}

TEST_F(FaultyFilesTest, EachSyncIsDelayed) {
  Make("sync_delay_ms=700");
  auto file = Create("file");
  const Instant begin = world_.loop().Now();
  ASSERT_TRUE(Write(*file, Durability::kBuffered));
  EXPECT_LT(world_.loop().Now() - begin, std::chrono::milliseconds(700));
  ASSERT_TRUE(Sync(*file));
  ASSERT_TRUE(Write(*file, Durability::kSynced));
  EXPECT_GE(world_.loop().Now() - begin, std::chrono::milliseconds(1400));
}

TEST_F(FaultyFilesTest, ADelayThatIsSwitchedByAFileAppliesWhileItIsThere) {
  const std::string there = testing::TempDir() + "/kronika-faulty-files-test";
  Make("sync_delay_ms=700,while_exists=" + there);
  auto file = Create("file");
  const auto took = [&] {
    const Instant begin = world_.loop().Now();
    EXPECT_TRUE(Sync(*file));
    return world_.loop().Now() - begin;
  };
  EXPECT_LT(took(), std::chrono::milliseconds(700));
  std::ofstream{there};
  EXPECT_GE(took(), std::chrono::milliseconds(700));
  std::remove(there.c_str());
  EXPECT_LT(took(), std::chrono::milliseconds(700));
}

TEST_F(FaultyFilesTest, ACrashForgetsASyncedWriteThatIsLate) {
  Make("write_delay_ms=100,path=late");
  auto late = Create("late");
  bool done = false;
  late->Write(0, {Slice::CopyOf("x")}, Durability::kSynced, [&](Status) { done = true; });
  world_.scheduler().RunFor(std::chrono::milliseconds(90));
  EXPECT_EQ(late->Size(), 0U);
  EXPECT_FALSE(done);
  world_.scheduler().RunFor(std::chrono::milliseconds(50));
  EXPECT_EQ(late->Size(), 1U);
  EXPECT_TRUE(done);
  const Instant begin = world_.loop().Now();
  ASSERT_TRUE(Write(*Create("soon"), Durability::kSynced));
  EXPECT_LT(world_.loop().Now() - begin, std::chrono::milliseconds(100));
}

TEST_F(FaultyFilesTest, AFileThatIsClosedWhileDelayedCompletesNothing) {
  Make("sync_delay_ms=10");
  auto file = Create("file");
  file->Sync([](Status) { FAIL(); });
  world_.scheduler().RunFor(std::chrono::milliseconds(5));
  file.reset();
  world_.scheduler().RunFor(std::chrono::milliseconds(50));
}

TEST(ParseFaultOptions, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(ParseFaultOptions(""));
  for (const char* text : {"x", "fail_sync", "fail_sync=", "fail_sync=1x", "sync_delay_ms=-1"}) {
    EXPECT_FALSE(ParseFaultOptions(text)) << text;
  }
}

}  // namespace
}  // namespace kronika
