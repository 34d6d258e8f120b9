#include "wal/journal/position_index.h"

#include <algorithm>

#include "base/check.h"
#include "wal/journal/format.h"

namespace kronika::wal {

void PositionIndex::Begin(GroupId group, Index applied) {
  Log& log = logs_[group];
  log.first = applied.value + 1;
  log.released = applied.value;
}

void PositionIndex::Recover(GroupId group, Index first, std::vector<EntryPlace> places) {
  Log& log = logs_[group];
  log.first = first.value;
  log.places = std::move(places);
  for (std::uint64_t index = log.first; index < log.end(); ++index) {
    const EntryPlace& place = log.At(index);
    files_[place.file].groups.insert(group);
    if (index > log.released) Count(place, true);
  }
}

void PositionIndex::Remove(GroupId group) {
  const auto it = logs_.find(group);
  if (it == logs_.end()) return;
  CutFrom(it->second, it->second.first);
  logs_.erase(it);
}

void PositionIndex::Install(GroupId group, Index index, Term term) {
  Log& log = logs_[group];
  const bool matches = log.Has(index.value) && log.At(index.value).term == term.value;
  if (!matches) {
    CutFrom(log, log.first);
    log.places.clear();
    log.head = 0;
    log.first = index.value + 1;
  }
  ReleaseTo(group, index);
}

void PositionIndex::TruncateFrom(GroupId group, Index index) {
  const auto it = logs_.find(group);
  if (it != logs_.end()) CutFrom(it->second, index.value);
}

void PositionIndex::AppendPending(GroupId group, const JournalEntry& entry, std::uint32_t ticket) {
  Log& log = logs_[group];
  const std::uint64_t index = entry.index.value;
  if (index < log.end()) CutFrom(log, index);
  if (index != log.end()) {
    // The log begins anew here: above what was applied elsewhere, or below all that is kept.
    KRONIKA_CHECK(log.end() - 1 <= log.released || log.places.size() == log.head,
                  "an append leaves out indexes");
    log.places.clear();
    log.head = 0;
    log.first = index;
    log.released = std::min(log.released, index - 1);
  }
  log.places.push_back(
      {.term = static_cast<std::uint32_t>(entry.term.value),
       .position = ticket,
       .length = static_cast<std::uint32_t>(entry.payload.size() + kEntryHeaderBytes)});
  if (index > log.released) Count(log.places.back(), true);
}

void PositionIndex::MarkDurable(GroupId group, Index index, std::uint32_t ticket,
                                const EntryPlace& place) {
  const auto it = logs_.find(group);
  if (it == logs_.end() || !it->second.Has(index.value)) return;
  EntryPlace& current = it->second.At(index.value);
  if (!current.pending() || current.position != ticket) return;
  const bool needed = index.value > it->second.released;
  if (needed) Count(current, false);
  current = place;
  files_[place.file].groups.insert(group);
  if (needed) Count(current, true);
}

void PositionIndex::Move(GroupId group, Index index, const EntryPlace& from, const EntryPlace& to) {
  const auto it = logs_.find(group);
  if (it == logs_.end() || !it->second.Has(index.value)) return;
  EntryPlace& current = it->second.At(index.value);
  if (!(current == from)) return;
  const bool needed = index.value > it->second.released;
  if (needed) Count(current, false);
  current = to;
  files_[to.file].groups.insert(group);
  if (needed) Count(current, true);
}

void PositionIndex::ReleaseTo(GroupId group, Index index) {
  const auto it = logs_.find(group);
  if (it == logs_.end()) return;
  Log& log = it->second;
  if (index.value <= log.released) return;
  const std::uint64_t from = std::max(log.released + 1, log.first);
  for (std::uint64_t i = from; i <= index.value && i < log.end(); ++i) Count(log.At(i), false);
  log.released = index.value;
}

void PositionIndex::DropFile(std::uint32_t file) {
  const auto it = files_.find(file);
  if (it == files_.end()) return;
  KRONIKA_CHECK(it->second.needed.entries == 0, "a file is recycled that recovery needs");
  for (GroupId group : it->second.groups) {
    const auto found = logs_.find(group);
    if (found == logs_.end()) continue;
    Log& log = found->second;
    std::uint64_t keep_from = log.first;
    const std::uint64_t end = std::min(log.end(), log.released + 1);
    for (std::uint64_t index = log.first; index < end; ++index) {
      if (log.At(index).file == file) keep_from = index + 1;
    }
    DropBelow(log, keep_from);
  }
  files_.erase(it);
}

std::optional<EntryPlace> PositionIndex::Find(GroupId group, Index index) const {
  const auto it = logs_.find(group);
  if (it == logs_.end() || !it->second.Has(index.value)) return std::nullopt;
  return it->second.At(index.value);
}

Index PositionIndex::First(GroupId group) const {
  const auto it = logs_.find(group);
  return {it == logs_.end() ? 1 : it->second.first};
}

Index PositionIndex::End(GroupId group) const {
  const auto it = logs_.find(group);
  return {it == logs_.end() ? 1 : it->second.end()};
}

bool PositionIndex::IsNeeded(GroupId group, Index index) const {
  const auto it = logs_.find(group);
  return it != logs_.end() && it->second.Has(index.value) && index.value > it->second.released;
}

bool PositionIndex::FileIsNeeded(std::uint32_t file) const {
  const auto it = files_.find(file);
  return it != files_.end() && it->second.needed.entries != 0;
}

NeededEntries PositionIndex::NeededOf(std::uint32_t file) const {
  const auto it = files_.find(file);
  return it == files_.end() ? NeededEntries{} : it->second.needed;
}

std::vector<PlacedEntry> PositionIndex::NeededIn(std::uint32_t file) const {
  std::vector<PlacedEntry> out;
  const auto it = files_.find(file);
  if (it == files_.end() || it->second.needed.entries == 0) return out;
  for (GroupId group : it->second.groups) {
    const auto found = logs_.find(group);
    if (found == logs_.end()) continue;
    const Log& log = found->second;
    for (auto i = std::max(log.first, log.released + 1); i < log.end(); ++i) {
      if (log.At(i).file == file) out.push_back({group, {i}, log.At(i)});
    }
  }
  std::ranges::sort(out, {}, [](const PlacedEntry& entry) { return entry.place.position; });
  return out;
}

void PositionIndex::Count(const EntryPlace& place, bool add) {
  const auto count = [&](NeededEntries& needed) {
    needed.entries += add ? 1 : -1;
    needed.bytes += add ? place.length : -std::uint64_t{place.length};
  };
  count(needed_);
  if (!place.pending()) count(files_[place.file].needed);
}

void PositionIndex::CutFrom(Log& log, std::uint64_t index) {
  index = std::max(index, log.first);
  while (log.end() > index) {
    if (log.end() - 1 > log.released) Count(log.places.back(), false);
    log.places.pop_back();
  }
}

void PositionIndex::DropBelow(Log& log, std::uint64_t first) {
  log.head += first - log.first;
  log.first = first;
  // Moving the rest down costs at most one step per place dropped.
  if (log.head * 2 > log.places.size()) {
    log.places.erase(log.places.begin(),
                     log.places.begin() + static_cast<std::ptrdiff_t>(log.head));
    log.head = 0;
  }
}

}  // namespace kronika::wal
