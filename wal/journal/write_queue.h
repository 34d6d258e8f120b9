// The writes that wait for the next group commit, and the choice of those that go into it.
//
// Called on the journal's loop; does no I/O.
// 1. Writes of one group keep their order. Where only the reserve is left, ordinary writes are
//    held, and with them everything of their group behind them; the others pass (SAFETY B11).
// 2. A write larger than a group commit is spread over several: hard state and cut first, then
//    entries in order, so that what is durable is always a prefix of the write.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "base/result.h"
#include "wal/journal/group_commit.h"
#include "wal/journal/position_index.h"

namespace kronika::wal {

struct QueuedWrite {
  GroupId group = kNoGroup;
  std::uint32_t ticket = 0;
  bool ordinary = false;  // waits for a checkpoint rather than use the reserve
  std::vector<JournalRecord> records;
  std::vector<EntryPlace> moved_from;  // of rewritten entries, one per record
  std::size_t next = 0;                // records before it went into earlier group commits
  Done<void> done;
};

struct QueueRoom {
  std::size_t ordinary_bytes = 0;  // for a commit with ordinary writes
  std::size_t reserve_bytes = 0;   // for one without; not less
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
  std::deque<QueuedWrite> writes_;
  std::size_t ordinary_bytes_ = 0;
};

}  // namespace kronika::wal
