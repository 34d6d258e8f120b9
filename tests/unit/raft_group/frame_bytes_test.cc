// A frame's bytes on a stream: the example of docs/formats.md, and that no altered byte gets by.
//
// Planted bugs that were seen to be caught: frame-checksum-unchecked.
#include "raft/frame_bytes.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"

namespace kronika::raft {
namespace {

// As a transport puts it on the wire.
Slice OnTheWire(const Frame& frame) {
  Slices parts{Slice::CopyOf(FrameHead(frame))};
  parts.insert(parts.end(), frame.payload.begin(), frame.payload.end());
  return Flatten(parts);
}

Result<Frame> Receive(const Slice& message) {
  const Bytes bytes = message.bytes();
  const std::size_t skipped = std::min(bytes.size(), kFrameChecksumBytes);
  return OpenFrame(message, crc32c::Value(bytes.subspan(skipped)));
}

const Frame kFrame{"the header", {Slice::CopyOf("first batch"), Slice(), Slice::CopyOf("second")}};

TEST(FrameBytes, ComeBackAsTheyWere) {
  const auto frame = Receive(OnTheWire(kFrame));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header, kFrame.header);
  EXPECT_EQ(Flatten(frame->payload).text(), "first batchsecond");
  const auto empty = Receive(OnTheWire({}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->size(), 0U);
}

TEST(FrameBytes, OfTheFormatPage) {
  const Slice message = OnTheWire({"\x08\x05", {Slice::CopyOf("hello")}});
  EXPECT_EQ(message.text().substr(4), std::string_view("\x02\0\0\0\x08\x05hello", 11));
  EXPECT_EQ(message.text().substr(0, 4), std::string_view("\xcf\x43\x35\x4d", 4));
}

TEST(FrameBytes, EveryAlteredByteIsFound) {
  const Slice sent = OnTheWire(kFrame);
  for (std::size_t at = 0; at < sent.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Slice altered = Slice::CopyOf(sent.bytes());
      altered.mutable_bytes()[at] ^= static_cast<std::byte>(1 << bit);
      const auto frame = Receive(altered);
      ASSERT_FALSE(frame) << "byte " << at << ", bit " << bit;
      EXPECT_EQ(frame.error().code, ErrorCode::kCorruption);
    }
  }
}

TEST(FrameBytes, EveryShorterOneIsFound) {
  const Slice sent = OnTheWire(kFrame);
  for (std::size_t size = 0; size < sent.size(); ++size) {
    EXPECT_FALSE(Receive(sent.Sub(0, size))) << size;
  }
}

}  // namespace
}  // namespace kronika::raft
