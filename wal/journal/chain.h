// Decides from the scans of all files where the chain begins and ends and what is damaged: torn,
// corrupt, rolled back.
//
// A pure function; any thread. The table is in docs/formats.md ("The chain, and what a damaged one
// means"); each of its rows is a test. Source: SAFETY A1, A5, A11, E.
#pragma once

#include <vector>

#include "wal/journal/scan.h"
#include "wal/journal/verdict.h"

namespace kronika::wal {

struct ChainDecision {
  JournalVerdict verdict;
  // To be replayed, in order.
  std::vector<const ScannedCommit*> commits;
  // The chain's last group commit and its file; null: none was found.
  const ScannedCommit* last = nullptr;
  const FileScan* last_file = nullptr;
  // What the next open continues with.
  std::uint64_t next_epoch = 1;
  std::uint64_t next_sequence = 1;
  std::uint32_t previous_crc = 0;
  std::uint64_t checkpoint_id = 0;
};

// The scans outlive the decision.
ChainDecision DecideChain(const std::vector<FileScan>& files, const CheckpointMark& mark);

}  // namespace kronika::wal
