// From frame to handler; see dispatcher.h.
#include "broker/dispatcher.h"

#include <utility>

#include "broker/api/handlers.h"
#include "proto/kafka/advertised.h"
#include "proto/kafka/frame.h"
#include "proto/kafka/wire.h"

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
  // The front of the header is the same in all versions; the rest may only be read in one that is
  // known.
  kafka::Reader front(frame);
  const auto key = front.Int<std::int16_t>();
  const auto version = front.Int<std::int16_t>();
  ReplyPath path{
      .done = std::move(done), .version = version, .correlation_id = front.Int<std::int32_t>()};
  if (!front.ok()) return CloseMalformed(peer, "a request without a whole header", path);
  const kafka::ApiInfo* api = kafka::FindApi(key);
  const Serve serve = FindServe(key);
  if (api == nullptr || serve == nullptr || !api->serve.Contains(version)) {
    return Refuse(peer, key, std::move(path));
  }
  const std::size_t frame_bytes = frame.size();
  auto request = kafka::SplitRequest(std::move(frame));
  if (!request) return CloseMalformed(peer, request.error().Describe(), path);
  ++stats_.requests[static_cast<std::size_t>(key)];
  const RequestContext context{
      .client_host = peer.host,
      .listener = peer.listener,
      .client_id = std::string(request->header.client_id.value_or(std::string_view{})),
      .version = version,
      .correlation_id = path.correlation_id,
      .request_bytes = frame_bytes,
      .connection = &connections_[peer.id]};
  const auto served = serve(services_, context, std::move(request->body), path);
  if (!served) CloseMalformed(peer, served.error().Describe(), path);
}

void Dispatcher::OnHurry(const net::Peer& peer) {
  const auto found = connections_.find(peer.id);
  if (found != connections_.end()) found->second.waiting.NotifyAppended(0);
}

void Dispatcher::CloseMalformed(const net::Peer& peer, const std::string& why, ReplyPath& path) {
  ++stats_.malformed;
  services_.log->Debug("connection {} from {} is closed: {}", peer.id, peer.address, why);
  path.done(net::Outcome::Close(why));
}

void Dispatcher::Refuse(const net::Peer& peer, std::int16_t key, ReplyPath path) {
  ++stats_.refused;
  const std::int16_t version = path.version;
  const ConnectionState& state = connections_[peer.id];
  const std::string client = state.software_name + " " + state.software_version;
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
