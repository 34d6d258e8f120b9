// Replays the records of the chain, in its order, into the state of each group.
//
// Any thread. Later wins; rewritten entries only fill (SAFETY A7). Source: docs/formats.md,
// "Records"; SAFETY E.
#pragma once

#include <map>
#include <vector>

#include "wal/journal/chain.h"
#include "wal/journal/position_index.h"

namespace kronika::wal {

class Replay {
 public:
  // `applied` outlives the object.
  explicit Replay(const std::map<GroupId, Index>& applied) : applied_(applied) {}
  explicit Replay(std::map<GroupId, Index>&&) = delete;

  void Apply(const ScannedCommit& commit);

  struct Result {
    std::map<GroupId, RecoveredLog> groups;
    // Entries above the applied index that should be there and are not.
    std::vector<JournalDamage> holes;
  };
  // Fills `index` and takes the result.
  Result Finish(PositionIndex& index);

 private:
  struct ReplayedEntry {
    JournalEntry entry;
    EntryPlace place;
  };
  struct Group {
    RecoveredLog log;
    bool begun_anew = false;  // a removal was seen
    std::map<std::uint64_t, ReplayedEntry>
        entries;  // with holes while rewritten ones are still to come
  };
  void ApplyRecord(const ScannedRecord& scanned, std::uint32_t file);
  void ApplyEntry(Group& group, const ScannedRecord& scanned, std::uint32_t file);
  static void ApplyInstalled(Group& group, const JournalInstalled& installed);
  void FinishGroup(GroupId id, Group& group, PositionIndex& index, Result& result);

  const std::map<GroupId, Index>& applied_;
  std::map<GroupId, Group> groups_;
};

}  // namespace kronika::wal
