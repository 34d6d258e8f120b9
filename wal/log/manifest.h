// The manifest of a partition: what is durable of it outside of the journal, at one applied index.
// It goes into the Kv store; segments are worth what it says of them and nothing else (SAFETY R4,
// A9).
//
// Pure; used from the partition's loop. Format (little-endian; blobs are u32 length and bytes):
//
//   u32 'KPM2'   u32 CRC-32C of all that follows   identity, log, lists and blobs in the order of
//   the struct
//
// 1. Everything in it is of the same applied index: state, offsets, lengths.
// 2. A segment's bytes beyond `bytes` do not exist for us; its side files likewise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "wal/log/epochs.h"
#include "wal/record_batch.h"

namespace kronika::wal {

// The trusted front of a side file.
struct FilePrefix {
  std::uint32_t bytes = 0;
  std::uint32_t crc = 0;  // CRC-32C over them
  bool operator==(const FilePrefix&) const = default;
};

struct SegmentManifest {
  std::int64_t base_offset = 0;
  std::uint32_t bytes = 0;  // of the .log; it ends with a whole chunk
  FilePrefix sums;
  FilePrefix index;
  FilePrefix time_index;
  std::int64_t max_timestamp = kNoTimestamp;
  std::int64_t offset_of_max_timestamp = -1;    // the last offset of the batch that has it
  std::int64_t last_time_entry = kNoTimestamp;  // the timestamp of the .timeindex's last entry
  std::int64_t first_append_time_ms = 0;        // segment.ms counts from here
  // The compaction that made it; 0: none. Its files have that in their names, or Kafka's names when
  // nothing of what it replaced is left: where both are, the former are the segment's.
  std::uint32_t compaction = 0;
  bool sparse = false;  // batches may be missing between others
  bool operator==(const SegmentManifest&) const = default;
};

struct Manifest {
  GroupId group;
  Generation generation{1};
  Incarnation incarnation;
  std::string directory;  // under the log root
  Index applied;
  Term applied_term;
  std::int64_t append_time_ms = 0;  // of the applied entry (SAFETY C11)
  std::int64_t log_start_offset = 0;
  std::int64_t end_offset = 0;
  std::int64_t removal_horizon = -1;  // highest offset of a dropped tombstone (removal_horizon.h)
  // Compacted before, below: of each key nothing is left but its last record below here.
  std::int64_t cleaned_to = 0;
  std::uint32_t compactions = 0;  // the number of the last one, the highest ever used
  std::vector<EpochStart> epochs;
  std::vector<SegmentManifest> segments;  // ascending
  std::string replica;                    // hard state and membership, encoded by raft/
  std::string producers;                  // encoded by broker/partition
  bool operator==(const Manifest&) const = default;
};

std::string EncodeManifest(const Manifest& manifest);
// kCorruption: checksum, a field, or the order of the lists is wrong; kUnsupported: another
// version.
Result<Manifest> DecodeManifest(Bytes bytes);

}  // namespace kronika::wal
