// FakeLogStore: a LogStore in memory, for tests of what stands above it. A FakeLogDisk is what
// survives of it: at a crash everything that was not reported durable is forgotten.
//
// Called on its loop. Everything that arrives while a sync is under way shares the next one, as in
// the journal.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "raft/log_store.h"

namespace kronika::raft {

// Durable contents; outlives the stores that use it, one at a time.
class FakeLogDisk {
 public:
  // What a store that is opened now recovers.
  const std::map<GroupId, RecoveredGroup>& groups() const { return groups_; }
  // Forgets entries at or below `index`, as a checkpoint and recycling do.
  void Forget(GroupId group, Index index);

 private:
  friend class FakeLogStore;
  std::map<GroupId, RecoveredGroup> groups_;
};

struct FakeLogStoreOptions {
  Duration sync_delay = std::chrono::microseconds(200);
  std::size_t entry_bytes_max = std::size_t{8} << 20;
};

class FakeLogStore final : public LogStore {
 public:
  FakeLogStore(Loop& loop, FakeLogDisk& disk, FakeLogStoreOptions options = {});

  void Append(GroupWrite write, Done<void> done) override;
  void Read(GroupId group, Index first, Index last, std::size_t bytes_max,
            Done<std::vector<Entry>> done) override;
  Status Admit(std::size_t bytes) const override;
  std::size_t EntryBytesMax() const override { return options_.entry_bytes_max; }
  std::optional<Instant> WriteSince() const override { return syncing_since_; }
  Index FirstReadable(GroupId group) const override;
  void ReleaseTo(GroupId group, Index index) override;

  // The next sync and everything after it fails.
  void FailNextSync() { fail_next_ = true; }
  // Admit() refuses more than that, whatever was appended.
  void SetRoom(std::size_t bytes) { room_ = bytes; }
  void SetSyncDelay(Duration delay) { options_.sync_delay = delay; }
  std::uint64_t syncs() const { return syncs_; }

 private:
  struct Waiting {
    GroupWrite write;
    Done<void> done;
  };
  void StartSync();
  void EndSync();

  Loop& loop_;
  FakeLogDisk& disk_;
  FakeLogStoreOptions options_;
  std::map<GroupId, RecoveredGroup> memory_;  // as of the last Append
  std::map<GroupId, Index> next_;             // last index of the group + 1
  std::vector<Waiting> waiting_;
  std::vector<Waiting> syncing_;
  bool sync_under_way_ = false;
  std::optional<Instant> syncing_since_;
  std::size_t room_ = SIZE_MAX;
  bool fail_next_ = false;
  std::optional<Error> failure_;
  std::uint64_t syncs_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::raft
