// What compaction keeps of record batches, and the bytes of what it keeps.
//
// Pure, callable from any thread; the map is only read. Of each key below `map_end` the record with
// the highest offset is kept, all others go:
//
//   record                                             what is done
//   at or above map_end                                kept: the map says nothing of it
//   without a key                                      goes: it belongs to no key
//   the map has a later one of its key                 goes
//   a value, the latest of its key                     kept
//   a tombstone, the latest of its key                 kept, and its batch notes the time from
//                                                      which it may go; after that time it goes
//
// 1. A batch keeps its first and last offset, producer, sequence and leader epoch, and its codec;
//    the offsets and times of the records that stay are unchanged.
// 2. A batch without a record left goes, but for the last one of a producer: its header stays,
//    without records, because the producer's next sequence follows from it.
// 3. A tombstone goes only below map_end, so with everything older of its key (SAFETY C7), and only
//    after the time that an earlier pass over its whole batch noted.
// 4. Control batches are kept as they are.
//
// Source: Kafka's design documentation on log compaction; KIP-534 for the time in the batch.
#pragma once

#include <cstdint>
#include <map>

#include "wal/log/offset_map.h"
#include "wal/log/removal_horizon.h"
#include "wal/record_batch.h"

namespace kronika::wal {

// Producer id → the base offset of its last batch in the log.
using LastBatches = std::map<std::int64_t, std::int64_t>;

struct FilterRules {
  const OffsetMap& map;
  const LastBatches& last_batches;
  std::int64_t map_end = 0;
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
};

struct Filtered {
  Slices batches;
  std::uint64_t records_seen = 0;
  std::uint64_t records_kept = 0;
  std::int64_t tombstone_removed = kNothingRemoved;  // the highest offset of those that went
  bool changed = false;                              // `batches` are not the bytes of the run
};

// Adds what is kept of `run`, which is whole checked batches in order. kCorruption,
// kInvalidArgument: a batch's records cannot be read (record_reader.h).
Status FilterBatches(const Slice& run, const FilterRules& rules, Filtered& out);

// Puts the keys of `run` into the map from `next` on, and moves `next` behind the last record that
// the map covers now. False: the map is full. Errors as above.
Result<bool> MapKeys(const Slice& run, std::int64_t& next, OffsetMap& map);

}  // namespace kronika::wal
