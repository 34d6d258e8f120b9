#include "raft/grpc_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "raft/frame_bytes.h"

namespace kronika::raft {
namespace {

// Lends the bytes of `slice` to gRPC; its block lives until gRPC is done with it.
grpc::Slice Lend(const Slice& slice) {
  auto* kept = new Slice(slice);
  return grpc::Slice(
      const_cast<std::byte*>(kept->data()), kept->size(),
      [](void* user_data) { delete static_cast<Slice*>(user_data); }, kept);
}

struct Received {
  Slice message;
  std::uint32_t checksum = 0;  // of what stands behind a frame's own
};

// One copy into a block of our own; the checksum follows it piece by piece, while the bytes are in
// the cache.
Received Receive(const grpc::ByteBuffer& buffer) {
  constexpr std::size_t kPiece = 16 << 10;
  std::vector<grpc::Slice> parts;
  if (!buffer.Dump(&parts).ok()) return {};
  Received out{Slice::Allocate(buffer.Length())};
  const std::span<std::byte> to = out.message.mutable_bytes();
  std::size_t at = 0;
  for (const auto& part : parts) {
    for (std::size_t done = 0; done < part.size();) {
      const std::size_t size = std::min(kPiece, part.size() - done);
      std::memcpy(to.data() + at, part.begin() + done, size);
      const std::size_t from = std::clamp(kFrameChecksumBytes, at, at + size);
      at += size;
      done += size;
      out.checksum = crc32c::Extend(out.checksum, to.subspan(from, at - from));
    }
  }
  return out;
}

}  // namespace

bool PeerStream::Send(const Frame& frame) {
  std::vector<grpc::Slice> parts;
  parts.reserve(frame.payload.size() + 1);
  parts.emplace_back(FrameHead(frame));
  std::size_t bytes = parts.front().size();
  for (const auto& slice : frame.payload) {
    if (slice.empty()) continue;
    parts.push_back(Lend(slice));
    bytes += slice.size();
  }
  return Enqueue(grpc::ByteBuffer(parts.data(), parts.size()), bytes);
}

bool PeerStream::SendRaw(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return Enqueue(grpc::ByteBuffer(&slice, 1), bytes.size());
}

bool PeerStream::Enqueue(grpc::ByteBuffer buffer, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  if (!queue_.empty() && queued_bytes_ + bytes > queue_bytes_max_) return false;
  queue_.push_back({std::move(buffer), bytes});
  queued_bytes_ += bytes;
  if (!writing_) WriteNextLocked();
  return true;
}

void PeerStream::WriteNextLocked() {
  writing_ = true;
  writing_buffer_ = std::move(queue_.front().buffer);
  queued_bytes_ -= queue_.front().bytes;
  queue_.pop_front();
  StartWriteOp(writing_buffer_);
}

void PeerStream::BeginReading() {
  StartReadOp(&reading_buffer_);
}

void PeerStream::OnRead(bool ok) {
  if (!ok) return Close();
  Received received = Receive(reading_buffer_);
  if (!std::exchange(greeted_, true)) {
    events_.hello(shared_from_this(), std::move(received.message));
  } else {
    auto frame = OpenFrame(received.message, received.checksum);
    const bool damaged = !frame;
    events_.frame(shared_from_this(), std::move(frame));
    if (damaged) return Close();
  }
  StartReadOp(&reading_buffer_);
}

void PeerStream::OnWritten(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) CloseLocked();
  if (closed_) {
    if (!finished_) {
      finished_ = true;
      FinishOp();
    }
    return;
  }
  if (!queue_.empty()) WriteNextLocked();
}

void PeerStream::Close() {
  std::lock_guard lock(mutex_);
  CloseLocked();
}

void PeerStream::CloseLocked() {
  if (closed_) return;
  closed_ = true;
  queue_.clear();
  CancelOp();
  if (!writing_ && !finished_) {
    finished_ = true;
    FinishOp();
  }
}

void PeerStream::OnEnded() {
  events_.end(shared_from_this());
}

void DialledStream::Dial(const std::shared_ptr<grpc::Channel>& channel) {
  self_ = shared_from_this();
  stub_ = std::make_unique<grpc::GenericStub>(channel);
  stub_->PrepareBidiStreamingCall(&context_, "/kronika.Peer/Stream", {}, this);
  AddHold();  // writes start outside of reactions
  StartCall();
  BeginReading();
}

void DialledStream::OnDone(const grpc::Status&) {
  OnEnded();
  self_.reset();
}

void AcceptedStream::Open() {
  self_ = shared_from_this();
  BeginReading();
}

void AcceptedStream::OnDone() {
  OnEnded();
  self_.reset();
}

}  // namespace kronika::raft
