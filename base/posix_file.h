// The disk's system calls as Results: one open file, and the names below one root folder. They
// block, so they are called by pool threads (thread_files) and never by a loop.
//
// 1. PosixFile may be used by several threads at once; the first failed write or sync condemns it
//    (files.h rule 5).
// 2. Descriptors are close-on-exec, and closed when the last user lets go.
// 3. Paths were checked by CheckPath(); they never leave the root.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"

namespace kronika {

// The Error of an errno value: ENOENT, EEXIST, ENOSPC and their kin have codes of their own, the
// rest is kIo.
Error ErrnoError(int number, std::string text, std::string where);

// The I/O vectors of `slices` without their first `skip` bytes; at most `max` of them.
std::vector<iovec> MakeVectors(const Slices& slices, std::uint64_t skip, std::size_t max);
inline constexpr std::size_t kVectorsMax = 1024;  // Linux' UIO_MAXIOV

class PosixFile {
 public:
  PosixFile(int descriptor, std::string path, OpenOptions options, std::uint64_t size)
      : descriptor_(descriptor), path_(std::move(path)), options_(options), size_(size) {}
  ~PosixFile();
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }
  OpenOptions options() const { return options_; }

  Status Write(std::uint64_t position, const Slices& slices, Durability durability);
  Result<Slice> Read(std::uint64_t position, std::size_t size) const;
  Status Sync();
  Status Truncate(std::uint64_t size);

  // How much of a read of `size` bytes the file has now, rounded up to whole blocks so that a
  // direct read stays aligned; another handle may have grown the file. Does not wait for the disk.
  std::size_t ReadableBytes(std::uint64_t position, std::size_t size) const;

  Status Condemned() const;
  // Condemns the file if `status` is an error; returns the first error there was.
  Status Conclude(Status status);

  std::uint64_t size() const;
  void GrowTo(std::uint64_t size);
  // As File::ExpectReads. Linux 6.14 and later can write without leaving pages behind; elsewhere
  // they stay.
  void ExpectReads(bool expected) { expects_reads_ = expected; }

 private:
  Status WriteAll(std::uint64_t position, const Slices& slices);
  ssize_t WriteOnce(const std::vector<iovec>& vectors, std::uint64_t position);

  const int descriptor_;
  const std::string path_;
  const OpenOptions options_;
  std::atomic<bool> expects_reads_ = true;
  std::atomic<bool> writes_uncached_ = true;  // until the file system says that it cannot
  mutable std::mutex mutex_;                  // guards the next two
  std::uint64_t size_;
  std::optional<Error> condemned_;
};

class PosixRoot {
 public:
  // The root folder, made with its parents if missing.
  static Result<std::unique_ptr<PosixRoot>> Make(const std::string& path);
  ~PosixRoot();
  PosixRoot(const PosixRoot&) = delete;
  PosixRoot& operator=(const PosixRoot&) = delete;

  Result<std::shared_ptr<PosixFile>> Open(const std::string& path, OpenOptions options) const;
  Result<std::shared_ptr<PosixFile>> Create(const std::string& path, OpenOptions options) const;
  Status CreateDir(const std::string& path) const;
  Status Rename(const std::string& from, const std::string& to) const;
  Status Remove(const std::string& path) const;
  Status RemoveAll(const std::string& path) const;
  Result<std::vector<DirEntry>> List(const std::string& path) const;
  Status SyncDir(const std::string& path) const;
  Result<SpaceInfo> Space() const;
  // Whether files of this root can bypass the page cache.
  bool SupportsDirect() const;

 private:
  explicit PosixRoot(int descriptor) : descriptor_(descriptor) {}
  Result<std::shared_ptr<PosixFile>> OpenWith(const std::string& path, OpenOptions options,
                                              int flags) const;
  const int descriptor_;
};

}  // namespace kronika
