// Files: the disk as the wal/ folder sees it. Real: uring_files and thread_files; in tests and the
// simulator: fake_files, which forgets at a crash what was not synced. One contract suite runs
// against all three.
//
// 1. No call blocks. Every completion runs on the loop the Files object was made with, never inside
//    the call.
// 2. Paths are relative to the root the object was made with; '/' separates folders.
// 3. Writes to one file may complete in any order; a caller that needs order waits for the
//    completion.
// 4. A write with kSynced, and Sync(), complete only when the bytes (and the file size, if it grew)
//    survive power loss. The *name* of a created or renamed file survives only after SyncDir() of
//    its folder.
// 5. After a failed write or sync the file is condemned: every later write and sync fails with the
//    same error (a retry could report success for bytes that the kernel dropped).
// 6. With OpenOptions.direct every position, length and address is a multiple of kBlockBytes; this
//    is checked by every implementation, also where the kernel would accept less.
// 7. Destroying a File closes it; completions still under way run first or not at all, but slices
//    stay alive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"

namespace kronika {

inline constexpr std::size_t kBlockBytes = 4096;

enum class Durability { kBuffered, kSynced };

struct OpenOptions {
  bool direct = false;  // bypass the page cache where the file system allows it
};

struct DirEntry {
  std::string name;  // without the folder
  bool is_directory = false;
  std::uint64_t size = 0;
};

struct SpaceInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // available to this process
};

class File {
 public:
  virtual ~File() = default;
  // Writes all bytes of `slices` at `position`, gathered; short writes are continued inside.
  virtual void Write(std::uint64_t position, Slices slices, Durability durability,
                     Done<void> done) = 0;
  // Up to `size` bytes from `position`; fewer only at the end of the file.
  virtual void Read(std::uint64_t position, std::size_t size, Done<Slice> done) = 0;
  virtual void Sync(Done<void> done) = 0;
  virtual void Truncate(std::uint64_t size, Done<void> done) = 0;
  // The size that the last completed operation left.
  virtual std::uint64_t Size() const = 0;
  // Whether what is written from here on will probably be read soon. If not, the page cache lets go
  // of it once it is on the disk. A hint: nothing but speed depends on it.
  virtual void ExpectReads(bool) {}
};

class Files {
 public:
  virtual ~Files() = default;
  // An existing file, for reading and writing; kNotFound.
  virtual void Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) = 0;
  // A new, empty file; its folder is made if missing; kAlreadyExists.
  virtual void Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) = 0;
  // With parents; an existing folder is success.
  virtual void CreateDir(std::string path, Done<void> done) = 0;
  // Replaces an existing file of the new name, atomically. A folder may be renamed, too; its new
  // name must be free. The new name's folder must exist.
  virtual void Rename(std::string from, std::string to, Done<void> done) = 0;
  // A file; kNotFound.
  virtual void Remove(std::string path, Done<void> done) = 0;
  // A folder and all below it; missing is success.
  virtual void RemoveAll(std::string path, Done<void> done) = 0;
  // Sorted by name; kNotFound.
  virtual void List(std::string path, Done<std::vector<DirEntry>> done) = 0;
  // "" is the root.
  virtual void SyncDir(std::string path, Done<void> done) = 0;
  virtual void Space(Done<SpaceInfo> done) = 0;
};

// What every implementation refuses (kInvalidArgument), in one place. A path is relative, without
// empty, "." or ".." parts; "" is the root.
Status CheckPath(std::string_view path);
// Rule 6. A size is checked only where it is not the end of the file that cuts it.
Status CheckAligned(OpenOptions options, std::uint64_t position, const Slices& slices);
Status CheckAligned(OpenOptions options, std::uint64_t position, std::size_t size);

}  // namespace kronika
