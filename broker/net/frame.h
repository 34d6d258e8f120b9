// FrameReader: cuts a stream of bytes into Kafka frames (a big-endian i32 size, then that many
// bytes).
//
// Pure; called from the connection's loop. How it keeps memory and copies small:
//
//   block   |  frame 1  |  frame 2  | part of frame 3 |      free      |
//                                   ^ begin_          ^ end_           ^ block_.size()
//
// 1. Frames leave as views into the block that their bytes were read into; a part is copied only
//    when its block is too short for the rest.
// 2. A declared size allocates nothing by itself: a new block is never larger than kBlockBytesMin,
//    twice the bytes of the part that are here, or the largest frame this connection really sent
//    (capped while no frame has begun), whichever is most.
// 3. After an error the reader gives no more frames.
// Source: Kafka protocol guide, "Network" and "Common request and response structure".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/buffer.h"
#include "base/result.h"

namespace kronika::broker::net {

class FrameReader {
 public:
  static constexpr std::size_t kBlockBytesMin = 4096;
  static constexpr std::size_t kIdleBlockBytesMax = 128 * 1024;

  // Frames above `frame_bytes_max` (without the size field) are an error.
  explicit FrameReader(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // Where the next bytes of the stream go; never empty. Only after Next() has asked for more bytes.
  // Valid until the next call of any member.
  MutableBytes Prepare();
  // `count` bytes were written to the front of what Prepare() gave.
  void Commit(std::size_t count);
  // The next whole frame without its size field; nothing when more bytes are needed; kCorruption
  // when the declared size is negative or above the cap.
  Result<std::optional<Slice>> Next();

  // The size of the frame at the front as declared, once its size field is here.
  std::optional<std::int64_t> DeclaredSize() const;
  // How much Prepare() will give.
  std::size_t room_bytes() const;
  // The block of a connection on which no frame has begun: as large as its frames, within bounds.
  std::size_t idle_block_bytes() const;
  std::size_t buffered_bytes() const { return end_ - begin_; }
  std::size_t block_bytes() const { return block_.size(); }

 private:
  std::size_t NextBlockBytes() const;

  const std::size_t frame_bytes_max_;
  Slice block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t largest_frame_bytes_ = 0;  // with the size field, of frames received whole
};

}  // namespace kronika::broker::net
