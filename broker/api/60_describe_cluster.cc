// DescribeCluster (key 60), versions 0-2: the cluster's id, controller and brokers.
//
//   v1   says whether brokers or controllers are asked for; only brokers are answered here
//   v2   fenced brokers may be asked for: those that are registered and not live
#include "proto/kafka/describe_cluster.h"

#include "broker/api/lookup.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::DescribeClusterRequest;
using kafka::DescribeClusterResponse;

constexpr std::int8_t kBrokerEndpoints = 1;
constexpr std::int8_t kControllerEndpoints = 2;
constexpr std::int32_t kClusterOperations = 0x1FA0;  // all that apply to a cluster, as in Metadata

void AddBroker(DescribeClusterResponse& response, const metadata::Broker& known,
               const metadata::Listener& listener, bool is_fenced) {
  auto& broker = response.brokers.emplace_back();
  broker.broker_id = known.id.value;
  broker.host = listener.address.host;
  broker.port = listener.address.port;
  if (!known.rack.empty()) broker.rack = known.rack;
  broker.is_fenced = is_fenced;
}

void Answer(const Services& services, const RequestContext& context, DescribeClusterRequest request,
            Reply<DescribeClusterResponse> reply) {
  if (request.endpoint_type != kBrokerEndpoints) {
    return reply(MakeErrorResponse(request, request.endpoint_type == kControllerEndpoints
                                                ? KafkaError::kMismatchedEndpointType
                                                : KafkaError::kUnsupportedEndpointType));
  }
  const auto image = services.metadata->Image();
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  response.cluster_id = image->cluster.ToString();
  response.controller_id = services.leadership->Controller().value;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  image->brokers.ForEach([&](BrokerId id, const metadata::Broker& known) {
    const metadata::Listener* listener = FindListener(*image, id, context.listener);
    if (listener == nullptr) return;
    const bool is_fenced = id != services.broker && !services.leadership->IsLive(id);
    if (!is_fenced || request.include_fenced_brokers)
      AddBroker(response, known, *listener, is_fenced);
  });
  reply(response);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(DescribeCluster, &broker::Answer)
