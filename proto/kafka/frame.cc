// Frames; see frame.h.
#include "proto/kafka/frame.h"

#include "base/check.h"
#include "proto/kafka/wire.h"

namespace kronika::kafka {
namespace {

Slice Rest(const Slice& frame, const Reader& in) {
  return frame.Sub(in.position(), in.left());
}

}  // namespace

Result<RequestFrame> SplitRequest(Slice frame) {
  Reader front(frame);
  const auto key = front.Int<std::int16_t>();
  const auto version = front.Int<std::int16_t>();
  if (!front.ok()) return std::unexpected(DecodeError(front, RequestHeader::kName, 1));
  const ApiInfo* api = FindApi(key);
  if (api == nullptr) {
    return Fail(ErrorCode::kUnsupported, "the API key " + std::to_string(key) + " is not known");
  }
  RequestFrame out{.api = api};
  const std::int16_t header_version = api->RequestHeaderVersion(version);
  Reader in(frame);
  out.header.Read(in, header_version);
  if (!in.ok()) return std::unexpected(DecodeError(in, RequestHeader::kName, header_version));
  out.body = Rest(frame, in);
  return out;
}

Result<ResponseFrame> SplitResponse(Slice frame, const ApiInfo& api, std::int16_t version) {
  ResponseFrame out;
  const std::int16_t header_version = api.ResponseHeaderVersion(version);
  Reader in(frame);
  out.header.Read(in, header_version);
  if (!in.ok()) return std::unexpected(DecodeError(in, ResponseHeader::kName, header_version));
  out.body = Rest(frame, in);
  return out;
}

Slice EncodedRequestHeader(const RequestHeader& header) {
  const ApiInfo* api = FindApi(header.request_api_key);
  KRONIKA_CHECK(api != nullptr);
  return Flatten(header.Encode(api->RequestHeaderVersion(header.request_api_version)));
}

Slice EncodedResponseHeader(std::int32_t correlation_id, const ApiInfo& api, std::int16_t version) {
  ResponseHeader header;
  header.correlation_id = correlation_id;
  return Flatten(header.Encode(api.ResponseHeaderVersion(version)));
}

}  // namespace kronika::kafka
