// From frame to handler; see dispatcher.h.
#include "broker/dispatcher.h"

#include <utility>

#include "broker/api/handlers.h"
#include "proto/kafka/advertised.h"
#include "proto/kafka/frame.h"

namespace kronika::broker {
namespace {

using Serve = Status (*)(const Services&, const RequestContext&, Slice body, ReplyPath& path);
using ServeTable = std::array<Serve, DispatcherStats::kKeys>;

// An advertised API without a handler does not compile.
consteval ServeTable MakeTable() {
  kafka::RequireHandlers(kafka::AdvertisedRequests{});
  ServeTable table = {};
  kafka::ForEachRequest(kafka::AdvertisedRequests{}, [&table]<class Request>() {
    using Handler = kafka::Handler<Request>;
    table.at(static_cast<std::size_t>(Handler::kKey)) = &Handler::Serve;
  });
  return table;
}

constexpr ServeTable kServe = MakeTable();

Serve FindServe(std::int16_t key) {
  const auto at = static_cast<std::size_t>(static_cast<std::uint16_t>(key));
  return at < kServe.size() ? kServe[at] : nullptr;
}

}  // namespace

void Dispatcher::Handle(const net::Peer& peer, Slice frame, net::Completion done) {
  const std::size_t frame_bytes = frame.size();
  auto request = kafka::SplitRequest(std::move(frame));
  if (!request) {
    ++(request.error().code == ErrorCode::kUnsupported ? stats_.refused : stats_.malformed);
    return done(net::Outcome::Close(request.error().text));
  }
  const auto key = static_cast<std::int16_t>(request->api->key);
  const std::int16_t version = request->header.request_api_version;
  ReplyPath path{.done = std::move(done),
                 .version = version,
                 .correlation_id = request->header.correlation_id};
  const Serve serve = FindServe(key);
  if (serve == nullptr || !request->api->serve.Contains(version)) {
    return Refuse(peer, key, version, std::move(path));
  }
  ++stats_.requests[static_cast<std::size_t>(key)];
  const RequestContext context{
      .connection = peer.id,
      .client_host = peer.host,
      .listener = peer.listener,
      .client_id = std::string(request->header.client_id.value_or(std::string_view{})),
      .version = version,
      .correlation_id = request->header.correlation_id,
      .request_bytes = frame_bytes,
      .software = &software_[peer.id]};
  if (auto served = serve(services_, context, std::move(request->body), path); !served) {
    ++stats_.malformed;
    services_.log->Info("connection {} from {} is closed: {}", peer.id, peer.address,
                        served.error().Describe());
    path.done(net::Outcome::Close(served.error().text));
  }
}

void Dispatcher::Refuse(const net::Peer& peer, std::int16_t key, std::int16_t version,
                        ReplyPath path) {
  ++stats_.refused;
  const ClientSoftware& software = software_[peer.id];
  const std::string client = software.name + " " + software.version;
  if (refusals_logged_.size() < kRefusalsLoggedMax &&
      refusals_logged_.emplace(client, key, version).second) {
    services_.log->Info("API key {} in version {} is not served; asked for by {} ({})", key,
                        version, peer.address, client);
  }
  if (key == static_cast<std::int16_t>(kafka::ApiKey::kApiVersions)) {
    return AnswerUnknownApiVersions(std::move(path));
  }
  path.done(net::Outcome::Close("API key " + std::to_string(key) + " version " +
                                std::to_string(version) + " is not served"));
}

}  // namespace kronika::broker
