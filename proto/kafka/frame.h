// Frames: a header and a message, without the size field that the connection adds.
//
// Any thread. Source: Kafka protocol guide, "Request header" and "Response header"; KIP-482,
// KIP-511.
#pragma once

#include "proto/kafka/api_table.h"
#include "proto/kafka/request_header.h"
#include "proto/kafka/response_header.h"

namespace kronika::kafka {

// A request whose header was read. `api` serves the version if api->serve contains it; if not,
// `body` is of unknown shape.
struct RequestFrame {
  const ApiInfo* api = nullptr;
  RequestHeader header;
  Slice body;
};

// kUnsupported when the key has no schema, kCorruption when the header cannot be read.
Result<RequestFrame> SplitRequest(Slice frame);

struct ResponseFrame {
  ResponseHeader header;
  Slice body;
};

// For clients: the response to a request of `version`.
Result<ResponseFrame> SplitResponse(Slice frame, const ApiInfo& api, std::int16_t version);

Slice EncodedRequestHeader(const RequestHeader& header);
Slice EncodedResponseHeader(std::int32_t correlation_id, const ApiInfo& api, std::int16_t version);

// A whole response frame; records are attached, everything else lies in one block.
template <class Response>
Slices EncodeResponse(const Response& response, std::int32_t correlation_id, std::int16_t version) {
  const Slice header = EncodedResponseHeader(correlation_id, GetApi(Response::kApiKey), version);
  return response.Encode(version, header.bytes());
}

struct RequestEnvelope {
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string_view> client_id = std::nullopt;
};

template <class Request>
Slices EncodeRequest(const Request& request, const RequestEnvelope& envelope) {
  RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(Request::kApiKey);
  header.request_api_version = envelope.version;
  header.correlation_id = envelope.correlation_id;
  header.client_id = envelope.client_id;
  const Slice encoded = EncodedRequestHeader(header);
  return request.Encode(envelope.version, encoded.bytes());
}

}  // namespace kronika::kafka
