// Gathers records into one group commit: one copy into an aligned buffer, with the checksum taken
// while the bytes are in the cache.
//
// Any thread. Source: docs/formats.md, "Group commits".
#pragma once

#include <vector>

#include "wal/journal/format.h"

namespace kronika::wal {

struct GatheredCommit {
  Slice bytes;  // whole blocks, aligned
  CommitHeader header;
  std::vector<DirectoryEntry> directory;  // in the order of the records
};

// How large a commit of some records becomes; fed record by record.
class CommitSize {
 public:
  void Add(const JournalRecord& record) {
    ++records_;
    record_bytes_ += record.size();
  }
  std::size_t records() const { return records_; }
  std::size_t record_bytes() const { return record_bytes_; }
  // An upper bound, in whole blocks: each record may be of another group.
  std::size_t BytesMax() const {
    return RoundUpToBlock(CommitBytes(records_, record_bytes_, records_));
  }

 private:
  std::size_t records_ = 0;
  std::size_t record_bytes_ = 0;
};

// `header` names place, epoch, sequence, checkpoint id and the previous header's checksum; the rest
// is filled in.
GatheredCommit Gather(CommitHeader header, const std::vector<JournalRecord>& records);

}  // namespace kronika::wal
