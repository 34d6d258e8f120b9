#include "raft/grpc_stream.h"

#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace kronika::raft {
namespace {

// Lends the bytes of `slice` to gRPC; its block lives until gRPC is done with it.
grpc::Slice Lend(const Slice& slice) {
  auto* kept = new Slice(slice);
  return grpc::Slice(
      const_cast<std::byte*>(kept->data()), kept->size(),
      [](void* user_data) { delete static_cast<Slice*>(user_data); }, kept);
}

// One copy into a block of our own.
Slice Receive(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> parts;
  if (!buffer.Dump(&parts).ok()) return {};
  Slice out = Slice::Allocate(buffer.Length());
  std::size_t at = 0;
  for (const auto& part : parts) {
    if (part.size() > 0) std::memcpy(out.mutable_bytes().data() + at, part.begin(), part.size());
    at += part.size();
  }
  return out;
}

}  // namespace

bool PeerStream::Send(std::string header, const Slices& payload) {
  std::string prefix(sizeof(std::uint32_t), '\0');
  StoreLe(reinterpret_cast<std::byte*>(prefix.data()), static_cast<std::uint32_t>(header.size()));
  std::vector<grpc::Slice> parts;
  parts.reserve(payload.size() + 1);
  parts.emplace_back(prefix + header);
  std::size_t bytes = parts.front().size();
  for (const auto& slice : payload) {
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
  Slice message = Receive(reading_buffer_);
  events_.message(shared_from_this(), std::move(message));
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
