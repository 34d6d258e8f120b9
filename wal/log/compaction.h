// A pass of compaction over one log: what it needs, what comes of it. See cleaning_plan.h for when,
// batch_filter.h for what is kept, swap.cc for how the result is put in place.
//
//   keys of the dirty part ──▶ offset map        as far as its memory reaches: the pass's end
//   every segment below that end, in runs ──▶ new segments ──▶ swapped in, run by run, from the
//   log's start
//
// 1. The log stays readable and writable all the time. Nothing here waits or computes on the loop
//    but the checks of what is read; keys and batches are looked at in Background().
// 2. Memory: the map, and some chunks. Disk: one run of segments more than the log has. No more
//    than `bytes_per_second` are read.
// 3. Runs are put in place in ascending order, each durable before the next: when a tombstone goes,
//    everything older of its key is gone (SAFETY C7). The pass may end, or the process, between any
//    two of them.
// 4. No pass begins while a full install is read from the log: it would take records of the
//    install's part for later ones behind its end. One that is under way goes on (install.h).
// 5. A pass that fails leaves the log as it is: readable, and to be compacted again.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "wal/log/batch_filter.h"
#include "wal/log/cleaning_plan.h"

namespace kronika::wal {

struct CompactionTask {
  CleaningPlan plan;
  std::int64_t now_ms = 0;  // wall clock
  std::int64_t delete_retention_ms = 0;
  LastBatches last_batches;
  SipSeed seed;
  std::size_t map_bytes_max = 0;
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  // Makes a checkpoint of the log whose manifest is durable when `done` runs without an error.
  std::move_only_function<void(Done<void> done)> make_durable;
};

struct CompactionOutcome {
  std::int64_t cleaned_to = 0;
  bool map_was_full = false;  // more is left to be done at once
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::uint64_t records_seen = 0;
  std::uint64_t records_kept = 0;
};

}  // namespace kronika::wal
