// What files.h promises short of a power loss, for the fake and both real implementations alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "tests/unit/base/files_world.h"

namespace kronika {
namespace {

class FilesContract : public testing::TestWithParam<FilesKind> {
 protected:
  void SetUp() override {
    if (!at_.available()) GTEST_SKIP() << "this machine refuses io_uring";
  }
  static Slice Aligned(std::size_t size, char fill) {
    auto out = Slice::Allocate(size, kBlockBytes);
    std::ranges::fill(out.mutable_bytes(), static_cast<std::byte>(fill));
    return out;
  }
  FilesWorld at_{GetParam()};
};

template <class T>
ErrorCode CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result.has_value()) << "expected an error";
  return result ? ErrorCode::kShutdown : result.error().code;
}

TEST_P(FilesContract, WhatIsWrittenIsRead) {
  auto file = at_.Create("a/b/file");
  ASSERT_TRUE(file) << file.error().Describe();
  EXPECT_EQ((*file)->Size(), 0U);
  ASSERT_TRUE(at_.Write(**file, 0, "hello world"));
  ASSERT_TRUE(at_.Write(**file, 6, "there", Durability::kSynced));
  EXPECT_EQ((*file)->Size(), 11U);
  EXPECT_EQ(at_.Read(**file, 0, 100), "hello there");
  EXPECT_EQ(at_.Read(**file, 6, 3), "the");
  EXPECT_EQ(at_.Read(**file, 11, 5), "");
  EXPECT_EQ(at_.Read(**file, 5000, 5), "");
  EXPECT_EQ(at_.Read(**file, 3, 0), "");
}

// Catches a Read that trusts the size its own handle remembers.
TEST_P(FilesContract, OneHandleReadsWhatAnotherAppended) {
  auto writer = at_.Create("file");
  auto reader = at_.Open("file");
  ASSERT_TRUE(at_.Write(**writer, 0, std::string(9000, 'x')));
  EXPECT_EQ(at_.Read(**reader, 8990, 100), std::string(10, 'x'));
}

TEST_P(FilesContract, WhatIsNotExpectedToBeReadIsReadAllTheSame) {
  auto file = at_.Create("a");
  (*file)->ExpectReads(false);
  // No multiple of a page, so that the second write meets the page that the first let go of.
  const std::string first(300'001, 'x'), second(70'000, 'y');
  ASSERT_TRUE(at_.Write(**file, 0, first));
  ASSERT_TRUE(at_.Sync(**file));
  ASSERT_TRUE(at_.Write(**file, first.size(), second));
  (*file)->ExpectReads(true);
  ASSERT_TRUE(at_.Write(**file, first.size() + second.size(), "z"));
  EXPECT_EQ(at_.Read(**file, 0, 1 << 20), first + second + "z");
}

TEST_P(FilesContract, AHoleReadsAsZeros) {
  auto file = at_.Create("file");
  ASSERT_TRUE(at_.Write(**file, 10'000, "x"));
  EXPECT_EQ((*file)->Size(), 10'001U);
  EXPECT_EQ(at_.Read(**file, 8'000, 4'000), std::string(2'000, '\0') + "x");
}

TEST_P(FilesContract, ManySlicesAreGathered) {
  auto file = at_.Create("file");
  Slices slices;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string part(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
    slices.push_back(Slice::CopyOf(part));
    expected += part;
  }
  ASSERT_TRUE(at_.world().Await<void>(
      [&](auto done) { (*file)->Write(5, slices, Durability::kSynced, std::move(done)); }));
  EXPECT_EQ(at_.Read(**file, 5, expected.size() + 9), expected);
}

TEST_P(FilesContract, ManyCallsUnderWayAllComplete) {
  auto file = at_.Create("file");
  int done = 0;
  for (int i = 0; i < 400; ++i) {
    auto slice = Slice::CopyOf(std::string(100, static_cast<char>('a' + i % 26)));
    auto durability = i % 40 == 0 ? Durability::kSynced : Durability::kBuffered;
    (*file)->Write(static_cast<std::uint64_t>(i) * 100, {slice}, durability, [&](Status status) {
      EXPECT_TRUE(status);
      ++done;
    });
  }
  ASSERT_TRUE(at_.world().RunUntil([&] { return done == 400; }));
  for (int i = 0; i < 400; ++i) {
    EXPECT_EQ(at_.Read(**file, static_cast<std::uint64_t>(i) * 100, 100),
              std::string(100, static_cast<char>('a' + i % 26)));
  }
}

TEST_P(FilesContract, AnEmptyWriteCompletes) {
  auto file = at_.Create("file");
  EXPECT_TRUE(at_.Write(**file, 7, ""));
  EXPECT_TRUE(at_.Write(**file, 7, "", Durability::kSynced));
  EXPECT_TRUE(at_.Sync(**file));
}

TEST_P(FilesContract, TruncateCutsAndWhatGrowsBackIsZeros) {
  auto file = at_.Create("file");
  ASSERT_TRUE(at_.Write(**file, 0, std::string(10'000, 'x')));
  ASSERT_TRUE(at_.Truncate(**file, 5'000));
  EXPECT_EQ((*file)->Size(), 5'000U);
  ASSERT_TRUE(at_.Truncate(**file, 9'000));
  EXPECT_EQ((*file)->Size(), 9'000U);
  EXPECT_EQ(at_.Read(**file, 4'999, 9'000), "x" + std::string(4'000, '\0'));
}

TEST_P(FilesContract, NamesThatAreMissingOrTakenAreTold) {
  EXPECT_EQ(CodeOf(at_.Open("none")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.Open("none/none")), ErrorCode::kNotFound);
  ASSERT_TRUE(at_.Create("folder/file"));
  EXPECT_EQ(CodeOf(at_.Create("folder/file")), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(at_.Create("folder")), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(at_.Create("folder/file/below")), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(at_.Open("folder")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Remove, "none")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Remove, "folder")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "none", "other")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "folder/file", "none/file")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.Do(&Files::SyncDir, "none")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.List("none")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(at_.List("folder/file")), ErrorCode::kNotFound);
  EXPECT_TRUE(at_.Do(&Files::RemoveAll, "none"));
  EXPECT_TRUE(at_.Do(&Files::CreateDir, "folder"));
  EXPECT_EQ(CodeOf(at_.Do(&Files::CreateDir, "folder/file")), ErrorCode::kAlreadyExists);
}

TEST_P(FilesContract, PathsThatLeaveTheRootAreRefused) {
  for (const char* path : {"/etc/passwd", "../x", "a/../x", "a//b", "./a", "a/"}) {
    EXPECT_EQ(CodeOf(at_.Create(path)), ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(CodeOf(at_.Open(path)), ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(CodeOf(at_.Do(&Files::RemoveAll, path)), ErrorCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(CodeOf(at_.Do(&Files::RemoveAll, "")), ErrorCode::kInvalidArgument);
}

TEST_P(FilesContract, ListIsSortedAndHasSizes) {
  EXPECT_EQ(at_.List(""), "");
  auto file = at_.Create("d/b");
  ASSERT_TRUE(at_.Write(**file, 0, "123"));
  ASSERT_TRUE(at_.Create("d/a"));
  ASSERT_TRUE(at_.Do(&Files::CreateDir, "d/c/e"));
  EXPECT_EQ(at_.List("d"), "a:0 b:3 c/ ");
  EXPECT_EQ(at_.List(""), "d/ ");
  ASSERT_TRUE(at_.Do(&Files::Remove, "d/a"));
  EXPECT_EQ(at_.List("d"), "b:3 c/ ");
  ASSERT_TRUE(at_.Do(&Files::RemoveAll, "d"));
  EXPECT_EQ(at_.List(""), "");
}

TEST_P(FilesContract, RenameReplacesFilesAndMovesFolders) {
  auto file = at_.Create("d/old");
  ASSERT_TRUE(at_.Write(**file, 0, "new text"));
  ASSERT_TRUE(at_.Create("d/current"));
  ASSERT_TRUE(at_.Do(&Files::Rename, "d/old", "d/current"));
  EXPECT_EQ(at_.List("d"), "current:8 ");
  // An open file stays the same file under its new name.
  ASSERT_TRUE(at_.Write(**file, 8, "!"));
  ASSERT_TRUE(at_.Do(&Files::Rename, "d", "e"));
  EXPECT_EQ(at_.List(""), "e/ ");
  auto again = at_.Open("e/current");
  ASSERT_TRUE(again);
  EXPECT_EQ(at_.Read(**again, 0, 99), "new text!");
  ASSERT_TRUE(at_.Do(&Files::CreateDir, "taken"));
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "e", "taken")), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "e", "e/in/itself")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "e", "e/self")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(at_.Do(&Files::Rename, "e/current", "taken")), ErrorCode::kInvalidArgument);
}

TEST_P(FilesContract, ARemovedFileIsReadableThroughItsHandle) {
  auto file = at_.Create("file");
  ASSERT_TRUE(at_.Write(**file, 0, "text"));
  ASSERT_TRUE(at_.Do(&Files::Remove, "file"));
  EXPECT_EQ(at_.Read(**file, 0, 9), "text");
}

// Catches a Read() or Write() without CheckAligned().
TEST_P(FilesContract, DirectFilesRefuseWhatIsNotAligned) {
  const OpenOptions direct{.direct = true};
  auto file = at_.Create("file", direct);
  ASSERT_TRUE(file) << file.error().Describe();
  auto write = [&](File& to, std::uint64_t position, Slice slice) {
    return at_.world().Await<void>(
        [&](auto done) { to.Write(position, {slice}, Durability::kSynced, std::move(done)); });
  };
  ASSERT_TRUE(write(**file, 4096, Aligned(8192, 'x')));
  EXPECT_EQ(at_.Read(**file, 8192, 8192), std::string(4096, 'x'));
  EXPECT_EQ(at_.Read(**file, 0, 4096), std::string(4096, '\0'));
  EXPECT_EQ(CodeOf(at_.Read(**file, 1, 4096)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(at_.Read(**file, 0, 100)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(at_.Read(**file, 8192, 4096), std::string(4096, 'x')) << "a refused read condemns not";
  for (auto& [position, slice] :
       std::vector<std::pair<std::uint64_t, Slice>>{{1, Aligned(4096, 'y')},
                                                    {0, Aligned(100, 'y')},
                                                    {0, Aligned(8192, 'y').Sub(512, 4096)}}) {
    auto handle = at_.Open("file", direct);
    EXPECT_EQ(CodeOf(write(**handle, position, slice)), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(at_.Read(**file, 0, 4096), std::string(4096, '\0'));
}

// Catches the planted bug fake-not-condemned, and a real File that forgets Conclude().
TEST_P(FilesContract, AfterAFailedWriteTheFileIsCondemned) {
  auto file = at_.Create("file");
  ASSERT_TRUE(at_.Write(**file, 0, "good", Durability::kSynced));
  // No file system takes a byte there; a tmpfs takes one everywhere below.
  const std::uint64_t absurd = std::numeric_limits<std::int64_t>::max();
  auto failed = at_.Write(**file, absurd, "x");
  ASSERT_FALSE(failed);
  EXPECT_EQ(at_.Write(**file, 0, "again"), failed);
  EXPECT_EQ(at_.Write(**file, 0, "again", Durability::kSynced), failed);
  EXPECT_EQ(at_.Sync(**file), failed);
  EXPECT_EQ(at_.Truncate(**file, 0), failed);
  EXPECT_EQ(at_.Read(**file, 0, 9), "good") << "reads go on";
  auto other = at_.Open("file");
  EXPECT_TRUE(at_.Write(**other, 4, "!", Durability::kSynced)) << "another open begins anew";
}

TEST_P(FilesContract, ADestroyedFileCompletesNothingAndItsSlicesLiveOn) {
  auto file = at_.Create("file");
  bool completed = false;
  {
    auto slice = Aligned(1 << 20, 'z');
    (*file)->Write(0, {slice}, Durability::kSynced, [&](Status) { completed = true; });
    (*file)->Read(0, 10, [&](Result<Slice>) { completed = true; });
    (*file)->Sync([&](Status) { completed = true; });
  }
  file->reset();
  // The effects may need longer than the handle: wait for them by their size.
  ASSERT_TRUE(at_.world().RunUntil([&] { return at_.List("") == "file:1048576 "; }));
  EXPECT_FALSE(completed);
}

TEST_P(FilesContract, BytesOutliveTheProcessWithoutASync) {
  auto file = at_.Create("d/file");
  ASSERT_TRUE(at_.Write(**file, 0, "only buffered"));
  file->reset();
  at_.Reopen();
  auto again = at_.Open("d/file");
  ASSERT_TRUE(again) << again.error().Describe();
  EXPECT_EQ((*again)->Size(), 13U);
  EXPECT_EQ(at_.Read(**again, 0, 99), "only buffered");
}

TEST_P(FilesContract, FilesMayGoBeforeTheFileAndCallsUnderWay) {
  auto file = at_.Create("file");
  bool completed = false;
  at_.files().SyncDir("", [&](Status) { completed = true; });
  (*file)->Write(0, {Slice::CopyOf("x")}, Durability::kSynced, [](Status) {});
  at_.Reopen();
  file->reset();
  at_.Reopen();
  EXPECT_TRUE(at_.world().Settle());
  EXPECT_FALSE(completed);
}

TEST_P(FilesContract, SpaceIsTold) {
  EXPECT_TRUE(at_.Do(&Files::SyncDir, ""));
  auto space = at_.world().Await<SpaceInfo>([&](auto done) { at_.files().Space(std::move(done)); });
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FilesContract,
                         testing::Values(FilesKind::kFake, FilesKind::kThread, FilesKind::kUring),
                         [](const auto& info) { return PrintFilesKind(info.param); });

}  // namespace
}  // namespace kronika
