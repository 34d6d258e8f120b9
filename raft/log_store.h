// LogStore: the durable Raft log of all groups of a data directory. Real: journal_log_store
// (wal/journal); fake: fake_log_store, which forgets at a crash what was not reported durable. One
// contract suite runs against both.
//
// 1. Append() is taken in call order for the whole directory. `done` of a write runs when it and
//    all writes of the same group before it are durable; completions come in order. Several writes
//    share a sync. Writes of a group that was removed may be left out, and are done with the
//    removal.
// 2. A failed append is final: every later one fails with the same error, and the process is to end
//    (DESIGN §4).
// 3. `truncate_from` cuts the group's log in memory at once and is part of the same durable record
//    group.
// 4. Entries stay readable until ReleaseTo() passed them; the store may forget everything below.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "raft/core/node.h"

namespace kronika::raft {

// A replica's first record (SAFETY A3): who it is and what it was founded with. Synced before any
// message.
struct Created {
  Generation generation{1};
  ReplicaId self;
  Membership membership;  // empty for a replica that joins as a learner
  Term floor;             // the metadata log's epoch floor (SAFETY C10)
};

// A replica whose state was replaced by a full install up to `start` (SAFETY A8). `manifest` is the
// state machine's own description of what it installed.
struct Installed {
  LogStart start;
  std::string manifest;
};

struct GroupWrite {
  GroupId group;
  std::optional<Created> created;
  std::optional<Installed> installed;
  bool removed = false;  // the group's records before this one no longer count
  Write raft;            // id is not interpreted here
};

struct RecoveredGroup {
  std::optional<Created> created;      // none: its record was recycled; the manifest has it
  std::optional<Installed> installed;  // the last one
  bool removed = false;
  std::optional<HardState> hard_state;
  std::vector<Entry>
      entries;  // contiguous, ascending; may begin below the manifest's applied index
};

class LogStore {
 public:
  virtual ~LogStore() = default;
  virtual void Append(GroupWrite write, Done<void> done) = 0;
  // Whether `bytes` more of entries can be taken now; kBusy: they would wait for a checkpoint,
  // which may wait for entries that were taken before (SAFETY B11). Who appends asks first, for
  // everything together that is to be appended before the next question; the metadata group need
  // not.
  virtual Status Admit(std::size_t bytes) const = 0;
  // The largest payload of an entry, and the largest manifest of an install with its membership.
  // Append fails for good with more, so who appends looks first.
  virtual std::size_t EntryBytesMax() const = 0;
  // When the write under way was handed to the disk; none: nothing is under way (SAFETY B5).
  virtual std::optional<Instant> WriteSince() const = 0;
  // Entries [first, last], fewer if bytes_max is reached (at least one); kNotFound below what is
  // kept.
  virtual void Read(GroupId group, Index first, Index last, std::size_t bytes_max,
                    Done<std::vector<Entry>> done) = 0;
  // Lowest index that Read can return; last + 1 if none.
  virtual Index FirstReadable(GroupId group) const = 0;
  // The group needs nothing at or below `index` for recovery once the next checkpoint is durable.
  virtual void ReleaseTo(GroupId group, Index index) = 0;
};

}  // namespace kronika::raft
