// FindCoordinator (key 10), versions 0-5: which broker coordinates a group.
//
//   v0      groups only
//   v0-v3   one key, and the answer at the top
//   v4      a list of keys
//
// A group belongs to a partition of __consumer_offsets, chosen by Java's hash of its id, and its
// coordinator is that partition's leader. The topic is made at the first use; until it has leaders
// the answer is COORDINATOR_NOT_AVAILABLE and the client asks again. Transactional ids are
// INVALID_REQUEST until there are transactions.
#include "proto/kafka/find_coordinator.h"

#include "broker/api/java_hash.h"
#include "broker/api/lookup.h"
#include "broker/api/serve.h"
#include "broker/topic_creator.h"

namespace kronika::broker {
namespace {

using kafka::FindCoordinatorRequest;
using kafka::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int8_t kGroup = 0;
constexpr std::int16_t kListFirstVersion = 4;

Coordinator Failed(KafkaError error, std::string_view text) {
  Coordinator out;
  out.node_id = kNoBroker.value;
  out.port = -1;
  out.error_code = error;
  out.error_message = std::string(text);
  return out;
}

Coordinator FindOne(const Services& services, const RequestContext& context,
                    std::string_view group) {
  const auto image = services.metadata->Image();
  const auto topic = image->FindTopic(kOffsetsTopic);
  if (topic == nullptr || topic->partitions.empty()) {
    services.creator->Want(kOffsetsTopic, image->RegisteredBrokers().size());
    return Failed(KafkaError::kCoordinatorNotAvailable, "the offsets topic is being made");
  }
  const std::int32_t partition =
      PartitionOfText(group, static_cast<std::int32_t>(topic->partitions.size()));
  const PartitionLeadership led = services.leadership->Find(topic->id, partition);
  const metadata::Listener* listener = FindListener(*image, led.leader, context.listener);
  if (listener == nullptr) {
    return Failed(KafkaError::kCoordinatorNotAvailable, "the group's partition has no leader");
  }
  Coordinator out;
  out.node_id = led.leader.value;
  out.host = listener->address.host;
  out.port = listener->address.port;
  out.error_message.reset();
  return out;
}

Coordinator FindFor(const Services& services, const RequestContext& context, std::int8_t type,
                    std::string_view key) {
  Coordinator out = type == kGroup
                        ? FindOne(services, context, key)
                        : Failed(KafkaError::kInvalidRequest, "only groups have coordinators yet");
  out.key = key;
  return out;
}

void Answer(const Services& services, const RequestContext& context, FindCoordinatorRequest request,
            Reply<FindCoordinatorResponse> reply) {
  FindCoordinatorResponse response;
  if (context.version >= kListFirstVersion) {
    for (const auto key : request.coordinator_keys) {
      response.coordinators.push_back(FindFor(services, context, request.key_type, key));
    }
    return reply(response);
  }
  Coordinator found = FindFor(services, context, request.key_type, request.key);
  response.error_code = found.error_code;
  response.error_message = std::move(found.error_message);
  response.node_id = found.node_id;
  response.host = std::move(found.host);
  response.port = found.port;
  reply(response);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(FindCoordinator, &broker::Answer)
