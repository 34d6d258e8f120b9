#include "base/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace kronika {
namespace {

// RWF_DONTCACHE, which the C library's headers do not have yet: a buffered write whose pages are
// dropped when they are on the disk.
constexpr int kWriteUncached = 0x80;

}  // namespace

Error ErrnoError(int number, std::string text, std::string where) {
  text.append(": ").append(std::generic_category().message(number));
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::kNotFound, std::move(text), std::move(where)};
    case EEXIST:
    case ENOTEMPTY:
      return {ErrorCode::kAlreadyExists, std::move(text), std::move(where)};
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::kNoSpace, std::move(text), std::move(where)};
    case EISDIR:
    case ENAMETOOLONG:
      return {ErrorCode::kInvalidArgument, std::move(text), std::move(where)};
    default:
      return {ErrorCode::kIo, std::move(text), std::move(where)};
  }
}

std::vector<iovec> MakeVectors(const Slices& slices, std::uint64_t skip, std::size_t max) {
  std::vector<iovec> out;
  out.reserve(std::min(slices.size(), max));
  for (const auto& slice : slices) {
    if (out.size() == max) break;
    if (skip >= slice.size()) {
      skip -= slice.size();
      continue;
    }
    // The kernel only reads from these; iovec has no const.
    out.push_back({const_cast<std::byte*>(slice.data()) + skip, slice.size() - skip});
    skip = 0;
  }
  return out;
}

PosixFile::~PosixFile() {
  ::close(descriptor_);
}

Status PosixFile::Condemned() const {
  std::lock_guard lock(mutex_);
  if (condemned_) return std::unexpected(*condemned_);
  return {};
}

Status PosixFile::Conclude(Status status) {
  std::lock_guard lock(mutex_);
  if (!status && !condemned_) condemned_ = status.error();
  if (condemned_) return std::unexpected(*condemned_);
  return {};
}

std::uint64_t PosixFile::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

void PosixFile::GrowTo(std::uint64_t size) {
  std::lock_guard lock(mutex_);
  size_ = std::max(size_, size);
}

std::size_t PosixFile::ReadableBytes(std::uint64_t position, std::size_t size) const {
  struct stat info = {};
  // The read itself will tell what is wrong with the file.
  if (::fstat(descriptor_, &info) != 0) return size;
  const auto end = static_cast<std::uint64_t>(info.st_size);
  if (position >= end) return 0;
  const std::uint64_t left = (end - position + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
}

ssize_t PosixFile::WriteOnce(const std::vector<iovec>& vectors, std::uint64_t position) {
  const auto count = static_cast<int>(vectors.size());
  const auto at = static_cast<off_t>(position);
  if (!expects_reads_ && writes_uncached_) {
    const ssize_t written = ::pwritev2(descriptor_, vectors.data(), count, at, kWriteUncached);
    if (written >= 0 || (errno != EOPNOTSUPP && errno != EINVAL)) return written;
    writes_uncached_ = false;
  }
  return ::pwritev(descriptor_, vectors.data(), count, at);
}

Status PosixFile::WriteAll(std::uint64_t position, const Slices& slices) {
  const std::uint64_t total = TotalSize(slices);
  for (std::uint64_t written = 0; written < total;) {
    const auto vectors = MakeVectors(slices, written, kVectorsMax);
    const ssize_t count = WriteOnce(vectors, position + written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(ErrnoError(errno, "write", path_));
    if (count == 0) return Fail(ErrorCode::kIo, "the disk takes no bytes", path_);
    written += static_cast<std::uint64_t>(count);
  }
  GrowTo(position + total);
  return {};
}

Status PosixFile::Write(std::uint64_t position, const Slices& slices, Durability durability) {
  KRONIKA_TRY(Condemned());
  auto status = CheckAligned(options_, position, slices);
  if (status) status = WriteAll(position, slices);
  if (status && durability == Durability::kSynced && ::fdatasync(descriptor_) != 0) {
    status = std::unexpected(ErrnoError(errno, "sync", path_));
  }
  return Conclude(std::move(status));
}

Result<Slice> PosixFile::Read(std::uint64_t position, std::size_t size) const {
  KRONIKA_TRY(CheckAligned(options_, position, size));
  auto out = Slice::Allocate(ReadableBytes(position, size), kBlockBytes);
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t count = ::pread(descriptor_, out.mutable_bytes().data() + have, out.size() - have,
                                  static_cast<off_t>(position + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(ErrnoError(errno, "read", path_));
    have += static_cast<std::size_t>(count);
    // A direct read that stops within a block has met the end; going on from there would be
    // misaligned.
    if (count == 0 || (options_.direct && have % kBlockBytes != 0)) break;
  }
  return out.Sub(0, have);
}

Status PosixFile::Sync() {
  KRONIKA_TRY(Condemned());
  Status status;
  if (::fdatasync(descriptor_) != 0) status = std::unexpected(ErrnoError(errno, "sync", path_));
  return Conclude(std::move(status));
}

Status PosixFile::Truncate(std::uint64_t size) {
  KRONIKA_TRY(Condemned());
  Status status;
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    status = std::unexpected(ErrnoError(errno, "truncate", path_));
  } else {
    std::lock_guard lock(mutex_);
    size_ = size;
  }
  return Conclude(std::move(status));
}

}  // namespace kronika
