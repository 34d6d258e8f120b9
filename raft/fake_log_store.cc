#include "raft/fake_log_store.h"

#include <algorithm>

#include "base/planted.h"

namespace kronika::raft {
namespace {

void CutFrom(std::vector<Entry>& entries, Index index) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.index >= index; });
}

void DropTo(std::vector<Entry>& entries, Index index) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.index <= index; });
}

// The same steps as the journal's replay.
void ApplyTo(std::map<GroupId, RecoveredGroup>& groups, const GroupWrite& write) {
  RecoveredGroup& group = groups[write.group];
  if (write.removed) {
    group = {};
    group.removed = true;
  }
  if (write.created) {
    group.created = write.created;
    group.removed = false;
  }
  if (write.installed) {
    group.installed = write.installed;
    const LogStart& start = write.installed->start;
    const bool matches = std::ranges::any_of(group.entries, [&](const Entry& entry) {
      return entry.index == start.index && entry.term == start.term;
    });
    if (!matches) group.entries.clear();
  }
  if (write.raft.hard_state) group.hard_state = write.raft.hard_state;
  if (write.raft.truncate_from) CutFrom(group.entries, *write.raft.truncate_from);
  if (!write.raft.entries.empty()) CutFrom(group.entries, write.raft.entries.front().index);
  for (const Entry& entry : write.raft.entries) group.entries.push_back(entry);
}

}  // namespace

void FakeLogDisk::Forget(GroupId group, Index index) {
  const auto it = groups_.find(group);
  if (it != groups_.end()) DropTo(it->second.entries, index);
}

FakeLogStore::FakeLogStore(Loop& loop, FakeLogDisk& disk, FakeLogStoreOptions options)
    : loop_(loop), disk_(disk), options_(options), memory_(disk.groups_) {
  for (const auto& [id, group] : memory_) {
    if (group.installed) next_[id] = group.installed->start.index + 1;
    if (!group.entries.empty()) next_[id] = group.entries.back().index + 1;
  }
}

void FakeLogStore::Append(GroupWrite write, Done<void> done) {
  if (failure_) {
    return loop_.Post([error = *failure_, done = std::move(done)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  }
  const bool too_large = std::ranges::any_of(write.raft.entries, [&](const Entry& entry) {
    return entry.payload.size() > options_.entry_bytes_max;
  });
  if (too_large || (write.installed && write.installed->manifest.size() > EntryBytesMax())) {
    return loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kInvalidArgument, "an entry is too large"));
    });
  }
  ApplyTo(memory_, write);
  Index& next = next_[write.group];
  if (write.removed) next = {1};
  if (write.installed) next = write.installed->start.index + 1;
  if (write.raft.truncate_from) next = *write.raft.truncate_from;
  if (!write.raft.entries.empty()) next = write.raft.entries.back().index + 1;
  if (KRONIKA_PLANTED("fake-log-store-ack-before-sync")) {
    loop_.Post([done = std::move(done)]() mutable { done({}); });
    done = [](Status) {};
  }
  waiting_.push_back({std::move(write), std::move(done)});
  if (!sync_under_way_) StartSync();
}

void FakeLogStore::StartSync() {
  sync_under_way_ = true;
  syncing_since_ = loop_.Now();
  syncing_ = std::move(waiting_);
  waiting_.clear();
  loop_.RunAfter(options_.sync_delay, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) EndSync();
  });
}

void FakeLogStore::EndSync() {
  sync_under_way_ = false;
  syncing_since_.reset();
  std::vector<Waiting> ended = std::move(syncing_);
  if (fail_next_) {
    failure_ = Error{ErrorCode::kIo, "the sync failed", "fake log store"};
    for (Waiting& waiting : waiting_) ended.push_back(std::move(waiting));
    waiting_.clear();
  } else {
    ++syncs_;
    for (const Waiting& waiting : ended) ApplyTo(disk_.groups_, waiting.write);
  }
  const std::weak_ptr alive(alive_);
  for (Waiting& waiting : ended) {
    if (alive.expired()) return;
    Status status;
    if (failure_) status = std::unexpected(*failure_);
    waiting.done(std::move(status));
  }
  if (!alive.expired() && !waiting_.empty() && !sync_under_way_) StartSync();
}

Status FakeLogStore::Admit(std::size_t bytes) const {
  if (bytes <= room_) return {};
  return Fail(ErrorCode::kBusy, "the store waits for a checkpoint");
}

void FakeLogStore::Read(GroupId group, Index first, Index last, std::size_t bytes_max,
                        Done<std::vector<Entry>> done) {
  Result<std::vector<Entry>> result;
  std::size_t bytes = 0;
  for (const Entry& entry : memory_[group].entries) {
    if (entry.index < first || entry.index > last) continue;
    bytes += entry.payload.size();
    if (!result->empty() && bytes > bytes_max) break;
    result->push_back(entry);
  }
  if (result->empty() || result->front().index != first) {
    result = Fail(ErrorCode::kNotFound, "the log store does not hold this entry");
  }
  loop_.Post(
      [result = std::move(result), done = std::move(done)]() mutable { done(std::move(result)); });
}

Index FakeLogStore::FirstReadable(GroupId group) const {
  const auto it = memory_.find(group);
  if (it != memory_.end() && !it->second.entries.empty()) return it->second.entries.front().index;
  const auto next = next_.find(group);
  return next == next_.end() ? Index{1} : next->second;
}

void FakeLogStore::ReleaseTo(GroupId group, Index index) {
  const auto it = memory_.find(group);
  if (it != memory_.end()) DropTo(it->second.entries, index);
}

}  // namespace kronika::raft
