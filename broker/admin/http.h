// HttpServer: the admin port. Beast stays in http.cc.
//
// One loop. Invariants:
// 1. At most `connections_max` connections; further ones are closed at once.
// 2. A request's header is at most 8 KiB and its body 64 KiB, and each request arrives within
//    `request_time_max`.
// 3. After Stop() the handler is not called any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/loop.h"
#include "base/result.h"
#include "broker/admin/routes.h"

namespace boost::asio {
class io_context;
}

namespace kronika::broker::admin {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9644;  // 0 = the system chooses
  std::size_t connections_max = 64;
  Duration request_time_max = std::chrono::seconds(30);
};

// What the server runs on; outlives it. `io` is the loop's own.
struct HttpServerPlace {
  boost::asio::io_context* io = nullptr;
  Loop* loop = nullptr;
};

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;
  // kInvalidArgument: the host is no address; kBusy: the port is in use; kIo.
  static Result<std::unique_ptr<HttpServer>> Open(HttpServerPlace place, HttpServerOptions options,
                                                  Handler handler);
  virtual ~HttpServer() = default;
  virtual void Stop() = 0;
  virtual std::uint16_t port() const = 0;
};

}  // namespace kronika::broker::admin
