#include "wal/journal/write_queue.h"

#include <set>

namespace kronika::wal {

void WriteQueue::Push(QueuedWrite write) {
  if (write.ordinary) {
    for (const JournalRecord& record : write.records) ordinary_bytes_ += record.size();
  }
  writes_.push_back(std::move(write));
}

ChosenWrites WriteQueue::Choose(const QueueRoom& room) {
  ChosenWrites chosen;
  CommitSize size;
  std::set<GroupId> held;
  bool full = false;
  bool has_ordinary = false;  // what joins ordinary writes must fit beside them
  std::deque<QueuedWrite> left;
  while (!writes_.empty() && !full) {
    QueuedWrite write = std::move(writes_.front());
    writes_.pop_front();
    const bool bounded = write.ordinary || has_ordinary;
    const std::size_t limit = bounded ? room.ordinary_bytes : room.reserve_bytes;
    bool waits = held.contains(write.group);
    while (!waits && write.next < write.records.size()) {
      JournalRecord& record = write.records[write.next];
      if (size.BytesMaxWith(record) > limit) {
        waits = true;
        // Behind what does not fit only what may use the reserve can still go.
        full = !write.ordinary || room.ordinary_bytes == room.reserve_bytes;
        break;
      }
      size.Add(record);
      if (write.ordinary) {
        ordinary_bytes_ -= record.size();
        has_ordinary = true;
      }
      chosen.records.push_back(std::move(record));
      ChosenRecord meaning{.ticket = write.ticket};
      if (!write.moved_from.empty()) meaning.moved_from = write.moved_from[write.next];
      chosen.meanings.push_back(meaning);
      ++write.next;
    }
    if (waits) {
      held.insert(write.group);
      left.push_back(std::move(write));
    } else {
      chosen.dones.push_back(std::move(write.done));
    }
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
