// Prints journal files for people and programs: `kronika dump journal DIR`.
//
// Pure; any thread. It reads bytes that somebody else fetched, also of a stopped or damaged broker.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "wal/journal/verdict.h"

namespace kronika::wal {

struct NamedJournalFile {
  std::string name;  // without the folder
  Slice content;
};

enum class DumpFormat { kText, kJson };  // JSON: one object per line

struct DumpOptions {
  DumpFormat format = DumpFormat::kText;
  // What the store of the checkpoints holds; none: the oldest group commit that is still connected
  // with the newest.
  std::optional<CheckpointMark> mark = std::nullopt;
};

// Every group commit with its records, per file; then the verdict of an open. Files whose names are
// not a journal's are named and skipped.
JournalVerdict DescribeJournal(const std::vector<NamedJournalFile>& files,
                               const DumpOptions& options, std::ostream& out);

}  // namespace kronika::wal
