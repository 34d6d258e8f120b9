// Topics, replicas and leaders; see lookup.h.
#include "broker/api/lookup.h"

namespace kronika::broker {

const metadata::Listener* FindListener(const metadata::Image& image, BrokerId broker,
                                       std::string_view listener) {
  const metadata::Broker* found = image.FindBroker(broker);
  return found != nullptr && found->registered ? found->FindListener(listener) : nullptr;
}

Replica FindReplica(const Services& services, const metadata::Topic& topic,
                    std::int32_t partition) {
  if (partition < 0 || static_cast<std::size_t>(partition) >= topic.partitions.size()) {
    return {.error = KafkaError::kUnknownTopicOrPartition};
  }
  Partition* found = services.partitions->Find(topic.id, partition);
  if (found == nullptr) return {.error = KafkaError::kNotLeaderOrFollower};
  return {.partition = found};
}

KafkaError CheckLeaderEpoch(std::int32_t client, std::int32_t ours) {
  if (client < 0 || client == ours) return KafkaError::kNone;
  return client < ours ? KafkaError::kFencedLeaderEpoch : KafkaError::kUnknownLeaderEpoch;
}

}  // namespace kronika::broker
