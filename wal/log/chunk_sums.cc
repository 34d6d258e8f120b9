// See chunk_sums.h.
#include "wal/log/chunk_sums.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace kronika::wal {
namespace {

std::uint32_t EntryCrc(const ChunkOwner& owner, Bytes fields) {
  LeWriter identity;
  identity.Int(owner.group.value).Int(owner.segment_base_offset);
  return crc32c::Extend(crc32c::Value(AsBytes(identity.out())), fields);
}

}  // namespace

std::string EncodeChunk(const ChunkOwner& owner, const Chunk& chunk) {
  LeWriter out;
  out.Int(chunk.position).Int(chunk.length).Int(chunk.base_offset).Int(chunk.max_timestamp);
  out.Int(chunk.data_crc);
  out.Int(EntryCrc(owner, AsBytes(out.out())));
  return out.Take();
}

Result<std::vector<Chunk>> DecodeChunks(const ChunkOwner& owner, Bytes bytes,
                                        std::uint64_t segment_bytes) {
  auto corrupt = [](std::string text) {
    return Fail(ErrorCode::kCorruption, std::move(text), "chunk sums");
  };
  if (bytes.size() % kChunkEntryBytes != 0) return corrupt("not a whole number of entries");
  std::vector<Chunk> out;
  std::uint64_t position = 0;
  for (; !bytes.empty(); bytes = bytes.subspan(kChunkEntryBytes)) {
    LeReader reader(bytes.first(kChunkEntryBytes));
    Chunk chunk;
    chunk.position = reader.Int<std::uint32_t>();
    chunk.length = reader.Int<std::uint32_t>();
    chunk.base_offset = reader.Int<std::int64_t>();
    chunk.max_timestamp = reader.Int<std::int64_t>();
    chunk.data_crc = reader.Int<std::uint32_t>();
    if (reader.Int<std::uint32_t>() != EntryCrc(owner, bytes.first(kChunkEntryBytes - 4))) {
      return corrupt("an entry's checksum does not match");
    }
    const bool offsets_grow = out.empty() ? chunk.base_offset == owner.segment_base_offset
                                          : chunk.base_offset > out.back().base_offset;
    if (chunk.position != position || chunk.length < kBatchHeaderBytes || !offsets_grow) {
      return corrupt("entries are not contiguous");
    }
    position += chunk.length;
    out.push_back(chunk);
  }
  if (position != segment_bytes) return corrupt("entries do not cover the segment");
  return out;
}

std::uint32_t ChunkDataCrc(const Slices& batches) {
  std::uint32_t crc = 0;
  for (const Slice& batch : batches) crc = crc32c::Extend(crc, batch.bytes());
  return crc;
}

std::size_t FindChunk(const std::vector<Chunk>& chunks, std::int64_t offset) {
  KRONIKA_CHECK(!chunks.empty());
  auto after = std::ranges::upper_bound(chunks, offset, {}, &Chunk::base_offset);
  return after == chunks.begin() ? 0 : static_cast<std::size_t>(after - chunks.begin()) - 1;
}

}  // namespace kronika::wal
