// Decompressing as a bounded stream: one small class per codec behind a common bound. See
// compression.h.
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

std::unexpected<Error> Corrupt(std::string_view codec) {
  return Fail(ErrorCode::kCorruption, std::string(codec) + " data is malformed", "record batch");
}
std::unexpected<Error> TooLarge() {
  return Fail(ErrorCode::kInvalidArgument, "records decompress to more than is allowed",
              "record batch");
}

class GzipStream final : public Decompressor {
 public:
  explicit GzipStream(Bytes input) {
    KRONIKA_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
  }
  ~GzipStream() override { inflateEnd(&stream_); }

  Result<std::size_t> Read(MutableBytes to) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to.data());
    stream_.avail_out = static_cast<uInt>(to.size());
    while (stream_.avail_out > 0 && !ended_) {
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        // Several members behind each other are one stream.
        ended_ = stream_.avail_in == 0;
        if (!ended_ && inflateReset(&stream_) != Z_OK) return Corrupt("gzip");
      } else if (code != Z_OK) {
        return Corrupt("gzip");
      }
    }
    return to.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool ended_ = false;
};

class Lz4Stream final : public Decompressor {
 public:
  explicit Lz4Stream(Bytes input) : input_(input) {
    KRONIKA_CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)));
  }
  ~Lz4Stream() override { LZ4F_freeDecompressionContext(context_); }

  Result<std::size_t> Read(MutableBytes to) override {
    std::size_t filled = 0;
    while (filled < to.size() && (wanted_ != 0 || !input_.empty())) {
      std::size_t produced = to.size() - filled;
      std::size_t consumed = input_.size();
      wanted_ = LZ4F_decompress(context_, to.data() + filled, &produced, input_.data(), &consumed,
                                nullptr);
      if (LZ4F_isError(wanted_)) return Corrupt("lz4");
      input_ = input_.subspan(consumed);
      filled += produced;
      if (consumed == 0 && produced == 0) return Corrupt("lz4");
    }
    return filled;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  Bytes input_;
  std::size_t wanted_ = 1;  // 0 = a frame is complete
};

class ZstdStream final : public Decompressor {
 public:
  // zstd's own bound on the window (128 MiB) is kept, as Kafka does: its memory is touched only as
  // far as output was really produced.
  explicit ZstdStream(Bytes input) : context_(ZSTD_createDCtx()) {
    KRONIKA_CHECK(context_ != nullptr);
    input_ = {input.data(), input.size(), 0};
  }
  ~ZstdStream() override { ZSTD_freeDCtx(context_); }

  Result<std::size_t> Read(MutableBytes to) override {
    ZSTD_outBuffer output{to.data(), to.size(), 0};
    while (output.pos < output.size && (wanted_ != 0 || input_.pos < input_.size)) {
      const auto before = std::pair(output.pos, input_.pos);
      wanted_ = ZSTD_decompressStream(context_, &output, &input_);
      if (ZSTD_isError(wanted_)) return Corrupt("zstd");
      if (before == std::pair(output.pos, input_.pos) && wanted_ != 0) return Corrupt("zstd");
    }
    return output.pos;
  }

 private:
  ZSTD_DCtx* context_;
  ZSTD_inBuffer input_{};
  std::size_t wanted_ = 1;  // 0 = a frame is complete
};

// Both framings. A block is decompressed whole, because snappy has no streams; its declared length
// is bounded by what that many bytes can express before anything is allocated.
class SnappyStream final : public Decompressor {
 public:
  SnappyStream(Bytes input, std::size_t bytes_max) : input_(input), bytes_max_(bytes_max) {
    framed_ = AsText(input).starts_with(std::string_view("\x82SNAPPY\0", 8));
    if (framed_) input_ = input.subspan(std::min(kFrameHeaderBytes, input.size()));
  }

  Result<std::size_t> Read(MutableBytes to) override {
    while (at_ == block_.size()) {
      if (input_.empty()) return 0;
      KRONIKA_TRY(NextBlock());
    }
    const std::size_t size = std::min(to.size(), block_.size() - at_);
    std::copy_n(reinterpret_cast<const std::byte*>(block_.data()) + at_, size, to.data());
    at_ += size;
    return size;
  }

 private:
  static constexpr std::size_t kFrameHeaderBytes = 16;
  static constexpr std::size_t kRatioMax = 64;  // a copy of 64 bytes takes at least two

  Status NextBlock() {
    Bytes block = std::exchange(input_, {});
    if (framed_) {
      if (block.size() < 4) return Corrupt("snappy");
      const auto size = LoadBe<std::uint32_t>(block.data());
      if (size > block.size() - 4) return Corrupt("snappy");
      input_ = block.subspan(4 + size);
      block = block.subspan(4, size);
    }
    std::size_t declared = 0;
    const auto text = AsText(block);
    if (!snappy::GetUncompressedLength(text.data(), text.size(), &declared))
      return Corrupt("snappy");
    if (declared > text.size() * kRatioMax) return Corrupt("snappy");
    if (declared > bytes_max_) return TooLarge();
    block_.resize(declared);
    at_ = 0;
    if (!snappy::RawUncompress(text.data(), text.size(), block_.data())) return Corrupt("snappy");
    return {};
  }

  Bytes input_;
  std::size_t bytes_max_;
  bool framed_ = false;
  std::string block_;
  std::size_t at_ = 0;
};

// Counts what comes out of another stream and stops it at the bound.
class Bounded final : public Decompressor {
 public:
  Bounded(std::unique_ptr<Decompressor> inner, std::size_t left)
      : inner_(std::move(inner)), left_(left) {}

  Result<std::size_t> Read(MutableBytes to) override {
    auto size = inner_->Read(to);
    if (!size) return size;
    if (*size > left_) return TooLarge();
    left_ -= *size;
    return size;
  }

 private:
  std::unique_ptr<Decompressor> inner_;
  std::size_t left_;
};

std::unique_ptr<Decompressor> MakeUnbounded(Codec codec, Bytes compressed, std::size_t bytes_max) {
  switch (codec) {
    case Codec::kNone:
      break;
    case Codec::kGzip:
      return std::make_unique<GzipStream>(compressed);
    case Codec::kSnappy:
      return std::make_unique<SnappyStream>(compressed, bytes_max);
    case Codec::kLz4:
      return std::make_unique<Lz4Stream>(compressed);
    case Codec::kZstd:
      return std::make_unique<ZstdStream>(compressed);
  }
  KRONIKA_CHECK(false, "no decompressor for this codec");
  std::unreachable();
}

}  // namespace

std::size_t DecompressionLimits::Allowed(std::size_t compressed_bytes) const {
  const std::size_t by_ratio =
      compressed_bytes > bytes_max / ratio_max ? bytes_max : compressed_bytes * ratio_max;
  return std::min(bytes_max, std::max(bytes_always_allowed, by_ratio));
}

std::unique_ptr<Decompressor> MakeDecompressor(Codec codec, Bytes compressed,
                                               const DecompressionLimits& limits) {
  const std::size_t allowed = limits.Allowed(compressed.size());
  return std::make_unique<Bounded>(MakeUnbounded(codec, compressed, allowed), allowed);
}

}  // namespace kronika::wal
