// Kafka's sparse .index and .timeindex of one segment, as bytes to append.
//
// Pure; used from the partition's loop. Derived data: written for Kafka's tools and rebuilt from
// the segment when in doubt; no read of ours depends on it (SAFETY D-4). Big-endian entries: .index
// i32 offset - base (the *last* offset of a batch)   i32 position of that batch .timeindex  i64
// largest timestamp so far   i32 offset - base (the last offset of the batch that has it)
// 1. An entry is made for the first batch after more than `interval_bytes` since the last one.
// 2. Timestamps in the .timeindex are strictly ascending; the last entry is made at roll and close.
//
// Source: Kafka's documentation of the log ("Index entries"), checked with its dump tool
// (docs/testing.md).
#pragma once

#include <cstdint>
#include <string>

#include "wal/record_batch.h"

namespace kronika::wal {

struct IndexBytes {
  std::string index;
  std::string time_index;
};

class IndexBuilder {
 public:
  struct Position {
    std::int64_t max_timestamp = kNoTimestamp;
    std::int64_t offset_of_max_timestamp = -1;
    std::int64_t last_time_entry = kNoTimestamp;  // its timestamp
  };
  IndexBuilder(std::int64_t base_offset, std::uint32_t interval_bytes, Position position)
      : base_offset_(base_offset), interval_bytes_(interval_bytes), position_(position) {}

  // The next batch of the segment, at `file_position`. Offset and length are checked to fit by the
  // caller.
  void Add(const BatchHeader& batch, std::uint32_t file_position, IndexBytes& out);
  // The last entry of the .timeindex.
  void Finish(IndexBytes& out);
  const Position& position() const { return position_; }

 private:
  std::int64_t base_offset_;
  std::uint32_t interval_bytes_;
  Position position_;
  std::uint64_t bytes_since_entry_ = 0;
};

}  // namespace kronika::wal
