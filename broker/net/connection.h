// Connection: the order and the bounds of one client connection, over an abstract byte stream.
//
//   stream ──bytes──> FrameReader ──frame──> sink          requests start in arrival order
//   stream <──one write in flight── due replies <── slots   replies leave in arrival order
//
// 1. Requests are handed to the sink in arrival order, and replies leave in that order, whatever
//    order they complete in.
// 2. At most `requests_in_flight_max` requests, and `bytes_in_flight_max` bytes of request frames
//    and unsent replies (but always one request), are under way; beyond that neither a frame is
//    started nor the stream read, so TCP holds the client back.
// 3. A malformed frame closes the connection once the replies before it are sent. Nothing is read
//    after it. A reply that fits into no frame does the same.
// 4. Nothing is read without room in the memory that all connections share (request_memory.h). A
//    request's bytes are charged there as they arrive, until it is answered.
// 5. Pure protocol logic: one loop, no clock, no socket; at most one Receive and one Send are
//    outstanding.
//
// Source: Kafka protocol guide ("Network"); order and pipelining as KAFKA-internal muting gives it
// to clients.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "broker/net/frame.h"
#include "broker/net/request_memory.h"
#include "broker/net/request_sink.h"

namespace kronika::broker::net {

// What the connection needs of its socket. Calls are made from the loop; answers come later, never
// from inside.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Reads at least one byte into `into` and answers with Connection::OnReceived.
  virtual void Receive(MutableBytes into) = 0;
  // Writes all pieces, in order, and answers with Connection::OnSent. They stay valid until then.
  virtual void Send(std::span<const Bytes> pieces) = 0;
  // Ends the stream; nothing is answered afterwards. `reason` is for people.
  virtual void Close(std::string reason) = 0;
};

struct ConnectionLimits {
  std::size_t frame_bytes_max = 100 * 1024 * 1024;  // socket.request.max.bytes
  std::size_t requests_in_flight_max = 64;
  std::size_t bytes_in_flight_max = 16 * 1024 * 1024;
  std::size_t reply_bytes_max = INT32_MAX;  // of the frame's size field
};

class Connection final : public RequestHolder, public std::enable_shared_from_this<Connection> {
 public:
  // `stream` and `sink` outlive the connection's use: until Close() was called on the stream or
  // OnLost() here.
  Connection(ConnectionLimits limits, Peer peer, ByteStream* stream, RequestSink* sink,
             std::shared_ptr<RequestMemory> memory);
  ~Connection();

  void Start();
  void OnReceived(std::size_t count);
  void OnSent();
  // The stream ended by itself (end of file, reset, idle for too long): what is under way is
  // dropped.
  void OnLost();

  const Peer& peer() const override { return peer_; }
  void OnRoom(std::size_t bytes) override;
  void OnSilent(const std::string& why) override { Close(why); }
  void OnHurry() override { sink_->OnHurry(peer_); }
  bool closed() const { return closed_; }
  std::size_t requests_in_flight() const { return slots_.size(); }
  std::size_t bytes_in_flight() const { return bytes_in_flight_; }

 private:
  struct Slot {
    std::uint64_t number = 0;  // of the request on this connection
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
    std::optional<Outcome> outcome = {};
    std::array<std::byte, 4> size_field = {};
  };

  // Answers for a completion that the sink dropped.
  class Ticket;

  void Pump();
  void StartRequests();
  bool MayStart(std::size_t frame_bytes) const;
  void StartRequest(Slice frame);
  void Complete(std::uint64_t number, Outcome outcome);
  bool SendDue();
  void SettleMemory();
  void ReceiveMore();
  void Close(std::string reason);
  void End();

  const ConnectionLimits limits_;
  const Peer peer_;
  ByteStream* const stream_;
  RequestSink* const sink_;
  FrameReader reader_;
  const std::shared_ptr<RequestAccount> account_;
  std::deque<Slot> slots_;  // requests under way, oldest first; the first `sending_` are being sent
  std::vector<Bytes> pieces_;  // of the Send in flight
  std::uint64_t next_number_ = 0;
  std::size_t bytes_in_flight_ = 0;   // requests and unsent replies
  std::size_t unanswered_bytes_ = 0;  // requests that have no outcome yet
  std::size_t sending_ = 0;
  bool receiving_ = false;  // or waiting for room to read into
  bool starved_ = true;     // the reader needs more bytes before it can give a frame
  bool refused_ = false;    // a malformed frame was seen; nothing after it is read
  bool closed_ = false;
  bool pumping_ = false;
};

}  // namespace kronika::broker::net
