// The wires between simulated clients and brokers: connections that deliver bytes in order, each
// with a latency of its own, and that break.
//
//   SimClient ──frame──▶ SimWire ──bytes──▶ net::Connection ─▶ Dispatcher    of one broker's life
//             ◀──frame──         ◀──bytes──
//
// One thread. 1. A wire carries bytes whole and in order until it breaks; what was under way is
// lost then, in both directions: a request may have been carried out without its answer.
// 2. The death of the broker, a cut and Break() end a wire; the client is told soon, except of a
// cut, where it has to lose its patience by itself.
// 3. A paused broker still accepts: what is sent to it waits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "broker/dispatcher.h"
#include "broker/net/connection.h"
#include "broker/net/frame.h"

namespace kronika::sim {

class SimPort;
class SimWires;

class SimWire final : public std::enable_shared_from_this<SimWire>, public broker::net::ByteStream {
 public:
  struct Client {
    std::function<void(Slice frame)> on_frame;
    std::function<void()> on_lost;
  };
  SimWire(SimWires& wires, BrokerId broker, Client client);

  // By the client: a frame without its size field. Nothing is told of what is lost.
  void Send(const Slices& frame);
  // By the client: nothing more is heard of this wire.
  void HangUp();

  BrokerId broker() const { return broker_; }

  // ByteStream, for the broker's connection.
  void Receive(MutableBytes into) override;
  void Send(std::span<const Bytes> pieces) override;
  void Close(std::string reason) override;

 private:
  friend class SimPort;
  friend class SimWires;
  void Accept(SimPort& port, std::uint64_t id);
  void Feed();
  void ServerDies();
  void TellClient();
  Instant Arrival(Instant& last);
  void Arrived(const Slice& bytes);

  SimWires& wires_;
  const BrokerId broker_;
  Client client_;
  broker::net::FrameReader frames_{64 << 20};
  bool broken_ = false;      // nothing is delivered any more
  SimLoop* loop_ = nullptr;  // the broker's, in the life that accepted this wire
  std::shared_ptr<broker::net::Connection> connection_;
  std::string inbox_;  // arrived and not read yet
  MutableBytes into_;  // where the connection waits for bytes
  bool feeding_ = false;
  Instant last_to_broker_;
  Instant last_to_client_;
};

// The listener of one life of a broker: its dispatcher, its connections and their memory.
class SimPort {
 public:
  SimPort(SimLoop& loop, const broker::Services& services)
      : loop_(loop),
        dispatcher_(services),
        memory_(std::make_shared<broker::net::RequestMemory>(
            &loop, services.log, broker::net::RequestMemoryOptions{})) {}
  // The process is gone: the wires break. The dispatcher stays until the broker is destroyed.
  void Die();
  void Accept(const std::shared_ptr<SimWire>& wire);

 private:
  friend class SimWire;
  friend class SimWires;
  SimLoop& loop_;
  broker::Dispatcher dispatcher_;
  std::shared_ptr<broker::net::RequestMemory> memory_;
  std::map<std::uint64_t, std::shared_ptr<SimWire>> wires_;
  std::uint64_t last_ = 0;
};

class SimWires {
 public:
  // The port of a broker; null: nobody listens.
  using FindPort = std::function<SimPort*(BrokerId)>;
  SimWires(SimLoop& clients, Rng& rng, FindPort find)
      : clients_(clients), rng_(rng), find_(std::move(find)) {}

  // Refused connections are told as lost.
  std::shared_ptr<SimWire> Connect(BrokerId broker, SimWire::Client client);
  // Clients do not reach this broker any more, nor it them.
  void Cut(BrokerId broker) { cuts_.insert(broker); }
  void HealAll() { cuts_.clear(); }
  // Breaks each wire to `broker` with this chance.
  void Break(BrokerId broker, double chance);

  std::uint64_t digest() const { return digest_; }
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t broken() const { return broken_; }

 private:
  friend class SimWire;
  friend class SimPort;
  bool IsCut(BrokerId broker) const { return cuts_.contains(broker); }
  Duration Latency();
  void CountDelivered(BrokerId broker, Bytes bytes);

  SimLoop& clients_;
  Rng& rng_;
  const FindPort find_;
  std::set<BrokerId> cuts_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
  std::uint64_t delivered_ = 0;
  std::uint64_t broken_ = 0;
};

}  // namespace kronika::sim
