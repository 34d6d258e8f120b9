#include "wal/journal/write_queue.h"

#include <algorithm>
#include <set>

#include "base/planted.h"

namespace kronika::wal {
namespace {

std::size_t BytesLeft(const QueuedWrite& write) {
  std::size_t out = 0;
  for (std::size_t i = write.next; i < write.records.size(); ++i) out += write.records[i].size();
  return out;
}

}  // namespace

// What a removal makes void need not be written: it is done with the removal, and entries of the
// group that were to be moved at once. The removal would else wait behind them for room that only a
// checkpoint makes, and the checkpoint for the removal.
void WriteQueue::Supersede(QueuedWrite& removal) {
  std::vector<Done<void>> dones;
  std::deque<QueuedWrite> left;
  for (QueuedWrite& write : writes_) {
    if (write.group != removal.group) {
      left.push_back(std::move(write));
    } else if (write.priority == WritePriority::kRewrite) {
      left.push_back({.priority = WritePriority::kRewrite, .done = std::move(write.done)});
    } else {
      if (write.priority == WritePriority::kOrdinary) ordinary_bytes_ -= BytesLeft(write);
      dones.push_back(std::move(write.done));
    }
  }
  writes_ = std::move(left);
  if (dones.empty()) return;
  dones.push_back(std::move(removal.done));
  removal.done = [dones = std::move(dones)](const Status& status) mutable {
    for (Done<void>& done : dones) done(status);
  };
}

void WriteQueue::Push(QueuedWrite write) {
  const bool removes = !write.records.empty() && write.records.front().kind == RecordKind::kRemoved;
  if (removes && !KRONIKA_PLANTED("removal-waits-behind-entries")) Supersede(write);
  if (write.priority == WritePriority::kOrdinary) ordinary_bytes_ += BytesLeft(write);
  writes_.push_back(std::move(write));
}

// Takes the records of `write` that fit; false if some are left.
bool WriteQueue::TakeRecords(QueuedWrite& write, std::size_t limit, CommitSize& size,
                             ChosenWrites& chosen) {
  for (; write.next < write.records.size(); ++write.next) {
    JournalRecord& record = write.records[write.next];
    CommitSize with = size;
    with.Add(record);
    // A hard state may speak of entries that the cut behind it makes room for: never one alone.
    const bool paired = record.kind == RecordKind::kHardState &&
                        write.next + 1 < write.records.size() &&
                        write.records[write.next + 1].kind == RecordKind::kTruncateFrom;
    if (paired) with.Add(write.records[write.next + 1]);
    if (with.BytesMax() > limit) return false;
    size.Add(record);
    if (write.priority == WritePriority::kOrdinary) ordinary_bytes_ -= record.size();
    ChosenRecord meaning{.ticket = write.ticket};
    if (!write.moved_from.empty()) meaning.moved_from = write.moved_from[write.next];
    chosen.meanings.push_back(meaning);
    chosen.records.push_back(std::move(record));
  }
  return true;
}

ChosenWrites WriteQueue::Choose(const QueueRoom& room) {
  ChosenWrites chosen;
  CommitSize size;
  std::set<GroupId> held;
  std::deque<QueuedWrite> left;
  // What joins a write of a low priority must fit beside it.
  WritePriority lowest = WritePriority::kRewrite;
  bool full = false;
  while (!writes_.empty() && !full) {
    QueuedWrite write = std::move(writes_.front());
    writes_.pop_front();
    const WritePriority priority = write.priority;
    const bool waits = priority != WritePriority::kRewrite && held.contains(write.group);
    const std::size_t limit = room.For(std::min(lowest, priority));
    const std::size_t before = chosen.records.size();
    if (!waits && TakeRecords(write, limit, size, chosen)) {
      chosen.dones.push_back(std::move(write.done));
    } else {
      // Behind what does not fit only what has a higher priority could still go.
      full = !waits && limit == room.For(WritePriority::kRewrite);
      held.insert(write.group);
      left.push_back(std::move(write));
    }
    if (chosen.records.size() > before) lowest = std::min(lowest, priority);
  }
  for (; !left.empty(); left.pop_back()) writes_.push_front(std::move(left.back()));
  return chosen;
}

std::vector<Done<void>> WriteQueue::TakeAll() {
  std::vector<Done<void>> dones;
  for (QueuedWrite& write : writes_) dones.push_back(std::move(write.done));
  writes_.clear();
  ordinary_bytes_ = 0;
  return dones;
}

}  // namespace kronika::wal
