// Accumulation and cutting of frames; see frame.h for the picture and the invariants.
#include "broker/net/frame.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker::net {
namespace {
constexpr std::size_t kSizeFieldBytes = 4;
}  // namespace

std::optional<std::int64_t> FrameReader::DeclaredSize() const {
  if (buffered_bytes() < kSizeFieldBytes) return std::nullopt;
  return LoadBe<std::int32_t>(block_.data() + begin_);
}

std::size_t FrameReader::idle_block_bytes() const {
  return std::clamp(largest_frame_bytes_, kBlockBytesMin, kIdleBlockBytesMax);
}

std::size_t FrameReader::room_bytes() const {
  return end_ == block_.size() ? NextBlockBytes() - buffered_bytes() : block_.size() - end_;
}

std::size_t FrameReader::NextBlockBytes() const {
  const auto declared = DeclaredSize();
  if (!declared || *declared < 0) return idle_block_bytes();
  const std::size_t whole = static_cast<std::size_t>(*declared) + kSizeFieldBytes;
  if (KRONIKA_PLANTED("frame-trusts-length")) return std::max(whole, kBlockBytesMin);
  const std::size_t earned = std::max({kBlockBytesMin, 2 * buffered_bytes(), largest_frame_bytes_});
  // Exactly the frame where that is enough, so that it has a block of its own and the next frame
  // starts in a fresh one: nothing is copied in the steady state of equal frames.
  return std::max(std::min(whole, earned), kBlockBytesMin);
}

MutableBytes FrameReader::Prepare() {
  if (end_ == block_.size()) {
    const std::size_t part = buffered_bytes();
    Slice fresh = Slice::Allocate(NextBlockBytes());
    // As resize() of a container would.
    if (KRONIKA_PLANTED("frame-trusts-length"))
      std::ranges::fill(fresh.mutable_bytes(), std::byte{});
    KRONIKA_CHECK(fresh.size() > part);
    if (part > 0) std::memcpy(fresh.mutable_bytes().data(), block_.data() + begin_, part);
    block_ = std::move(fresh);
    begin_ = 0;
    end_ = part;
  }
  return block_.mutable_bytes().subspan(end_);
}

void FrameReader::Commit(std::size_t count) {
  KRONIKA_CHECK(count <= block_.size() - end_);
  end_ += count;
}

Result<std::optional<Slice>> FrameReader::Next() {
  const auto declared = DeclaredSize();
  if (!declared) return std::nullopt;
  if (*declared < 0 || static_cast<std::size_t>(*declared) > frame_bytes_max_) {
    return Fail(ErrorCode::kCorruption, "frame size " + std::to_string(*declared) +
                                            " is outside 0.." + std::to_string(frame_bytes_max_));
  }
  const auto size = static_cast<std::size_t>(*declared);
  if (buffered_bytes() < size + kSizeFieldBytes) return std::nullopt;
  Slice frame = block_.Sub(begin_ + kSizeFieldBytes, size);
  begin_ += size + kSizeFieldBytes;
  largest_frame_bytes_ = std::max(largest_frame_bytes_, size + kSizeFieldBytes);
  if (begin_ == block_.size()) {
    // Letting go of a used-up block leaves its bytes to the frames alone.
    block_ = Slice();
    begin_ = end_ = 0;
  }
  return frame;
}

}  // namespace kronika::broker::net
