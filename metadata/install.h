// The two ends of a full install of the metadata image (safety rules A8, C5): a dump at one index,
// in checked chunks.
//
// Private to state_machine.cc and install.cc. A chunk's header is its number and the checksum of
// its payload; its payload is EncodePairs. An empty header ends the stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/buffer.h"
#include "base/result.h"
#include "metadata/store.h"
#include "raft/state_machine.h"

namespace kronika::metadata {

struct ChunkHeader {
  std::uint32_t number = 0;
  std::uint32_t checksum = 0;
};
std::string EncodeChunkHeader(const ChunkHeader& header);
std::optional<ChunkHeader> DecodeChunkHeader(std::string_view header);

// What is stored under kStagedPrefix: the head, and one key a chunk.
struct StagedHead {
  Index index;
  std::uint32_t chunks = 0;
};
std::string StagedHeadKey();
std::string StagedChunkKey(std::uint32_t number);
std::string EncodeStagedHead(const StagedHead& head);
Result<StagedHead> DecodeStagedHead(Bytes bytes);

}  // namespace kronika::metadata
