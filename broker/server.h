// Server: the Kafka side of one broker: dispatcher, listeners and admin port over one loop.
//
// One loop. Invariants:
// 1. The admin port is open before the listeners, so that a start-up can be watched.
// 2. Nothing here waits for the cluster: a listener that is open answers with what this broker
//    knows (decision D14).
// 3. After Stop() no handler is called any more.
#pragma once

#include <memory>
#include <vector>

#include "base/asio_loop.h"
#include "base/result.h"
#include "broker/admin/http.h"
#include "broker/admin/routes.h"
#include "broker/dispatcher.h"
#include "broker/net/listener.h"
#include "broker/services.h"

namespace kronika::broker {

struct ServerOptions {
  std::vector<net::ListenerOptions> listeners;
  net::RequestMemoryOptions memory;  // of all listeners
  admin::HttpServerOptions admin;
};

class Server {
 public:
  // All of it outlives the server.
  struct Place {
    AsioLoop* loop = nullptr;
    Log* log = nullptr;
    const admin::Source* source = nullptr;
  };

  // Opens the admin port and takes the listeners' ports. kAlreadyExists: a port is in use;
  // kInvalidArgument; kIo.
  static Result<std::unique_ptr<Server>> Open(Place place, ServerOptions options);
  ~Server() { Stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // From here on clients are answered; before, their connections are refused. Called once.
  Status Serve(const Services& services);
  void Stop();

  bool serving() const { return dispatcher_ != nullptr; }
  std::uint16_t admin_port() const { return http_->port(); }
  // By position in ServerOptions.
  std::uint16_t port(std::size_t listener) const { return listeners_.at(listener)->port(); }
  void Collect(admin::MetricsText& out) const;

 private:
  Server(Place place, ServerOptions options) : place_(place), options_(std::move(options)) {}

  const Place place_;
  const ServerOptions options_;
  std::unique_ptr<admin::HttpServer> http_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::shared_ptr<net::RequestMemory> memory_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace kronika::broker
