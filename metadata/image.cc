#include "metadata/image.h"

#include <algorithm>

#include "base/check.h"

namespace kronika::metadata {
namespace {

bool Has(const std::vector<raft::ReplicaId>& replicas, raft::ReplicaId wanted) {
  return std::ranges::find(replicas, wanted) != replicas.end();
}

}  // namespace

const Listener* Broker::FindListener(std::string_view name) const {
  auto found = std::ranges::find(listeners, name, &Listener::name);
  return found == listeners.end() ? nullptr : &*found;
}

bool GroupMembers::Contains(raft::ReplicaId replica) const {
  if (Has(voters, replica) || Has(learners, replica)) return true;
  return wish && (Has(wish->voters, replica) || Has(wish->learners, replica));
}

raft::ReplicaId GroupMembers::ReplicaOf(BrokerId broker) const {
  raft::ReplicaId newest;
  auto look = [&](const std::vector<raft::ReplicaId>& replicas) {
    for (const auto& replica : replicas) {
      const bool newer = !newest.valid() || replica.incarnation > newest.incarnation;
      if (replica.broker == broker && newer) newest = replica;
    }
  };
  look(voters);
  look(learners);
  if (wish) look(wish->voters);
  if (wish) look(wish->learners);
  return newest;
}

raft::Membership GroupMembers::FoundingMembership() const {
  const std::uint64_t created = founding.empty() ? 0 : founding.front().incarnation.value;
  return {.voters = founding, .outgoing = {}, .learners = {}, .metadata_index = created};
}

raft::Membership GroupMembers::WishedMembership() const {
  KRONIKA_CHECK(wish.has_value());
  return {.voters = wish->voters,
          .outgoing = {},
          .learners = wish->learners,
          .metadata_index = wish->metadata_index};
}

bool Topic::operator==(const Topic& other) const {
  return name == other.name && id == other.id && created_at == other.created_at &&
         configs == other.configs &&
         std::ranges::equal(partitions, other.partitions, [](const auto& left, const auto& right) {
           return SameValue(left, right);
         });
}

bool Topic::internal() const {
  return name == "__consumer_offsets" || name == "__transaction_state";
}

const std::string* Topic::Config(std::string_view config) const {
  auto found = std::ranges::find(configs, config, &ConfigValue::name);
  return found == configs.end() ? nullptr : &found->value;
}

TopicPtr Image::FindTopic(std::string_view name) const {
  const Uuid* id = topic_names.Find(name);
  return id ? FindTopic(*id) : nullptr;
}

TopicPtr Image::FindTopic(Uuid id) const {
  const TopicPtr* topic = topics.Find(id);
  return topic ? *topic : nullptr;
}

PartitionRef Image::FindGroup(GroupId group) const {
  const GroupPlace* place = groups.Find(group);
  if (!place) return {};
  const TopicPtr topic = FindTopic(place->topic);
  KRONIKA_CHECK(topic != nullptr, "a group of the image has a topic");
  return {.topic = topic,
          .partition = topic->partitions[static_cast<std::size_t>(place->partition)]};
}

const GroupMembers* Image::FindMembers(GroupId group) const {
  if (group == kMetadataGroup) return &metadata_group;
  const PartitionRef found = FindGroup(group);
  return found ? &found.partition->members : nullptr;
}

std::vector<BrokerId> Image::RegisteredBrokers() const {
  std::vector<BrokerId> out;
  brokers.ForEach([&](BrokerId id, const Broker& broker) {
    if (broker.registered) out.push_back(id);
  });
  return out;
}

bool Image::SameContent(const Image& other) const {
  return cluster == other.cluster && format_version == other.format_version &&
         epoch_floor == other.epoch_floor && next_producer_id == other.next_producer_id &&
         next_group == other.next_group && metadata_group == other.metadata_group &&
         brokers == other.brokers && topics == other.topics && topic_names == other.topic_names &&
         groups == other.groups && broker_configs == other.broker_configs;
}

ImagePtr WithApplied(const Image& image, Index index) {
  auto next = std::make_shared<Image>(image);
  next->applied = index;
  return next;
}

}  // namespace kronika::metadata
