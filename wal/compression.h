// The four codecs of Kafka's record batches, as streams in and one shot out. The only users of
// zlib, snappy, lz4 and zstd in the broker.
//
// Decompressing is bounded, because a client chooses the bytes:
// 1. Nothing is allocated from a declared length beyond what the limits allow; output is produced
//    in pieces.
// 2. Output beyond Limits::Allowed(compressed size) is an error, kInvalidArgument.
// 3. Malformed input is kCorruption. Objects are used from one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "wal/record_batch.h"

namespace kronika::wal {

struct DecompressionLimits {
  std::size_t bytes_max = 256 << 20;
  // Small input may grow to this much at any ratio (a megabyte of zeros is some 50 bytes of zstd).
  std::size_t bytes_always_allowed = 16 << 20;
  std::size_t ratio_max = 1000;

  std::size_t Allowed(std::size_t compressed_bytes) const;
};

// Produces the decompressed bytes in order.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Fills up to to.size() bytes; 0 = the end. `to` is not empty.
  virtual Result<std::size_t> Read(MutableBytes to) = 0;
};

// `compressed` must outlive the object. `codec` is not kNone. Snappy comes in two framings, told
// apart by the first bytes: blocks behind a header (Java's clients) and one raw block (librdkafka).
std::unique_ptr<Decompressor> MakeDecompressor(Codec codec, Bytes compressed,
                                               const DecompressionLimits& limits);

// One shot; snappy in Java's framing. kNone copies.
std::string Compress(Codec codec, Bytes bytes);

}  // namespace kronika::wal
