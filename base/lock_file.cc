#include "base/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kronika {
namespace {

constexpr mode_t kMode = 0644;

// The holder's process number, as it wrote it; "another process" if it did not get that far.
std::string HolderOf(int descriptor) {
  char text[32] = {};
  const ssize_t size = ::pread(descriptor, text, sizeof text - 1, 0);
  if (size <= 0) return "another process";
  return fmt::format("process {}", std::string_view(text, static_cast<std::size_t>(size)));
}

}  // namespace

Result<LockFile> LockFile::Acquire(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
  if (descriptor < 0)
    return Fail(ErrorCode::kIo, fmt::format("cannot open: {}", std::strerror(errno)), path);
  LockFile lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Fail(ErrorCode::kBusy, fmt::format("in use by {}", HolderOf(descriptor)), path);
    return Fail(ErrorCode::kIo, fmt::format("cannot lock: {}", std::strerror(errno)), path);
  }
  const std::string holder = std::to_string(::getpid());
  // Only for people: a lock whose holder's number cannot be written is held all the same.
  if (::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, holder.data(), holder.size(), 0) < 0)
    return lock;
  return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

LockFile::~LockFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace kronika
