// Where every entry lies: group and index to file, position, length and checksum; and how many
// entries of each file are still needed for recovery.
//
// Called on the journal's loop; does no I/O.
// 1. A group's places are contiguous by index. An entry whose group commit is not durable yet is
//    *pending*: it has a ticket instead of a position, so that an overwritten one (SAFETY A2) is
//    never taken for its successor.
// 2. FileUse of a file is the sum over its durable places above their group's released index.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "wal/journal/records.h"
#include "wal/journal/room.h"

namespace kronika::wal {

struct EntryPlace {
  std::uint32_t term = 0;
  std::uint32_t file = 0;      // number; 0: pending
  std::uint32_t position = 0;  // of the record in the file, in bytes; the ticket if pending
  std::uint32_t length = 0;    // of the whole record
  std::uint32_t crc = 0;       // of the whole record
  bool pending() const { return file == 0; }
  bool operator==(const EntryPlace&) const = default;
};

struct FileUse {
  NeededEntries needed;
  std::set<GroupId> groups;  // that have, or had, entries in it
};

struct PlacedEntry {
  GroupId group;
  Index index;
  EntryPlace place;
};

class PositionIndex {
 public:
  // The group's log begins after `applied` and nothing up to there is needed.
  void Begin(GroupId group, Index applied);
  // Durable entries found at an open, without a gap; after Begin.
  void Recover(GroupId group, Index first, std::vector<EntryPlace> places);

  // --- effects of a write, at once ---
  void Remove(GroupId group);
  void Install(GroupId group, Index index, Term term);
  void TruncateFrom(GroupId group, Index index);
  // CHECKs that a gap leaves out nothing that is needed.
  void AppendPending(GroupId group, const JournalEntry& entry, std::uint32_t ticket);

  // --- when a group commit is durable ---
  void MarkDurable(GroupId group, Index index, std::uint32_t ticket, const EntryPlace& place);
  // Only if the entry is still at `from`.
  void Move(GroupId group, Index index, const EntryPlace& from, const EntryPlace& to);

  void ReleaseTo(GroupId group, Index index);
  // Forgets all places in a file, and those below them; none of them is needed.
  void DropFile(std::uint32_t file);

  std::optional<EntryPlace> Find(GroupId group, Index index) const;
  Index First(GroupId group) const;  // last + 1 if the log is empty
  Index End(GroupId group) const;    // last + 1
  bool IsNeeded(GroupId group, Index index) const;
  bool FileIsNeeded(std::uint32_t file) const;
  // In the order of their position.
  std::vector<PlacedEntry> NeededIn(std::uint32_t file) const;
  NeededEntries NeededOf(std::uint32_t file) const;
  // All entries above the released index, pending ones included.
  const NeededEntries& needed() const { return needed_; }

 private:
  struct Log {
    std::uint64_t first = 1;  // of places[head]
    std::uint64_t released = 0;
    std::size_t head = 0;  // places before it were dropped
    std::vector<EntryPlace> places;
    std::uint64_t end() const { return first + (places.size() - head); }
    bool Has(std::uint64_t index) const { return index >= first && index < end(); }
    EntryPlace& At(std::uint64_t index) { return places[head + (index - first)]; }
    const EntryPlace& At(std::uint64_t index) const { return places[head + (index - first)]; }
  };
  void Count(const EntryPlace& place, bool add);
  void CutFrom(Log& log, std::uint64_t index);
  static void DropBelow(Log& log, std::uint64_t first);

  std::map<GroupId, Log> logs_;
  std::map<std::uint32_t, FileUse> files_;
  NeededEntries needed_;
};

}  // namespace kronika::wal
