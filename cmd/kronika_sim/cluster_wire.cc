// Delivery, breaking and cuts of the clients' connections; see cluster_wire.h.
#include "cmd/kronika_sim/cluster_wire.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kronika::sim {

using std::chrono::microseconds;

namespace {

constexpr Duration kLatencyMin = microseconds(20);
constexpr Duration kLatencyMax = microseconds(1000);

Slice WithSizeField(const Slices& frame) {
  const std::size_t size = TotalSize(frame);
  Slice out = Slice::Allocate(size + 4);
  std::byte* at = out.mutable_bytes().data();
  StoreBe(at, static_cast<std::int32_t>(size));
  at += 4;
  for (const auto& slice : frame) {
    std::memcpy(at, slice.data(), slice.size());
    at += slice.size();
  }
  return out;
}

}  // namespace

SimWire::SimWire(SimWires& wires, BrokerId broker, Client client)
    : wires_(wires), broker_(broker), client_(std::move(client)) {}

Instant SimWire::Arrival(Instant& last) {
  last = std::max(last, wires_.clients_.Now() + wires_.Latency());
  return last;
}

void SimWire::Send(const Slices& frame) {
  if (broken_ || !loop_) return;
  loop_->RunAt(Arrival(last_to_broker_),
               [self = shared_from_this(), bytes = WithSizeField(frame)] { self->Arrived(bytes); });
}

void SimWire::Arrived(const Slice& bytes) {
  if (broken_) return;
  if (wires_.IsCut(broker_)) {
    broken_ = true;  // nothing behind a gap; the client finds out by itself
    connection_->OnLost();
    return;
  }
  wires_.CountDelivered(broker_, bytes.bytes());
  inbox_.append(bytes.text());
  Feed();
}

void SimWire::Feed() {
  if (feeding_ || inbox_.empty() || into_.empty()) return;
  feeding_ = true;
  loop_->Post([self = shared_from_this()] {
    self->feeding_ = false;
    if (self->broken_) return;
    const MutableBytes into = std::exchange(self->into_, {});
    const std::size_t count = std::min(into.size(), self->inbox_.size());
    std::memcpy(into.data(), self->inbox_.data(), count);
    self->inbox_.erase(0, count);
    self->connection_->OnReceived(count);
  });
}

void SimWire::Receive(MutableBytes into) {
  into_ = into;
  Feed();
}

void SimWire::Send(std::span<const Bytes> pieces) {
  std::size_t size = 0;
  for (const auto& piece : pieces) size += piece.size();
  Slice bytes = Slice::Allocate(size);
  std::byte* at = bytes.mutable_bytes().data();
  for (const auto& piece : pieces) {
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  wires_.clients_.RunAt(
      Arrival(last_to_client_), [self = shared_from_this(), bytes = std::move(bytes)] {
        if (self->broken_ || !self->client_.on_frame) return;
        if (self->wires_.IsCut(self->broker_)) {
          self->broken_ = true;
          return;
        }
        self->wires_.CountDelivered(self->broker_, bytes.bytes());
        for (std::size_t read = 0; read < bytes.size();) {
          const MutableBytes room = self->frames_.Prepare();
          const std::size_t count = std::min(room.size(), bytes.size() - read);
          std::memcpy(room.data(), bytes.data() + read, count);
          self->frames_.Commit(count);
          read += count;
          for (auto frame = self->frames_.Next(); frame && *frame && self->client_.on_frame;
               frame = self->frames_.Next()) {
            // The client may hang up from inside.
            const auto on_frame = self->client_.on_frame;
            on_frame(std::move(**frame));
          }
        }
      });
  loop_->Post([self = shared_from_this()] {
    if (!self->broken_) self->connection_->OnSent();
  });
}

void SimWire::Close(std::string) {
  TellClient();
}

void SimWire::HangUp() {
  client_ = {};
  if (!loop_ || broken_) return;
  // What was sent before arrives and may still be carried out.
  loop_->RunAt(Arrival(last_to_broker_), [self = shared_from_this()] {
    if (std::exchange(self->broken_, true)) return;
    self->connection_->OnLost();
  });
}

void SimWire::ServerDies() {
  const bool was_broken = std::exchange(broken_, true);
  connection_->OnLost();
  connection_.reset();
  loop_ = nullptr;
  if (!was_broken && !wires_.IsCut(broker_)) TellClient();
}

void SimWire::TellClient() {
  wires_.clients_.RunAt(Arrival(last_to_client_), [self = shared_from_this()] {
    self->broken_ = true;
    if (self->client_.on_lost) std::exchange(self->client_, {}).on_lost();
  });
}

void SimWire::Accept(SimPort& port, std::uint64_t id) {
  loop_ = &port.loop_;
  connection_ = std::make_shared<broker::net::Connection>(
      broker::net::ConnectionLimits{},
      broker::net::Peer{.id = id, .address = "sim:1", .host = "sim", .listener = "PLAINTEXT"}, this,
      &port.dispatcher_, port.memory_);
  loop_->Post([self = shared_from_this()] { self->connection_->Start(); });
}

void SimPort::Accept(const std::shared_ptr<SimWire>& wire) {
  std::erase_if(wires_, [](const auto& entry) { return entry.second->broken_; });
  wires_.emplace(++last_, wire);
  wire->Accept(*this, last_);
}

void SimPort::Die() {
  for (auto& [id, wire] : wires_) wire->ServerDies();
  wires_.clear();
}

Duration SimWires::Latency() {
  return kLatencyMin + Duration(static_cast<std::int64_t>(rng_.Below(
                           static_cast<std::uint64_t>((kLatencyMax - kLatencyMin).count()))));
}

void SimWires::CountDelivered(BrokerId broker, Bytes bytes) {
  ++delivered_;
  for (std::uint64_t word : {static_cast<std::uint64_t>(clients_.Now().since_start.count()),
                             static_cast<std::uint64_t>(broker.value),
                             static_cast<std::uint64_t>(crc32c::Value(bytes))}) {
    digest_ = (digest_ ^ word) * 0x100000001b3ULL;
  }
}

std::shared_ptr<SimWire> SimWires::Connect(BrokerId broker, SimWire::Client client) {
  auto wire = std::make_shared<SimWire>(*this, broker, std::move(client));
  if (IsCut(broker)) return wire;  // no answer
  SimPort* port = find_(broker);
  if (port == nullptr) {
    wire->TellClient();
  } else {
    port->Accept(wire);
  }
  return wire;
}

void SimWires::Break(BrokerId broker, double chance) {
  SimPort* port = find_(broker);
  if (port == nullptr) return;
  for (auto& [id, wire] : port->wires_) {
    if (wire->broken_ || !rng_.Chance(chance)) continue;
    ++broken_;
    wire->broken_ = true;
    wire->TellClient();
    wire->loop_->Post([wire] {
      if (wire->connection_) wire->connection_->OnLost();
    });
  }
}

}  // namespace kronika::sim
