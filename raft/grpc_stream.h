// One stream between two brokers, either side of it. Included by the two gRPC files only.
//
// Message on the wire: a frame (frame_bytes.h). The first message is a wire.Hello instead.
// Thread-safe; events are delivered on gRPC's threads in order and must only hand over to the loop.
// A frame is checked on gRPC's thread; behind a damaged one the stream delivers nothing.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "raft/transport.h"

namespace kronika::raft {

class PeerStream : public std::enable_shared_from_this<PeerStream> {
 public:
  struct Events {
    std::function<void(std::shared_ptr<PeerStream>, Slice message)> hello;
    // kCorruption: it was damaged on the way, and the stream is closed.
    std::function<void(std::shared_ptr<PeerStream>, Result<Frame>)> frame;
    std::function<void(std::shared_ptr<PeerStream>)> end;  // once, the last event
  };
  PeerStream(Events events, std::size_t queue_bytes_max)
      : events_(std::move(events)), queue_bytes_max_(queue_bytes_max) {}
  virtual ~PeerStream() = default;

  // False if the stream has ended or its queue is full.
  bool Send(const Frame& frame);
  // As Send, for the hello: the message is `bytes` alone.
  bool SendRaw(const std::string& bytes);
  void Close();

  // Owned by the loop.
  BrokerId peer = kNoBroker;
  Lane lane = Lane::kLiveness;
  bool dialled = false;
  bool accepted = false;
  bool turned_away = false;      // what still arrives is not looked at
  std::uint64_t boot_epoch = 0;  // of the peer

 protected:
  virtual void StartReadOp(grpc::ByteBuffer* into) = 0;
  virtual void StartWriteOp(const grpc::ByteBuffer& from) = 0;
  // Cancels; called once, under the lock, possibly with a write under way.
  virtual void CancelOp() = 0;
  // After CancelOp, when no write is under way.
  virtual void FinishOp() = 0;

  void BeginReading();
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnEnded();

 private:
  bool Enqueue(grpc::ByteBuffer buffer, std::size_t bytes);
  void WriteNextLocked();
  void CloseLocked();

  Events events_;
  const std::size_t queue_bytes_max_;
  std::mutex mutex_;
  struct Queued {
    grpc::ByteBuffer buffer;
    std::size_t bytes = 0;
  };
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  grpc::ByteBuffer writing_buffer_;
  grpc::ByteBuffer reading_buffer_;
  bool greeted_ = false;  // of the reading side: the hello has come
  bool writing_ = false;
  bool closed_ = false;
  bool finished_ = false;
};

// The side that dialled.
class DialledStream final : public PeerStream,
                            public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  DialledStream(Events events, std::size_t queue_bytes_max)
      : PeerStream(std::move(events), queue_bytes_max) {}
  void Dial(const std::shared_ptr<grpc::Channel>& channel);

 private:
  void StartReadOp(grpc::ByteBuffer* into) override { StartRead(into); }
  void StartWriteOp(const grpc::ByteBuffer& from) override { StartWrite(&from); }
  void CancelOp() override { context_.TryCancel(); }
  void FinishOp() override { RemoveHold(); }
  void OnReadDone(bool ok) override { OnRead(ok); }
  void OnWriteDone(bool ok) override { OnWritten(ok); }
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericStub> stub_;
  std::shared_ptr<PeerStream> self_;
};

// The side that was dialled.
class AcceptedStream final : public PeerStream, public grpc::ServerGenericBidiReactor {
 public:
  AcceptedStream(Events events, std::size_t queue_bytes_max,
                 grpc::GenericCallbackServerContext* context)
      : PeerStream(std::move(events), queue_bytes_max), context_(context) {}
  void Open();

 private:
  void StartReadOp(grpc::ByteBuffer* into) override { StartRead(into); }
  void StartWriteOp(const grpc::ByteBuffer& from) override { StartWrite(&from); }
  void CancelOp() override { context_->TryCancel(); }
  void FinishOp() override { Finish(grpc::Status::CANCELLED); }
  void OnReadDone(bool ok) override { OnRead(ok); }
  void OnWriteDone(bool ok) override { OnWritten(ok); }
  void OnCancel() override { Close(); }
  void OnDone() override;

  grpc::GenericCallbackServerContext* context_;
  std::shared_ptr<PeerStream> self_;
};

}  // namespace kronika::raft
