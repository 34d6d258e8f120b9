// FakeDisk: what survives of a simulated disk when its broker dies: files, folders, and which of
// their bytes, sizes and names are durable. A FakeFiles (fake_files.h) is one process' view of it;
// the disk outlives it.
//
// One thread. All calls here are synchronous: they are for FakeFiles, for tests and for the
// simulator.
// 1. Crash() is power loss: each unsynced block, size and name is kept or lost by the seed, names
//    of one folder in order of their dependencies. Kill() is the death of the process alone: only
//    writes under way are uncertain.
// 2. Both end the life of every FakeFiles made before; nothing of it completes any more.
// 3. A synced file whose name was not synced is lost with its name (files.h rule 4).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fake_content.h"
#include "base/files.h"
#include "base/loop.h"
#include "base/rng.h"

namespace kronika {

// One way in which calls fail. A kSynced write is a write and a sync.
struct DiskFault {
  enum class Call { kRead, kWrite, kSync, kSyncDir, kName };  // kName: create, rename, remove
  Call call = Call::kWrite;
  std::string path_part = {};  // only paths that contain this
  std::uint64_t skip = 0;      // so many calls succeed first
  bool persistent = false;     // else it fails once
  ErrorCode code = ErrorCode::kIo;
};

struct DiskCounters {
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;  // Sync() and kSynced writes
  std::uint64_t directory_syncs = 0;
};

class FakeDisk {
 public:
  // `rng` decides delays, reorderings and what a crash keeps; it outlives the disk.
  explicit FakeDisk(Rng& rng);
  ~FakeDisk();
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  void Crash(const CrashOptions& options);
  void Kill();

  void Inject(DiskFault fault) { faults_.push_back(std::move(fault)); }
  void ClearFaults() { faults_.clear(); }
  // Writes and creations beyond this many bytes in all files fail with kNoSpace.
  void SetCapacity(std::uint64_t bytes) { capacity_bytes_ = bytes; }
  // Every call takes a random time within [0, max]; a sync takes `sync` more.
  void SetDelays(Duration max, Duration sync) { delay_max_ = max, sync_delay_ = sync; }

  // For tests: the newest bytes; kNotFound.
  Result<std::string> ReadAll(std::string_view path) const;
  // A file of these bytes, all of it durable, replacing what was there.
  void WriteAll(std::string_view path, std::string_view bytes);
  // Flips the bits of `mask` in one byte, for good; kNotFound.
  Status Corrupt(std::string_view path, std::uint64_t position, std::byte mask = std::byte{1});
  // Every file's path, sorted.
  std::vector<std::string> Names() const;
  std::size_t UnsyncedBlocks() const;
  std::uint64_t used_bytes() const { return used_bytes_; }
  std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  const DiskCounters& counters() const { return counters_; }

 private:
  friend class FakeFiles;
  friend class FakeFile;
  friend struct FakeHandle;
  using InodeId = std::uint64_t;
  static constexpr InodeId kRoot = 1;

  struct Inode {
    bool is_directory = false;
    FakeContent content;                             // of a file
    std::map<std::string, InodeId> entries;          // of a folder, as seen
    std::map<std::string, InodeId> durable_entries;  // of a folder, as it survives power loss
    std::uint32_t handles = 0;
  };
  struct Place {
    InodeId folder = 0;
    std::string name;
    bool operator==(const Place&) const = default;
  };
  // A change of names that is not durable yet.
  struct NameChange {
    std::optional<Place> from;  // this name goes away
    std::optional<Place> to;    // this name now means `inode`
    InodeId inode = 0;
    bool synced = false;
  };
  struct PendingWrite {
    InodeId inode = 0;
    std::uint64_t position = 0;
    Slices slices;
  };
  struct Life {
    bool alive = true;
  };

  // --- names (fake_disk_names.cc) ---
  std::optional<InodeId> Find(std::string_view path) const;
  Result<Place> Locate(std::string_view path) const;  // the folder exists; the name may not
  InodeId MakeFolders(std::string_view path);         // 0 if a file is in the way
  Result<InodeId> CreateFile(std::string_view path);
  Status CreateFolder(std::string_view path);
  Status Rename(std::string_view from, std::string_view to);
  Status Remove(std::string_view path);
  Status RemoveAll(std::string_view path);
  Result<std::vector<DirEntry>> List(std::string_view path) const;
  Status SyncFolder(std::string_view path);
  void SyncFolder(InodeId folder);
  // Whether `change` concerns a name or file of the older change `earlier`.
  static bool BuildsOn(const NameChange& change, const NameChange& earlier);
  void Change(NameChange change);
  void MakeDurable(const NameChange& change);
  void CrashNames(const CrashOptions& options);
  void Collect();
  void CollectFrom(InodeId folder, bool durable, std::map<InodeId, bool>& reached) const;
  void ListFiles(InodeId folder, const std::string& prefix, std::vector<std::string>& out) const;

  // --- bytes and faults ---
  std::optional<Error> TakeFault(DiskFault::Call call, const std::string& path);
  Status ApplyWrite(const PendingWrite& write, Durability durability, const std::string& path);
  void DropPendingWrites(double keep_block);
  Inode& At(InodeId id);
  const Inode& At(InodeId id) const;
  Duration RandomDelay();
  void EndLife();

  Rng& rng_;
  std::map<InodeId, Inode> inodes_;
  InodeId last_inode_ = kRoot;
  std::vector<NameChange> changes_;  // in order; not durable
  std::map<std::uint64_t, PendingWrite> pending_writes_;
  std::uint64_t last_pending_ = 0;
  std::uint64_t write_sequence_ = 0;
  std::vector<DiskFault> faults_;
  std::shared_ptr<Life> life_;
  std::uint64_t capacity_bytes_ = std::uint64_t{1} << 40;
  std::uint64_t used_bytes_ = 0;
  Duration delay_max_ = std::chrono::microseconds(200);
  Duration sync_delay_ = std::chrono::microseconds(150);
  DiskCounters counters_;
};

}  // namespace kronika
