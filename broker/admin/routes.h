// Routes: which answer each path of the admin port gets. Knows no HTTP library.
//
// Called on the broker's loop.
//   GET /livez       200 while the loop turns
//   GET /readyz      200 when clients are served, else 503 with the reason
//   GET /v1/status   JSON (status.h)
//   GET /metrics     Prometheus text (metrics.h)
//   POST /v1/brokers/N/replace?uuid=U   from this machine only: broker N lost its disk and is now
//   directory U
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "broker/admin/metrics.h"
#include "broker/admin/status.h"

namespace kronika::broker::admin {

struct Readiness {
  bool ready = false;
  std::string reason = {};  // why not
};

struct HttpAnswer {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body = {};
  // Set: the answer is not known yet; called once with whom to tell.
  std::function<void(std::function<void(HttpAnswer)>)> later = {};
};

// What the broker tells; read at each request.
class Source {
 public:
  virtual ~Source() = default;
  virtual Readiness Ready() const = 0;
  virtual BrokerStatus Describe() const = 0;
  virtual void Collect(MetricsText& out) const = 0;
  // The operator's word, passed on to the controller.
  virtual HttpAnswer ReplaceBroker(BrokerId, const Uuid&) const {
    return {.status = 503, .body = "not while starting\n"};
  }
};

struct HttpRequest {
  std::string_view method;
  std::string_view target;  // path and query
  bool from_this_machine = false;
};

HttpAnswer Answer(const HttpRequest& request, const Source& source);

}  // namespace kronika::broker::admin
