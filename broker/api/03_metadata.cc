// Metadata (key 3), versions 0-13: brokers, topics, partitions and who leads them.
//
//   v0      an empty list asks for all topics; from v1 null does, and an empty list for none
//   v0      replicas of brokers that are down are left out, and their partition says error 9
//   v1-v5   a leader without this listener is LEADER_NOT_AVAILABLE, from v6 LISTENER_NOT_FOUND
//   v4      says whether unknown topics are created; older versions mean yes
//   v8-v10  may ask for the operations that are allowed; without an authoriser all of them
//   v10     topic ids are told; from v12 topics are asked for by id
//   v13     an error of the whole answer
//
// Unknown topics that are created on demand are answered UNKNOWN_TOPIC_OR_PARTITION; the client
// asks again.
#include "proto/kafka/metadata.h"

#include <algorithm>
#include <iterator>

#include "broker/api/lookup.h"
#include "broker/api/serve.h"
#include "broker/topic_creator.h"

namespace kronika::broker {
namespace {

using kafka::MetadataRequest;
using kafka::MetadataResponse;
using Topic = MetadataResponse::Topic;
using Partition = MetadataResponse::Partition;

constexpr std::int16_t kNullMeansAll = 1;
constexpr std::int16_t kListenerNotFoundFirst = 6;
constexpr std::int16_t kAskedByIdFirst = 12;

// Bits of Kafka's AclOperation numbers that apply to the resource.
constexpr std::int32_t kTopicOperations =
    0x0DF8;  // read, write, create, delete, alter, describe, configs
constexpr std::int32_t kClusterOperations =
    0x1FA0;  // create, alter, describe, cluster action, configs, idempotent

class MetadataAnswer {
 public:
  MetadataAnswer(const Services& services, const RequestContext& context,
                 const MetadataRequest& request)
      : services_(services),
        context_(context),
        request_(request),
        image_(services.metadata->Image()) {}

  MetadataResponse Make() {
    AddBrokers();
    response_.cluster_id = image_->cluster.ToString();
    response_.controller_id = services_.leadership->Controller().value;
    if (request_.include_cluster_authorized_operations) {
      response_.cluster_authorized_operations = kClusterOperations;
    }
    if (WantsAll()) {
      image_->topic_names.ForEach(
          [this](const std::string& name, const Uuid&) { AddTopic(*image_->FindTopic(name)); });
      return std::move(response_);
    }
    for (const auto& asked : *request_.topics) AddAsked(asked);
    return std::move(response_);
  }

 private:
  bool WantsAll() const {
    return !request_.topics.has_value() ||
           (context_.version < kNullMeansAll && request_.topics->empty());
  }

  // This broker counts itself live: it is answering.
  bool IsLive(BrokerId broker) const {
    return broker == services_.broker || services_.leadership->IsLive(broker);
  }

  const metadata::Listener* ListenerOf(BrokerId id) const {
    return FindListener(*image_, id, context_.listener);
  }

  void AddBrokers() {
    for (const BrokerId id : image_->RegisteredBrokers()) {
      const metadata::Listener* listener = ListenerOf(id);
      if (listener == nullptr || !IsLive(id)) continue;
      auto& broker = response_.brokers.emplace_back();
      broker.node_id = id.value;
      broker.host = listener->address.host;
      broker.port = listener->address.port;
      const std::string& rack = image_->FindBroker(id)->rack;
      if (!rack.empty()) broker.rack = rack;
    }
  }

  void AddAsked(const MetadataRequest::Topic& asked) {
    const bool by_id = !asked.name.has_value();
    if (by_id && context_.version < kAskedByIdFirst) {
      return AddError({}, asked.topic_id, KafkaError::kInvalidRequest);
    }
    const auto topic = by_id ? image_->FindTopic(asked.topic_id) : image_->FindTopic(*asked.name);
    if (topic != nullptr) return AddTopic(*topic);
    if (by_id) return AddError({}, asked.topic_id, KafkaError::kUnknownTopicId);
    if (!IsValidTopicName(*asked.name)) {
      return AddError(*asked.name, {}, KafkaError::kInvalidTopicException);
    }
    if (request_.allow_auto_topic_creation && services_.settings.auto_create_topics) {
      services_.creator->Want(*asked.name, image_->RegisteredBrokers().size());
    }
    AddError(*asked.name, {}, KafkaError::kUnknownTopicOrPartition);
  }

  void AddError(std::optional<std::string_view> name, const Uuid& id, KafkaError error) {
    Topic& topic = response_.topics.emplace_back();
    topic.error_code = error;
    topic.topic_id = id;
    topic.name.reset();
    if (name || context_.version < kAskedByIdFirst) topic.name = name.value_or(std::string_view{});
  }

  void AddTopic(const metadata::Topic& known) {
    Topic& topic = response_.topics.emplace_back();
    topic.name = known.name;
    topic.topic_id = known.id;
    topic.is_internal = known.internal();
    if (request_.include_topic_authorized_operations) {
      topic.topic_authorized_operations = kTopicOperations;
    }
    topic.partitions.reserve(known.partitions.size());
    for (const auto& partition : known.partitions) {
      topic.partitions.push_back(MakePartition(known, *partition));
    }
  }

  Partition MakePartition(const metadata::Topic& topic, const metadata::Partition& known) const {
    const PartitionLeadership led = services_.leadership->Find(topic.id, known.number);
    Partition out;
    out.partition_index = known.number;
    out.leader_epoch = led.leader_epoch;
    out.error_code = LeaderError(led.leader);
    out.leader_id = out.error_code == KafkaError::kNone ? led.leader.value : kNoBroker.value;
    for (const auto& replica : known.members.voters) {
      out.replica_nodes.push_back(replica.broker.value);
      if (!IsLive(replica.broker)) out.offline_replicas.push_back(replica.broker.value);
    }
    for (const BrokerId broker : led.in_sync) out.isr_nodes.push_back(broker.value);
    if (context_.version < kNullMeansAll) HideOffline(out);
    return out;
  }

  KafkaError LeaderError(BrokerId leader) const {
    if (leader == kNoBroker || !IsLive(leader)) return KafkaError::kLeaderNotAvailable;
    if (ListenerOf(leader) != nullptr) return KafkaError::kNone;
    return context_.version < kListenerNotFoundFirst ? KafkaError::kLeaderNotAvailable
                                                     : KafkaError::kListenerNotFound;
  }

  // Version 0 cannot say which replicas are offline: they are left out, with an error.
  void HideOffline(Partition& partition) const {
    const auto is_offline = [this](std::int32_t id) { return !IsLive(BrokerId{id}); };
    const auto hidden = std::erase_if(partition.replica_nodes, is_offline) +
                        std::erase_if(partition.isr_nodes, is_offline);
    if (hidden > 0 && partition.error_code == KafkaError::kNone) {
      partition.error_code = KafkaError::kReplicaNotAvailable;
    }
  }

  const Services& services_;
  const RequestContext& context_;
  const MetadataRequest& request_;
  const metadata::ImagePtr image_;
  MetadataResponse response_;
};

void Answer(const Services& services, const RequestContext& context, MetadataRequest request,
            Reply<MetadataResponse> reply) {
  if (request.topics) {
    DropRepeats(*request.topics, [](const MetadataRequest::Topic& asked) {
      return std::pair(asked.name, asked.topic_id);
    });
  }
  reply(MetadataAnswer(services, context, request).Make());
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(Metadata, &broker::Answer)
