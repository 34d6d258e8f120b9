// ApiVersions (key 18), versions 0-5: which APIs are served, in which versions.
//
//   v0-v2  the table; v1 adds throttle time
//   v3     flexible; the client says its software's name and version, which are checked (KIP-511)
//   v4     features with a minimum of 0 may be named; none are
//   v5     the client says which cluster and broker it means; another one is told to bootstrap
//   again (KIP-1242)
//
// The response header is version 0 in all of them, so that a client can read it before anything is
// agreed on.
#include "proto/kafka/api_versions.h"

#include <algorithm>

#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::ApiVersionsRequest;
using kafka::ApiVersionsResponse;

constexpr std::int16_t kSoftwareFirstVersion = 3;
constexpr std::int16_t kIdentityFirstVersion = 5;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// KIP-511: letters, digits, '.' and '-', beginning and ending with a letter or digit.
bool IsSoftwareText(std::string_view text) {
  return !text.empty() && IsAlphanumeric(text.front()) && IsAlphanumeric(text.back()) &&
         std::ranges::all_of(text,
                             [](char c) { return IsAlphanumeric(c) || c == '.' || c == '-'; });
}

KafkaError Check(const Services& services, const ApiVersionsRequest& request,
                 std::int16_t version) {
  if (version >= kSoftwareFirstVersion && (!IsSoftwareText(request.client_software_name) ||
                                           !IsSoftwareText(request.client_software_version))) {
    return KafkaError::kInvalidRequest;
  }
  if (version >= kIdentityFirstVersion) {
    const bool other_cluster =
        request.cluster_id.has_value() &&
        *request.cluster_id != services.metadata->Image()->cluster.ToString();
    const bool other_broker = request.node_id >= 0 && request.node_id != services.broker.value;
    if (other_cluster || other_broker) return KafkaError::kRebootstrapRequired;
  }
  return KafkaError::kNone;
}

void AddRow(ApiVersionsResponse& response, const kafka::ApiInfo& api) {
  if (!api.advertise) return;
  auto& row = response.api_keys.emplace_back();
  row.api_key = static_cast<std::int16_t>(api.key);
  row.min_version = api.advertise->first;
  row.max_version = api.advertise->last;
}

void Answer(const Services& services, const RequestContext& context, ApiVersionsRequest request,
            Reply<ApiVersionsResponse> reply) {
  ApiVersionsResponse response;
  response.error_code = Check(services, request, context.version);
  if (response.error_code == KafkaError::kNone) {
    for (const auto& api : kafka::ApiTable()) AddRow(response, api);
    context.connection->software_name = request.client_software_name;
    context.connection->software_version = request.client_software_version;
  }
  reply(response);
}

}  // namespace

void AnswerUnknownApiVersions(ReplyPath path) {
  ApiVersionsResponse response;
  response.error_code = KafkaError::kUnsupportedVersion;
  AddRow(response, kafka::GetApi(kafka::ApiKey::kApiVersions));
  Reply<ApiVersionsResponse>(std::move(path)).Send(response, 0);
}

}  // namespace kronika::broker

KRONIKA_SERVE_WITH(ApiVersions, &broker::Answer)
