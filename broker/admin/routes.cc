// The admin port's paths; see routes.h.
#include "broker/admin/routes.h"

#include <charconv>

namespace kronika::broker::admin {

namespace {

constexpr std::string_view kBrokers = "/v1/brokers/";
constexpr std::string_view kReplace = "/replace?uuid=";

bool IsReplace(const HttpRequest& request) {
  return request.method == "POST" && request.target.starts_with(kBrokers) &&
         request.target.find(kReplace) != std::string_view::npos;
}

HttpAnswer Replace(const HttpRequest& request, const Source& source) {
  if (!request.from_this_machine)
    return {.status = 403, .body = "only from the broker's own machine\n"};
  const std::string_view rest = request.target.substr(kBrokers.size());
  const std::size_t at = rest.find(kReplace);
  BrokerId broker;
  const auto* end = rest.data() + at;
  const auto parsed = std::from_chars(rest.data(), end, broker.value);
  const auto directory = Uuid::Parse(rest.substr(at + kReplace.size()));
  if (parsed.ec != std::errc{} || parsed.ptr != end || !directory)
    return {.status = 400, .body = "a broker's id and a directory's UUID are expected\n"};
  return source.ReplaceBroker(broker, *directory);
}

}  // namespace

HttpAnswer Answer(const HttpRequest& request, const Source& source) {
  if (IsReplace(request)) return Replace(request, source);
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
