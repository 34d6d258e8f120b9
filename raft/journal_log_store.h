// JournalLogStore: the LogStore on the journal of a data directory (wal/journal). It translates
// Raft's types into the journal's and back, and nothing else.
//
// Called on the journal's loop; the journal outlives it. Contract: log_store.h. What LogStore does
// not have (admission, checkpoints, rewriting forward) is called on the journal itself.
#pragma once

#include <map>

#include "raft/log_store.h"
#include "wal/journal/journal.h"

namespace kronika::raft {

class JournalLogStore final : public LogStore {
 public:
  explicit JournalLogStore(wal::Journal& journal) : journal_(journal) {}

  void Append(GroupWrite write, Done<void> done) override;
  void Read(GroupId group, Index first, Index last, std::size_t bytes_max,
            Done<std::vector<Entry>> done) override;
  Status Admit(std::size_t bytes) const override { return journal_.Admit(bytes); }
  std::size_t EntryBytesMax() const override { return journal_.options().EntryBytesMax(); }
  std::optional<Instant> WriteSince() const override { return journal_.status().write_since; }
  Index FirstReadable(GroupId group) const override { return journal_.FirstReadable(group); }
  void ReleaseTo(GroupId group, Index index) override { journal_.ReleaseTo(group, index); }

  wal::Journal& journal() { return journal_; }

 private:
  wal::Journal& journal_;
};

// What the journal recovered of one group. kCorruption if a record is whole but not Raft's.
Result<RecoveredGroup> FromJournal(wal::RecoveredLog log);
// Of all groups; those that fail are left out and named in `damaged`.
std::map<GroupId, RecoveredGroup> FromJournal(std::map<GroupId, wal::RecoveredLog> logs,
                                              std::map<GroupId, Error>& damaged);

}  // namespace kronika::raft
