// ThreadFiles: the real disk through plain system calls on a small pool of threads; works on every
// Linux.
//
// Called on the loop it was made with.
// 1. A call is one task on the pool and one completion posted to the loop; nothing blocks the loop.
// 2. A File that is destroyed drops its completions; its descriptor is closed when the last call
//    under way has ended.
// 3. Whatever goes last of the Files and the File objects it handed out waits for the calls under
//    way; completions of what is gone are dropped. The loop outlives them all.
#pragma once

#include <memory>
#include <string>

#include "base/files.h"
#include "base/loop.h"
#include "base/posix_file.h"
#include "base/worker_pool.h"

namespace kronika {

struct RealFilesOptions {
  std::string root;         // made with its parents if missing
  std::size_t threads = 4;  // calls that may wait for the disk at once
};

// What a real File and its calls under way share. `open` belongs to the loop.
struct RealHandle {
  std::shared_ptr<PosixFile> file;
  bool open = true;
};

class ThreadFiles : public Files {
 public:
  // `loop` outlives the object.
  static Result<std::unique_ptr<Files>> Make(const RealFilesOptions& options, Loop& loop);
  ~ThreadFiles() override;

  void Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override;
  void Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override;
  void CreateDir(std::string path, Done<void> done) override;
  void Rename(std::string from, std::string to, Done<void> done) override;
  void Remove(std::string path, Done<void> done) override;
  void RemoveAll(std::string path, Done<void> done) override;
  void List(std::string path, Done<std::vector<DirEntry>> done) override;
  void SyncDir(std::string path, Done<void> done) override;
  void Space(Done<SpaceInfo> done) override;

 protected:
  ThreadFiles(std::unique_ptr<PosixRoot> root, std::size_t threads, Loop& loop);
  // The File that this kind of Files hands out.
  virtual std::unique_ptr<File> Wrap(std::shared_ptr<PosixFile> file);

  Loop& loop_;
  // Shared with the Files that were handed out: they may outlive this object.
  std::shared_ptr<WorkerPool> pool_;

 private:
  template <class T, class Call>
  void Run(Done<T> done, Call call);
  void Deliver(Result<std::shared_ptr<PosixFile>> file, Done<std::unique_ptr<File>> done);

  const std::shared_ptr<const PosixRoot> root_;
  const std::shared_ptr<bool> alive_;  // belongs to the loop
};

// A File whose every call is a task on the pool.
class ThreadFile : public File {
 public:
  ThreadFile(Loop& loop, std::shared_ptr<WorkerPool> pool, std::shared_ptr<PosixFile> file);
  ~ThreadFile() override { handle_->open = false; }

  void Write(std::uint64_t position, Slices slices, Durability durability,
             Done<void> done) override;
  void Read(std::uint64_t position, std::size_t size, Done<Slice> done) override;
  void Sync(Done<void> done) override;
  void Truncate(std::uint64_t size, Done<void> done) override;
  std::uint64_t Size() const override { return handle_->file->size(); }
  void ExpectReads(bool expected) override { handle_->file->ExpectReads(expected); }

 protected:
  Loop& loop_;
  const std::shared_ptr<RealHandle> handle_;

 private:
  template <class T, class Call>
  void Run(Done<T> done, Call call);

  const std::shared_ptr<WorkerPool> pool_;
};

}  // namespace kronika
