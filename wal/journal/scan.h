// Finds the group commits in the blocks of one journal file, whole and broken ones.
//
// Pure functions; any thread. A whole commit's blocks are not looked into for others; behind a
// broken one every block is. Source: docs/formats.md, "The chain, and what a damaged one means";
// SAFETY A11.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wal/journal/format.h"

namespace kronika::wal {

struct ScannedRecord {
  DecodedRecord record;
  std::uint32_t position = 0;  // bytes in the file
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
};

struct ScannedCommit {
  CommitHeader header;
  // Empty if the commit is whole; else what is wrong with it, first in block `broken_block`.
  std::string broken;
  std::uint32_t broken_block = 0;
  bool groups_known = false;  // the directory is right
  std::vector<GroupId> groups;
  std::vector<ScannedRecord> records;  // of a whole commit
  bool whole() const { return broken.empty(); }
};

// A footer whose commit is not whole (its header may be unreadable).
struct ScannedFooter {
  CommitFooter footer;
  std::uint32_t first_block = 0;  // where its commit begins
};

struct FileScan {
  std::string name;
  std::uint64_t number = 0;
  bool size_is_right = true;
  std::vector<ScannedCommit> commits;  // by block
  std::vector<ScannedFooter> footers;
};

struct ScanRequest {
  std::string name;
  std::uint64_t number = 0;
  std::optional<std::uint64_t> directory_id = std::nullopt;  // none: any, to look at a strange file
  // Commits below are noted without their records.
  JournalPosition replay_from;
  // Whether the payload of this entry is wanted; it is copied then. None: no payload is.
  std::function<bool(GroupId, Index)> wants_payload = {};
};

FileScan ScanFile(const ScanRequest& request, Bytes content);

}  // namespace kronika::wal
