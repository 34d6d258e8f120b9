// Listener: accepts TCP connections on one address and runs a Connection over each.
//
// One loop; Asio stays in listener.cc. Invariants:
// 1. Above `connections_max`, or `connections_per_host_max` from one address, a new connection is
//    closed at once and counted; those that are open are not touched.
// 2. A connection on which nothing moved for `idle_max` is closed.
// 3. When the process is out of descriptors, accepting pauses for 100 ms and goes on by itself.
// 4. After Stop() no sink is called any more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/loop.h"
#include "base/result.h"
#include "broker/net/connection.h"
#include "broker/net/request_sink.h"

namespace boost::asio {
class io_context;
}

namespace kronika::broker::net {

struct ListenerOptions {
  std::string name = "PLAINTEXT";
  std::string host = "0.0.0.0";
  std::uint16_t port = 9092;  // 0 = the system chooses
  ConnectionLimits limits = {};
  std::size_t connections_max = 20'000;           // max.connections
  std::size_t connections_per_host_max = 20'000;  // max.connections.per.ip
  Duration idle_max = std::chrono::minutes(10);   // connections.max.idle.ms
};

// Since the listener was opened.
struct ListenerStats {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;       // above a cap
  std::uint64_t closed_by_us = 0;  // malformed, unsupported or idle
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::size_t open = 0;
};

// What a listener runs on; all of it outlives the listener. `io` is the loop's own.
struct ListenerPlace {
  boost::asio::io_context* io = nullptr;
  Loop* loop = nullptr;
  Log* log = nullptr;
  std::shared_ptr<RequestMemory> memory;  // of all listeners
};

class Listener {
 public:
  // Takes the port; who connects before Serve() is refused. kInvalidArgument: the host does not
  // resolve; kBusy: the port is in use; kIo.
  static Result<std::unique_ptr<Listener>> Open(ListenerPlace place, ListenerOptions options);
  virtual ~Listener() = default;

  // Listens; accepting starts when the loop runs. Called once; `sink` outlives the listener.
  // kBusy, kIo.
  virtual Status Serve(RequestSink& sink) = 0;

  // Closes the port and every connection.
  virtual void Stop() = 0;
  virtual std::uint16_t port() const = 0;
  virtual ListenerStats stats() const = 0;
};

}  // namespace kronika::broker::net
