// Chunks of a segment and their checksums: what a read from a segment is found by and checked
// against.
//
// A chunk is one written-behind run of whole batches, 256 KiB to 1 MiB as a rule. The file
// `<base>.sums` has one entry of 32 bytes for each, in order; integers are little-endian:
//
//   u32 position in the .log   u32 length   i64 base offset   i64 largest timestamp   u32 data CRC
//   u32 entry CRC
//
// 1. The data CRC is a CRC-32C over all bytes of the chunk, batch headers included (SAFETY A9,
//    R10). Kafka's own CRC leaves out a batch's base offset, length and leader epoch.
// 2. The entry CRC covers the 28 bytes before it, the owner's group id and the segment's base
//    offset: a chunk of another partition or segment does not pass.
// 3. Chunks are contiguous: each begins where the one before ends, in position and offset. The
//    first begins at its segment's base offset. Where compaction took batches a chunk covers their
//    offsets, up to the next one's.
// 4. The manifest holds the number of entries and a CRC over them; what the file has beyond is not
//    looked at. Pure; used from the partition's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/ids.h"
#include "base/result.h"
#include "wal/record_batch.h"

namespace kronika::wal {

inline constexpr std::size_t kChunkEntryBytes = 32;

struct ChunkOwner {
  GroupId group;
  std::int64_t segment_base_offset = 0;
};

struct Chunk {
  std::uint32_t position = 0;
  std::uint32_t length = 0;
  std::int64_t base_offset = 0;
  std::int64_t max_timestamp = kNoTimestamp;
  std::uint32_t data_crc = 0;
  std::uint32_t end_position() const { return position + length; }
  bool operator==(const Chunk&) const = default;
};

std::string EncodeChunk(const ChunkOwner& owner, const Chunk& chunk);
// All of `bytes` as entries. kCorruption: a CRC or contiguity is broken, or the last chunk does not
// end at `segment_bytes`.
Result<std::vector<Chunk>> DecodeChunks(const ChunkOwner& owner, Bytes bytes,
                                        std::uint64_t segment_bytes);

std::uint32_t ChunkDataCrc(const Slices& batches);

// The index of the chunk that holds `offset`, the first one for what lies below it; chunks is not
// empty.
std::size_t FindChunk(const std::vector<Chunk>& chunks, std::int64_t offset);

}  // namespace kronika::wal
