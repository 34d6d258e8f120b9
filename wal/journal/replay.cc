#include "wal/journal/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"

namespace kronika::wal {

void Replay::Apply(const ScannedCommit& commit) {
  for (const ScannedRecord& scanned : commit.records) {
    ApplyRecord(scanned, static_cast<std::uint32_t>(commit.header.file_number));
  }
}

void Replay::ApplyRecord(const ScannedRecord& scanned, std::uint32_t file) {
  const DecodedRecord& record = scanned.record;
  if (record.group == kNoGroup) return;
  Group& group = groups_[record.group];
  switch (record.kind) {
    case RecordKind::kEntry:
    case RecordKind::kRewritten:
      return ApplyEntry(group, scanned, file);
    case RecordKind::kHardState:
      group.log.hard_state = std::get<JournalHardState>(record.content);
      return;
    case RecordKind::kTruncateFrom: {
      const Index from = std::get<RecordTruncateFrom>(record.content).index;
      group.entries.erase(group.entries.lower_bound(from.value), group.entries.end());
      return;
    }
    case RecordKind::kCreated:
      group.log.created = std::get<JournalCreated>(record.content);
      group.log.removed = false;
      return;
    case RecordKind::kRemoved:
      group = Group{};
      group.log.removed = true;
      group.begun_anew = true;
      return;
    case RecordKind::kInstalled:
      return ApplyInstalled(group, std::get<JournalInstalled>(record.content));
    case RecordKind::kCheckpoint:
    case RecordKind::kSeal:
    case RecordKind::kOpened:
      return;
  }
}

void Replay::ApplyEntry(Group& group, const ScannedRecord& scanned, std::uint32_t file) {
  const auto& entry = std::get<JournalEntry>(scanned.record.content);
  const ReplayedEntry replayed{.entry = entry,
                               .place = {.term = static_cast<std::uint32_t>(entry.term.value),
                                         .file = file,
                                         .position = scanned.position,
                                         .length = scanned.length,
                                         .crc = scanned.crc}};
  const auto at = group.entries.lower_bound(entry.index.value);
  const bool fills = scanned.record.kind == RecordKind::kRewritten &&
                     !KRONIKA_PLANTED("journal-rewritten-truncates");
  if (!fills) {
    group.entries.erase(at, group.entries.end());
  } else if (at != group.entries.end() && at->first == entry.index.value) {
    // The same entry, moved: its file may be the one that stays.
    if (at->second.entry.term == entry.term) at->second = replayed;
    return;
  }
  group.entries.emplace(entry.index.value, replayed);
}

void Replay::ApplyInstalled(Group& group, const JournalInstalled& installed) {
  group.log.installed = installed;
  const auto at = group.entries.find(installed.index.value);
  if (at == group.entries.end() || at->second.entry.term != installed.term) group.entries.clear();
}

Replay::Result Replay::Finish(PositionIndex& index) {
  Result result;
  for (const auto& [id, applied] : applied_) index.Begin(id, applied);
  for (auto& [id, group] : groups_) FinishGroup(id, group, index, result);
  groups_.clear();
  return result;
}

void Replay::FinishGroup(GroupId id, Group& group, PositionIndex& index, Result& result) {
  std::uint64_t applied = 0;
  if (const auto known = applied_.find(id); known != applied_.end()) applied = known->second.value;
  // A manifest of a life before the removal says nothing about this one.
  if (group.begun_anew) applied = 0;
  if (group.log.installed) applied = std::max(applied, group.log.installed->index.value);
  const bool exists = applied_.contains(id) || group.log.created || group.log.installed;
  if (group.log.removed) {
    result.groups[id] = std::move(group.log);
    return;
  }
  index.Begin(id, {applied});
  // What lies below a hole was applied long ago; only its neighbours were recycled.
  auto first = group.entries.end();
  while (first != group.entries.begin()) {
    const auto before = std::prev(first);
    if (first != group.entries.end() && before->first + 1 != first->first) break;
    first = before;
  }
  std::vector<EntryPlace> places;
  for (auto it = first; it != group.entries.end(); ++it) {
    places.push_back(it->second.place);
    if (it->first > applied) group.log.entries.push_back(std::move(it->second.entry));
  }
  if (!places.empty()) {
    if (exists && first->first > applied + 1) {
      JournalDamage hole{
          .what = fmt::format("entries {} to {} are missing", applied + 1, first->first - 1)};
      hole.groups.insert(id);
      result.holes.push_back(std::move(hole));
    }
    index.Recover(id, {first->first}, std::move(places));
  }
  result.groups[id] = std::move(group.log);
}

}  // namespace kronika::wal
