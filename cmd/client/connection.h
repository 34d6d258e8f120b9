// Connection: requests and answers over one socket, with the versions that both sides speak.
//
// One thread at a time. Answers come in the order of the requests (Kafka's rule), so the
// correlation id is checked, not searched for. After an error the connection is broken and only to
// be dropped. Source: Kafka protocol guide, "Protocol primitive types", "Common request and
// response structure".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/host_port.h"
#include "cmd/client/socket.h"
#include "proto/kafka/api_versions.h"
#include "proto/kafka/frame.h"

namespace kronika::client {

inline constexpr std::string_view kClientId = "kronika-cli";
// A larger answer is not believed.
inline constexpr std::int32_t kResponseBytesMax = 256 << 20;

class Connection {
 public:
  // Connects and asks which versions the broker speaks.
  static Result<Connection> Open(const HostPort& address, Moment deadline);

  const HostPort& address() const { return address_; }
  int descriptor() const { return socket_.descriptor(); }
  std::size_t outstanding() const { return outstanding_.size(); }

  // The highest version of `api` in `wanted` that both sides speak. kUnsupported names both ranges.
  Result<std::int16_t> VersionOf(kafka::ApiKey api, kafka::VersionRange wanted) const;

  // Sends without waiting for the answer. `expects_answer` is false for Produce with acks 0.
  template <class Request>
  Status Send(const Request& request, std::int16_t version, Moment deadline,
              bool expects_answer = true) {
    const kafka::RequestEnvelope envelope{
        .version = version, .correlation_id = ++correlation_, .client_id = kClientId};
    return SendFrame(kafka::EncodeRequest(request, envelope),
                     {.api = Request::kApiKey, .version = version, .correlation_id = correlation_},
                     deadline, expects_answer);
  }
  // The answer to the oldest request that has none.
  template <class Response>
  Result<Response> Receive(Moment deadline) {
    const std::int16_t version = outstanding_.empty() ? 0 : outstanding_.front().version;
    auto body = ReceiveBody(deadline);
    if (!body) return std::unexpected(std::move(body).error());
    return Response::Decode(std::move(*body), version);
  }
  template <class Request>
  Result<typename Request::Response> Call(const Request& request, Moment deadline,
                                          kafka::VersionRange wanted = {0, 127}) {
    auto version = VersionOf(Request::kApiKey, wanted);
    if (!version) return std::unexpected(std::move(version).error());
    KRONIKA_TRY(Send(request, *version, deadline));
    return Receive<typename Request::Response>(deadline);
  }

 private:
  struct Sent {
    kafka::ApiKey api{};
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
  };
  Connection(HostPort address, Socket socket)
      : address_(std::move(address)), socket_(std::move(socket)) {}
  Status AgreeOnVersions(Moment deadline);
  Status SendFrame(Slices frame, Sent sent, Moment deadline, bool expects_answer);
  Result<Slice> ReceiveBody(Moment deadline);
  Error At(Error error) const;

  HostPort address_;
  Socket socket_;
  std::int32_t correlation_ = 0;
  std::deque<Sent> outstanding_;
  std::map<std::int16_t, kafka::VersionRange> versions_;
};

}  // namespace kronika::client
