// The names below a root folder, by system calls relative to its descriptor.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/posix_file.h"

namespace kronika {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash);
}

const char* OrDot(const std::string& path) {
  return path.empty() ? "." : path.c_str();
}

std::unexpected<Error> Failed(std::string text, const std::string& path) {
  return std::unexpected(ErrnoError(errno, std::move(text), path));
}

struct Descriptor {
  int value = -1;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

Result<std::unique_ptr<PosixRoot>> PosixRoot::Make(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return std::unexpected(ErrnoError(error.value(), "make folder", path));
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Failed("open folder", path);
  return std::unique_ptr<PosixRoot>(new PosixRoot(descriptor));
}

PosixRoot::~PosixRoot() {
  ::close(descriptor_);
}

Result<std::shared_ptr<PosixFile>> PosixRoot::OpenWith(const std::string& path, OpenOptions options,
                                                       int flags) const {
  flags |= O_RDWR | O_CLOEXEC;
  const int first = flags | (options.direct ? O_DIRECT : 0);
  int descriptor = ::openat(descriptor_, path.c_str(), first, kFileMode);
  // Some file systems have no O_DIRECT: the page cache serves instead, under the same alignment
  // rules. The refused call may have made the file already.
  if (descriptor < 0 && errno == EINVAL && options.direct) {
    descriptor = ::openat(descriptor_, path.c_str(), flags & ~O_EXCL, kFileMode);
  }
  if (descriptor < 0) return Failed((flags & O_CREAT) != 0 ? "create" : "open", path);
  struct stat info = {};
  if (::fstat(descriptor, &info) != 0) {
    auto failed = Failed("stat", path);
    ::close(descriptor);
    return failed;
  }
  return std::make_shared<PosixFile>(descriptor, path, options,
                                     static_cast<std::uint64_t>(info.st_size));
}

Result<std::shared_ptr<PosixFile>> PosixRoot::Open(const std::string& path,
                                                   OpenOptions options) const {
  return OpenWith(path, options, 0);
}

Result<std::shared_ptr<PosixFile>> PosixRoot::Create(const std::string& path,
                                                     OpenOptions options) const {
  if (path.empty()) return Fail(ErrorCode::kAlreadyExists, "the root is a folder");
  KRONIKA_TRY(CreateDir(ParentOf(path)));
  return OpenWith(path, options, O_CREAT | O_EXCL);
}

Status PosixRoot::CreateDir(const std::string& path) const {
  for (std::size_t at = 0; at < path.size();) {
    at = std::min(path.find('/', at + 1), path.size());
    const std::string part = path.substr(0, at);
    if (::mkdirat(descriptor_, part.c_str(), kFolderMode) == 0) continue;
    if (errno != EEXIST) return Failed("make folder", part);
    struct stat info = {};
    if (::fstatat(descriptor_, part.c_str(), &info, 0) != 0) return Failed("stat", part);
    if (!S_ISDIR(info.st_mode)) {
      return Fail(ErrorCode::kAlreadyExists, "a file is in the way", part);
    }
  }
  return {};
}

Status PosixRoot::Rename(const std::string& from, const std::string& to) const {
  struct stat info = {};
  if (::fstatat(descriptor_, from.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("rename", from);
  }
  if (from == to) return {};
  const bool folder = S_ISDIR(info.st_mode);
  if (folder && to.starts_with(from + "/")) {
    return Fail(ErrorCode::kInvalidArgument, "a folder cannot move into itself", to);
  }
  if (folder) {
    // Not atomic against a creation of the same name by somebody else; the names below a root have
    // one owner.
    struct stat taken = {};
    if (::fstatat(descriptor_, to.c_str(), &taken, AT_SYMLINK_NOFOLLOW) == 0) {
      return Fail(ErrorCode::kAlreadyExists, "the name is taken", to);
    }
  }
  if (::renameat(descriptor_, from.c_str(), descriptor_, to.c_str()) != 0) {
    return Failed("rename", from + " -> " + to);
  }
  return {};
}

Status PosixRoot::Remove(const std::string& path) const {
  if (::unlinkat(descriptor_, path.c_str(), 0) != 0) return Failed("remove", path);
  return {};
}

Status PosixRoot::RemoveAll(const std::string& path) const {
  if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "the root stays");
  if (::unlinkat(descriptor_, path.c_str(), 0) == 0 || errno == ENOENT || errno == ENOTDIR)
    return {};
  if (errno != EISDIR) return Failed("remove", path);
  auto entries = List(path);
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) KRONIKA_TRY(RemoveAll(path + "/" + entry.name));
  if (::unlinkat(descriptor_, path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return Failed("remove folder", path);
  }
  return {};
}

Result<std::vector<DirEntry>> PosixRoot::List(const std::string& path) const {
  const int descriptor = ::openat(descriptor_, OrDot(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Failed("list", path);
  DIR* folder = ::fdopendir(descriptor);
  if (folder == nullptr) {
    auto failed = Failed("list", path);
    ::close(descriptor);
    return failed;
  }
  std::vector<DirEntry> out;
  while (const dirent* entry = ::readdir(folder)) {
    DirEntry next{.name = entry->d_name};
    if (next.name == "." || next.name == "..") continue;
    struct stat info = {};
    // Whoever was removed since is not listed.
    if (::fstatat(descriptor, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    next.is_directory = S_ISDIR(info.st_mode);
    next.size = next.is_directory ? 0 : static_cast<std::uint64_t>(info.st_size);
    out.push_back(std::move(next));
  }
  ::closedir(folder);
  std::ranges::sort(out, {}, &DirEntry::name);
  return out;
}

Status PosixRoot::SyncDir(const std::string& path) const {
  Descriptor folder{::openat(descriptor_, OrDot(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.value < 0) return Failed("sync folder", path);
  if (::fsync(folder.value) != 0) return Failed("sync folder", path);
  return {};
}

Result<SpaceInfo> PosixRoot::Space() const {
  struct statvfs info = {};
  if (::fstatvfs(descriptor_, &info) != 0) return Failed("space", "");
  return SpaceInfo{std::uint64_t{info.f_blocks} * info.f_frsize,
                   std::uint64_t{info.f_bavail} * info.f_frsize};
}

bool PosixRoot::SupportsDirect() const {
  Descriptor file{::openat(descriptor_, ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, kFileMode)};
  return file.value >= 0;
}

}  // namespace kronika
