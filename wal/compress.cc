// Compressing whole batches: one shot into a string. See compression.h.
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "wal/compression.h"

namespace kronika::wal {
namespace {

constexpr std::size_t kSnappyBlockBytes = 32 * 1024;
constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to say "with a gzip header"
constexpr int kZstdLevel = 3;             // the default of compression.zstd.level

std::string Gzip(Bytes bytes) {
  z_stream stream{};
  KRONIKA_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, 8,
                             Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  KRONIKA_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void AppendBe32(std::string& out, std::uint32_t value) {
  std::byte raw[4];
  StoreBe(raw, value);
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}

std::string SnappyBlocks(Bytes bytes) {
  std::string out("\x82SNAPPY\0", 8);
  AppendBe32(out, 1);
  AppendBe32(out, 1);
  std::string block;
  for (std::size_t at = 0; at < bytes.size(); at += kSnappyBlockBytes) {
    const auto piece = bytes.subspan(at, std::min(kSnappyBlockBytes, bytes.size() - at));
    snappy::Compress(AsText(piece).data(), piece.size(), &block);
    AppendBe32(out, static_cast<std::uint32_t>(block.size()));
    out += block;
  }
  return out;
}

std::string Lz4Frame(Bytes bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // what Kafka's Java clients can read
  std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const auto size =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  KRONIKA_CHECK(!LZ4F_isError(size));
  out.resize(size);
  return out;
}

std::string ZstdFrame(Bytes bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kZstdLevel);
  KRONIKA_CHECK(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

}  // namespace

std::string Compress(Codec codec, Bytes bytes) {
  switch (codec) {
    case Codec::kNone:
      return std::string(AsText(bytes));
    case Codec::kGzip:
      return Gzip(bytes);
    case Codec::kSnappy:
      return SnappyBlocks(bytes);
    case Codec::kLz4:
      return Lz4Frame(bytes);
    case Codec::kZstd:
      return ZstdFrame(bytes);
  }
  std::unreachable();
}

}  // namespace kronika::wal
