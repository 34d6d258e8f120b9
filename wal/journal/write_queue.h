// The writes that wait for the next group commit, and the choice of those that go into it.
//
// Called on the journal's loop; does no I/O.
// 1. Writes of one group keep their order. Where the room is short, writes of lower priority are
//    held, and with them everything of their group behind them; the others pass (SAFETY B11). Only
//    entries that are moved pass held writes of their own group: what was queued before them left
//    these entries as they are, and they may be what the held ones wait for.
// 2. A write larger than a group commit is spread over several: hard state and cut first, then
//    entries in order, so that what is durable is always a prefix of the write.
// 3. A removal waits for nothing of its group: writes of the group that are still in the queue are
//    dropped, and done when it is durable.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <vector>

#include "base/result.h"
#include "wal/journal/group_commit.h"
#include "wal/journal/position_index.h"

namespace kronika::wal {

// Who may use how much of the room (room.h).
enum class WritePriority : std::uint8_t {
  kOrdinary,  // entries
  kReserve,   // hard states, the metadata group, no-ops
  kAwaited,   // what a checkpoint waits for: creations, removals, installs
  kRewrite,   // entries that are moved
};
inline constexpr std::size_t kWritePriorities = 4;

struct QueuedWrite {
  GroupId group = kNoGroup;
  std::uint32_t ticket = 0;
  WritePriority priority = WritePriority::kReserve;
  std::vector<JournalRecord> records;
  std::vector<EntryPlace> moved_from;  // of rewritten entries, one per record
  std::size_t next = 0;                // records before it went into earlier group commits
  Done<void> done;
};

struct QueueRoom {
  // Of a group commit with writes of that priority and higher ones; ascending.
  std::array<std::size_t, kWritePriorities> bytes{};
  std::size_t For(WritePriority priority) const {
    return bytes[static_cast<std::size_t>(priority)];
  }
};

// One record of the group commit, with what its durability means.
struct ChosenRecord {
  std::uint32_t ticket = 0;
  std::optional<EntryPlace> moved_from;
};

struct ChosenWrites {
  std::vector<JournalRecord> records;
  std::vector<ChosenRecord> meanings;  // one per record
  std::vector<Done<void>> dones;       // of the writes that are complete with this commit
  bool empty() const { return records.empty() && dones.empty(); }
};

class WriteQueue {
 public:
  void Push(QueuedWrite write);
  bool empty() const { return writes_.empty(); }
  std::size_t size() const { return writes_.size(); }
  // Of ordinary writes that wait.
  std::size_t ordinary_bytes() const { return ordinary_bytes_; }
  // Takes what fits into one group commit of `room`.
  ChosenWrites Choose(const QueueRoom& room);
  // Takes everything, for a failure.
  std::vector<Done<void>> TakeAll();

 private:
  void Supersede(QueuedWrite& removal);
  bool TakeRecords(QueuedWrite& write, std::size_t limit, CommitSize& size, ChosenWrites& chosen);

  std::deque<QueuedWrite> writes_;
  std::size_t ordinary_bytes_ = 0;
};

}  // namespace kronika::wal
