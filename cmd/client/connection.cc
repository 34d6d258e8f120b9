// Connection; see connection.h.
#include "cmd/client/connection.h"

#include <algorithm>

#include "base/bytes.h"

namespace kronika::client {
namespace {

std::string Describe(kafka::VersionRange range) {
  return std::to_string(range.first) + " to " + std::to_string(range.last);
}

}  // namespace

Result<Connection> Connection::Open(const HostPort& address, Moment deadline) {
  auto socket = Socket::Connect(address, deadline);
  if (!socket) return std::unexpected(std::move(socket).error());
  Connection made(address, std::move(*socket));
  KRONIKA_TRY(made.AgreeOnVersions(deadline));
  return made;
}

Status Connection::AgreeOnVersions(Moment deadline) {
  kafka::ApiVersionsRequest request;
  request.client_software_name = kClientId;
  request.client_software_version = "1";
  // Version 3 is known to every broker that this client can work with; an older one answers in
  // version 0 (KIP-511), which does not decode as 3.
  KRONIKA_TRY(Send(request, 3, deadline));
  auto answer = Receive<kafka::ApiVersionsResponse>(deadline);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != kafka::KafkaError::kNone) {
    return std::unexpected(
        At({ErrorCode::kUnsupported,
            "this broker is older than Kafka 2.4, or does not speak Kafka's protocol"}));
  }
  for (const auto& api : answer->api_keys) {
    versions_[api.api_key] = {.first = api.min_version, .last = api.max_version};
  }
  return {};
}

Result<std::int16_t> Connection::VersionOf(kafka::ApiKey key, kafka::VersionRange wanted) const {
  const kafka::ApiInfo& api = kafka::GetApi(key);
  const auto found = versions_.find(static_cast<std::int16_t>(key));
  if (found == versions_.end()) {
    return std::unexpected(
        At({ErrorCode::kUnsupported, "this broker does not offer " + std::string(api.name)}));
  }
  const auto first = std::max({api.serve.first, wanted.first, found->second.first});
  const auto last = std::min({api.serve.last, wanted.last, found->second.last});
  if (first > last) {
    return std::unexpected(At({ErrorCode::kUnsupported,
                               "this broker offers " + std::string(api.name) + " " +
                                   Describe(found->second) + ", we speak " + Describe(api.serve)}));
  }
  return last;
}

Status Connection::SendFrame(Slices frame, Sent sent, Moment deadline, bool expects_answer) {
  Slice size = Slice::Allocate(4);
  StoreBe(size.mutable_bytes().data(), static_cast<std::int32_t>(TotalSize(frame)));
  frame.insert(frame.begin(), std::move(size));
  if (auto status = socket_.Write(frame, deadline); !status) {
    return std::unexpected(At(std::move(status).error()));
  }
  if (expects_answer) outstanding_.push_back(sent);
  return {};
}

Result<Slice> Connection::ReceiveBody(Moment deadline) {
  if (outstanding_.empty()) {
    return std::unexpected(At({ErrorCode::kInvalidArgument, "no answer is due"}));
  }
  const Sent sent = outstanding_.front();
  Slice head = Slice::Allocate(4);
  if (auto status = socket_.Read(head.mutable_bytes(), deadline); !status) {
    return std::unexpected(At(std::move(status).error()));
  }
  const auto size = LoadBe<std::int32_t>(head.data());
  if (size < 4 || size > kResponseBytesMax) {
    return std::unexpected(At({ErrorCode::kCorruption, "an answer of " + std::to_string(size) +
                                                           " bytes: this is not a Kafka broker"}));
  }
  Slice frame = Slice::Allocate(static_cast<std::size_t>(size));
  if (auto status = socket_.Read(frame.mutable_bytes(), deadline); !status) {
    return std::unexpected(At(std::move(status).error()));
  }
  auto split = kafka::SplitResponse(std::move(frame), kafka::GetApi(sent.api), sent.version);
  if (!split) return std::unexpected(At(std::move(split).error()));
  if (split->header.correlation_id != sent.correlation_id) {
    return std::unexpected(At({ErrorCode::kCorruption, "an answer to another request came"}));
  }
  outstanding_.pop_front();
  return std::move(split->body);
}

Error Connection::At(Error error) const {
  if (error.where.empty()) error.where = address_.Describe();
  return error;
}

}  // namespace kronika::client
