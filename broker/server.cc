// Opening, stopping and counting; see server.h.
#include "broker/server.h"

#include "proto/kafka/api_table.h"

namespace kronika::broker {
namespace {

using admin::MetricFamily;
using admin::MetricType;

constexpr MetricFamily kOpen{"kronika_connections", MetricType::kGauge, "Open client connections."};
constexpr MetricFamily kAccepted{"kronika_connections_accepted_total", MetricType::kCounter,
                                 "Client connections accepted."};
constexpr MetricFamily kRefused{"kronika_connections_refused_total", MetricType::kCounter,
                                "Client connections refused because too many were open."};
constexpr MetricFamily kClosed{
    "kronika_connections_closed_total", MetricType::kCounter,
    "Client connections closed by the broker: malformed, unsupported, idle."};
constexpr MetricFamily kBytesIn{"kronika_client_bytes_received_total", MetricType::kCounter,
                                "Bytes received from clients."};
constexpr MetricFamily kBytesOut{"kronika_client_bytes_sent_total", MetricType::kCounter,
                                 "Bytes sent to clients."};
constexpr MetricFamily kMemory{"kronika_request_memory_bytes", MetricType::kGauge,
                               "Bytes of clients' requests that queued.max.request.bytes bounds."};
constexpr MetricFamily kMemoryWaiting{"kronika_request_memory_waiting", MetricType::kGauge,
                                      "Client connections that wait for memory to read into."};
constexpr MetricFamily kMemoryWaits{"kronika_request_memory_waits_total", MetricType::kCounter,
                                    "Times that a client connection had to wait for memory."};
constexpr MetricFamily kMemoryClosed{
    "kronika_request_memory_closed_total", MetricType::kCounter,
    "Client connections closed because they began a request and sent no more, while others waited "
    "for memory."};
constexpr MetricFamily kRequests{"kronika_requests_total", MetricType::kCounter,
                                 "Requests that a handler took, by API."};
constexpr MetricFamily kUnsupported{"kronika_requests_unsupported_total", MetricType::kCounter,
                                    "Requests of an API or version that is not served."};
constexpr MetricFamily kMalformed{"kronika_requests_malformed_total", MetricType::kCounter,
                                  "Requests that did not decode."};

}  // namespace

Result<std::unique_ptr<Server>> Server::Open(Place place, ServerOptions options) {
  std::unique_ptr<Server> server(new Server(place, std::move(options)));
  auto http = admin::HttpServer::Open({.io = &place.loop->context(), .loop = place.loop},
                                      server->options_.admin,
                                      [source = place.source](const admin::HttpRequest& request) {
                                        return Answer(request, *source);
                                      });
  if (!http) return std::unexpected(std::move(http).error());
  server->http_ = std::move(*http);
  server->memory_ =
      std::make_shared<net::RequestMemory>(place.loop, place.log, server->options_.memory);
  for (const auto& options : server->options_.listeners) {
    auto listener = net::Listener::Open({.io = &place.loop->context(),
                                         .loop = place.loop,
                                         .log = place.log,
                                         .memory = server->memory_},
                                        options);
    if (!listener) return std::unexpected(std::move(listener).error());
    server->listeners_.push_back(std::move(*listener));
  }
  return server;
}

Status Server::Serve(const Services& services) {
  dispatcher_ = std::make_unique<Dispatcher>(services);
  for (auto& listener : listeners_) KRONIKA_TRY(listener->Serve(*dispatcher_));
  return {};
}

void Server::Stop() {
  for (auto& listener : listeners_) listener->Stop();
  if (http_ != nullptr) http_->Stop();
}

void Server::Collect(admin::MetricsText& out) const {
  net::ListenerStats sum;
  for (const auto& listener : listeners_) {
    const net::ListenerStats stats = listener->stats();
    sum.open += stats.open;
    sum.accepted += stats.accepted;
    sum.refused += stats.refused;
    sum.closed_by_us += stats.closed_by_us;
    sum.bytes_in += stats.bytes_in;
    sum.bytes_out += stats.bytes_out;
  }
  out.Single(kOpen, static_cast<double>(sum.open));
  out.Single(kAccepted, static_cast<double>(sum.accepted));
  out.Single(kRefused, static_cast<double>(sum.refused));
  out.Single(kClosed, static_cast<double>(sum.closed_by_us));
  out.Single(kBytesIn, static_cast<double>(sum.bytes_in));
  out.Single(kBytesOut, static_cast<double>(sum.bytes_out));
  const net::RequestMemoryStats memory = memory_->stats();
  out.Single(kMemory, static_cast<double>(memory.charged));
  out.Single(kMemoryWaiting, static_cast<double>(memory.waiting));
  out.Single(kMemoryWaits, static_cast<double>(memory.waits));
  out.Single(kMemoryClosed, static_cast<double>(memory.closed));
  const DispatcherStats stats = dispatcher_ != nullptr ? dispatcher_->stats() : DispatcherStats{};
  out.Family(kRequests);
  for (const auto& api : kafka::ApiTable()) {
    const auto count = stats.requests[static_cast<std::size_t>(api.key)];
    if (count > 0) out.Sample({{"api", api.name}}, static_cast<double>(count));
  }
  out.Single(kUnsupported, static_cast<double>(stats.refused));
  out.Single(kMalformed, static_cast<double>(stats.malformed));
}

}  // namespace kronika::broker
