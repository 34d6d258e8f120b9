#include "base/fake_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/planted.h"

namespace kronika {

// What a File and its calls under way share. The inode stays counted as long as one of them needs
// it.
struct FakeHandle {
  FakeHandle(FakeDisk& disk_in, FakeDisk::InodeId inode_in, std::string path_in, OpenOptions opened)
      : disk(disk_in),
        life(disk.life_),
        inode(inode_in),
        path(std::move(path_in)),
        options(opened) {
    ++disk.At(inode).handles;
    size = content().size();
  }
  ~FakeHandle() {
    if (life->alive) --disk.At(inode).handles;
  }
  FakeHandle(const FakeHandle&) = delete;
  FakeHandle& operator=(const FakeHandle&) = delete;

  FakeContent& content() { return disk.At(inode).content; }
  // Remembers the size, and condemns the file after a failed write or sync (files.h rule 5).
  Status Concluded(Status status) {
    size = content().size();
    if (!status && !KRONIKA_PLANTED("fake-not-condemned")) condemned = status.error();
    return status;
  }

  FakeDisk& disk;
  std::shared_ptr<FakeDisk::Life> life;
  FakeDisk::InodeId inode;
  std::string path;
  OpenOptions options;
  std::optional<Error> condemned;
  bool open = true;
  std::uint64_t size = 0;
};

class FakeFile final : public File {
 public:
  FakeFile(Loop& loop, std::shared_ptr<FakeHandle> handle)
      : loop_(loop), handle_(std::move(handle)) {}
  ~FakeFile() override { handle_->open = false; }

  void Write(std::uint64_t position, Slices slices, Durability durability,
             Done<void> done) override {
    if (!handle_->life->alive) return;
    auto& disk = handle_->disk;
    auto aligned = CheckAligned(handle_->options, position, slices);
    const std::uint64_t number = ++disk.last_pending_;
    if (aligned && !handle_->condemned) {
      disk.pending_writes_[number] = {handle_->inode, position, std::move(slices)};
    }
    const Duration extra = durability == Durability::kSynced ? disk.sync_delay_ : Duration{};
    Later(extra, std::move(done), [number, durability, aligned](FakeHandle& handle) -> Status {
      auto write = handle.disk.pending_writes_.extract(number);
      if (handle.condemned) return std::unexpected(*handle.condemned);
      if (!aligned) return handle.Concluded(aligned);
      return handle.Concluded(handle.disk.ApplyWrite(write.mapped(), durability, handle.path));
    });
  }

  void Read(std::uint64_t position, std::size_t size, Done<Slice> done) override {
    if (!handle_->life->alive) return;
    Later(Duration{}, std::move(done), [position, size](FakeHandle& handle) -> Result<Slice> {
      if (auto aligned = CheckAligned(handle.options, position, size); !aligned) {
        return std::unexpected(aligned.error());
      }
      if (auto fault = handle.disk.TakeFault(DiskFault::Call::kRead, handle.path)) {
        return std::unexpected(*fault);
      }
      const std::uint64_t end = handle.content().size();
      if (position >= end) return Slice{};
      auto out = Slice::Allocate(std::min<std::uint64_t>(size, end - position), kBlockBytes);
      handle.content().Read(position, out.mutable_bytes());
      return out;
    });
  }

  void Sync(Done<void> done) override {
    if (!handle_->life->alive) return;
    auto& disk = handle_->disk;
    // Only what was written when the sync began is covered by it.
    const std::uint64_t covered = disk.write_sequence_;
    Later(disk.sync_delay_, std::move(done), [covered](FakeHandle& handle) -> Status {
      if (handle.condemned) return std::unexpected(*handle.condemned);
      ++handle.disk.counters_.syncs;
      if (auto fault = handle.disk.TakeFault(DiskFault::Call::kSync, handle.path)) {
        handle.content().DropUnsynced();
        return handle.Concluded(std::unexpected(*fault));
      }
      handle.content().MakeDurable(covered);
      return {};
    });
  }

  void Truncate(std::uint64_t size, Done<void> done) override {
    if (!handle_->life->alive) return;
    Later(Duration{}, std::move(done), [size](FakeHandle& handle) -> Status {
      if (handle.condemned) return std::unexpected(*handle.condemned);
      auto& disk = handle.disk;
      const std::uint64_t before = handle.content().size();
      handle.content().Truncate(size, ++disk.write_sequence_);
      disk.used_bytes_ = disk.used_bytes_ - before + size;
      return handle.Concluded({});
    });
  }

  std::uint64_t Size() const override { return handle_->size; }

 private:
  // Runs `effect` at a random later time, even if this File is gone by then; `done` only if it is
  // not.
  template <class T, class Effect>
  void Later(Duration extra, Done<T> done, Effect effect) {
    loop_.RunAfter(handle_->disk.RandomDelay() + extra,
                   [handle = handle_, done = std::move(done), effect]() mutable {
                     if (!handle->life->alive) return;
                     Result<T> result = effect(*handle);
                     if (handle->open) done(std::move(result));
                   });
  }

  Loop& loop_;
  std::shared_ptr<FakeHandle> handle_;
};

FakeFiles::~FakeFiles() {
  if (life_->alive) disk_.Kill();
}

template <class T, class Effect>
void FakeFiles::Later(Duration extra, Done<T> done, Effect effect) {
  if (!life_->alive) return;
  loop_.RunAfter(disk_.RandomDelay() + extra,
                 [life = life_, done = std::move(done), effect = std::move(effect)]() mutable {
                   if (life->alive) done(effect());
                 });
}

Status FakeFiles::CheckName(const std::string& path) {
  KRONIKA_TRY(CheckPath(path));
  auto fault = disk_.TakeFault(DiskFault::Call::kName, path);
  return fault ? Status(std::unexpected(*fault)) : Status{};
}

void FakeFiles::Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Result<std::unique_ptr<File>> {
    KRONIKA_TRY(CheckPath(path));
    auto inode = disk_.Find(path);
    if (!inode) return Fail(ErrorCode::kNotFound, "no such file", path);
    if (disk_.At(*inode).is_directory) {
      return Fail(ErrorCode::kInvalidArgument, "a folder, not a file", path);
    }
    return std::make_unique<FakeFile>(loop_,
                                      std::make_shared<FakeHandle>(disk_, *inode, path, options));
  });
}

void FakeFiles::Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Result<std::unique_ptr<File>> {
    KRONIKA_TRY(CheckName(path));
    if (disk_.used_bytes_ >= disk_.capacity_bytes_) {
      return Fail(ErrorCode::kNoSpace, "the disk is full", path);
    }
    auto inode = disk_.CreateFile(path);
    if (!inode) return std::unexpected(inode.error());
    return std::make_unique<FakeFile>(loop_,
                                      std::make_shared<FakeHandle>(disk_, *inode, path, options));
  });
}

void FakeFiles::CreateDir(std::string path, Done<void> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Status {
    KRONIKA_TRY(CheckName(path));
    return disk_.CreateFolder(path);
  });
}

void FakeFiles::Rename(std::string from, std::string to, Done<void> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Status {
    KRONIKA_TRY(CheckPath(from));
    KRONIKA_TRY(CheckName(to));
    return disk_.Rename(from, to);
  });
}

void FakeFiles::Remove(std::string path, Done<void> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Status {
    KRONIKA_TRY(CheckName(path));
    return disk_.Remove(path);
  });
}

void FakeFiles::RemoveAll(std::string path, Done<void> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Status {
    KRONIKA_TRY(CheckName(path));
    if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "the root stays");
    return disk_.RemoveAll(path);
  });
}

void FakeFiles::List(std::string path, Done<std::vector<DirEntry>> done) {
  Later(Duration{}, std::move(done), [=, this]() -> Result<std::vector<DirEntry>> {
    KRONIKA_TRY(CheckPath(path));
    return disk_.List(path);
  });
}

void FakeFiles::SyncDir(std::string path, Done<void> done) {
  Later(disk_.sync_delay_, std::move(done), [=, this]() -> Status {
    KRONIKA_TRY(CheckPath(path));
    return disk_.SyncFolder(path);
  });
}

void FakeFiles::Space(Done<SpaceInfo> done) {
  Later(Duration{}, std::move(done), [this]() -> Result<SpaceInfo> {
    const std::uint64_t used = std::min(disk_.used_bytes_, disk_.capacity_bytes_);
    return SpaceInfo{disk_.capacity_bytes_, disk_.capacity_bytes_ - used};
  });
}

}  // namespace kronika
