#include "base/thread_files.h"

#include <utility>

namespace kronika {

Result<std::unique_ptr<Files>> ThreadFiles::Make(const RealFilesOptions& options, Loop& loop) {
  auto root = PosixRoot::Make(options.root);
  if (!root) return std::unexpected(root.error());
  return std::unique_ptr<Files>(new ThreadFiles(std::move(*root), options.threads, loop));
}

ThreadFiles::ThreadFiles(std::unique_ptr<PosixRoot> root, std::size_t threads, Loop& loop)
    : loop_(loop),
      pool_(std::make_shared<WorkerPool>("files", threads)),
      root_(std::move(root)),
      alive_(std::make_shared<bool>(true)) {}

ThreadFiles::~ThreadFiles() {
  *alive_ = false;
}

std::unique_ptr<File> ThreadFiles::Wrap(std::shared_ptr<PosixFile> file) {
  return std::make_unique<ThreadFile>(loop_, pool_, std::move(file));
}

// Runs `call` on the pool and completes on the loop, unless this object is gone by then.
template <class T, class Call>
void ThreadFiles::Run(Done<T> done, Call call) {
  pool_->Submit([loop = &loop_, alive = alive_, root = root_, done = std::move(done),
                 call = std::move(call)]() mutable {
    Result<T> result = call(*root);
    loop->Post(
        [alive = std::move(alive), done = std::move(done), result = std::move(result)]() mutable {
          if (*alive) done(std::move(result));
        });
  });
}

void ThreadFiles::Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) {
  Run<std::shared_ptr<PosixFile>>(
      [this, done = std::move(done)](auto file) mutable {
        Deliver(std::move(file), std::move(done));
      },
      [path = std::move(path),
       options](const PosixRoot& root) -> Result<std::shared_ptr<PosixFile>> {
        KRONIKA_TRY(CheckPath(path));
        if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "the root is a folder");
        return root.Open(path, options);
      });
}

void ThreadFiles::Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) {
  Run<std::shared_ptr<PosixFile>>(
      [this, done = std::move(done)](auto file) mutable {
        Deliver(std::move(file), std::move(done));
      },
      [path = std::move(path),
       options](const PosixRoot& root) -> Result<std::shared_ptr<PosixFile>> {
        KRONIKA_TRY(CheckPath(path));
        return root.Create(path, options);
      });
}

void ThreadFiles::Deliver(Result<std::shared_ptr<PosixFile>> file,
                          Done<std::unique_ptr<File>> done) {
  if (!file) return done(std::unexpected(file.error()));
  done(Wrap(std::move(*file)));
}

void ThreadFiles::CreateDir(std::string path, Done<void> done) {
  Run(std::move(done), [path = std::move(path)](const PosixRoot& root) -> Status {
    KRONIKA_TRY(CheckPath(path));
    return root.CreateDir(path);
  });
}

void ThreadFiles::Rename(std::string from, std::string to, Done<void> done) {
  Run(std::move(done),
      [from = std::move(from), to = std::move(to)](const PosixRoot& root) -> Status {
        KRONIKA_TRY(CheckPath(from));
        KRONIKA_TRY(CheckPath(to));
        return root.Rename(from, to);
      });
}

void ThreadFiles::Remove(std::string path, Done<void> done) {
  Run(std::move(done), [path = std::move(path)](const PosixRoot& root) -> Status {
    KRONIKA_TRY(CheckPath(path));
    return root.Remove(path);
  });
}

void ThreadFiles::RemoveAll(std::string path, Done<void> done) {
  Run(std::move(done), [path = std::move(path)](const PosixRoot& root) -> Status {
    KRONIKA_TRY(CheckPath(path));
    return root.RemoveAll(path);
  });
}

void ThreadFiles::List(std::string path, Done<std::vector<DirEntry>> done) {
  Run(std::move(done),
      [path = std::move(path)](const PosixRoot& root) -> Result<std::vector<DirEntry>> {
        KRONIKA_TRY(CheckPath(path));
        return root.List(path);
      });
}

void ThreadFiles::SyncDir(std::string path, Done<void> done) {
  Run(std::move(done), [path = std::move(path)](const PosixRoot& root) -> Status {
    KRONIKA_TRY(CheckPath(path));
    return root.SyncDir(path);
  });
}

void ThreadFiles::Space(Done<SpaceInfo> done) {
  Run(std::move(done), [](const PosixRoot& root) { return root.Space(); });
}

ThreadFile::ThreadFile(Loop& loop, std::shared_ptr<WorkerPool> pool,
                       std::shared_ptr<PosixFile> file)
    : loop_(loop), handle_(std::make_shared<RealHandle>(std::move(file))), pool_(std::move(pool)) {}

// The same for a file: `open` is read on the loop only.
template <class T, class Call>
void ThreadFile::Run(Done<T> done, Call call) {
  pool_->Submit(
      [loop = &loop_, handle = handle_, done = std::move(done), call = std::move(call)]() mutable {
        Result<T> result = call(*handle->file);
        loop->Post([handle = std::move(handle), done = std::move(done),
                    result = std::move(result)]() mutable {
          if (handle->open) done(std::move(result));
        });
      });
}

void ThreadFile::Write(std::uint64_t position, Slices slices, Durability durability,
                       Done<void> done) {
  Run(std::move(done), [position, slices = std::move(slices), durability](PosixFile& file) {
    return file.Write(position, slices, durability);
  });
}

void ThreadFile::Read(std::uint64_t position, std::size_t size, Done<Slice> done) {
  Run(std::move(done), [position, size](PosixFile& file) { return file.Read(position, size); });
}

void ThreadFile::Sync(Done<void> done) {
  Run(std::move(done), [](PosixFile& file) { return file.Sync(); });
}

void ThreadFile::Truncate(std::uint64_t size, Done<void> done) {
  Run(std::move(done), [size](PosixFile& file) { return file.Truncate(size); });
}

}  // namespace kronika
