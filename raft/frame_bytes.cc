#include "raft/frame_bytes.h"

#include <array>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kronika::raft {

std::uint32_t FrameChecksum(const Frame& frame) {
  std::array<std::byte, sizeof(std::uint32_t)> size;
  StoreLe(size.data(), static_cast<std::uint32_t>(frame.header.size()));
  std::uint32_t crc = crc32c::Value(size);
  crc = crc32c::Extend(crc, AsBytes(frame.header));
  for (const auto& slice : frame.payload) crc = crc32c::Extend(crc, slice.bytes());
  return crc;
}

bool Intact(std::uint32_t sent, std::uint32_t found) {
  return sent == found || KRONIKA_PLANTED("frame-checksum-unchecked");
}

std::string FrameHead(const Frame& frame) {
  LeWriter out;
  out.Int(FrameChecksum(frame)).Int(static_cast<std::uint32_t>(frame.header.size()));
  return out.Take() + frame.header;
}

Result<Frame> OpenFrame(const Slice& message, std::uint32_t found) {
  LeReader in(message.bytes());
  const auto sent = in.Int<std::uint32_t>();
  if (!in.ok() || !Intact(sent, found)) {
    return Fail(ErrorCode::kCorruption, "a frame does not match its checksum");
  }
  const Bytes header = in.Blob();
  if (!in.ok()) return Fail(ErrorCode::kCorruption, "a frame is shorter than its header");
  Frame frame{.header = std::string(AsText(header)), .payload = {}};
  if (in.left() > 0) frame.payload.push_back(message.Sub(message.size() - in.left(), in.left()));
  return frame;
}

}  // namespace kronika::raft
