// The admin port's paths; see routes.h.
#include "broker/admin/routes.h"

namespace kronika::broker::admin {

HttpAnswer Answer(const HttpRequest& request, const Source& source) {
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = 405, .body = "only GET is answered here\n"};
  }
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  if (path == "/livez") return {.body = "ok\n"};
  if (path == "/readyz") {
    const Readiness readiness = source.Ready();
    if (readiness.ready) return {.body = "ok\n"};
    return {.status = 503, .body = readiness.reason + "\n"};
  }
  if (path == "/v1/status") {
    return {.content_type = "application/json", .body = ToJson(source.Describe())};
  }
  if (path == "/metrics") {
    MetricsText metrics;
    source.Collect(metrics);
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics.Take()};
  }
  return {.status = 404, .body = "try /livez, /readyz, /v1/status or /metrics\n"};
}

}  // namespace kronika::broker::admin
