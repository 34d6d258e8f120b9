// Applying a batch of records to an image: the only code that makes a next image out of decisions.
//
// Every check here depends on the image and the batch alone, so that all brokers agree on what is
// void. Whether a decision is wise (valid names, known configs, spread replicas) is the
// controller's business, not this file's: a later version may decide differently, and old entries
// must still mean what they meant.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "metadata/directory_claim.h"
#include "metadata/image.h"

namespace kronika::metadata {
namespace {

std::unexpected<Error> Void(std::string text) {
  return Fail(ErrorCode::kInvalidArgument, std::move(text), "metadata record");
}

class Applier {
 public:
  Applier(const Image& image, Index index) : next_(std::make_shared<Image>(image)), index_(index) {
    next_->applied = index;
  }

  Status operator()(const ClusterFounded& record);
  Status operator()(const FormatVersionSet& record);
  Status operator()(const BrokerRegistered& record);
  Status operator()(const BrokerReplaced& record);
  Status operator()(const TopicCreated& record);
  Status operator()(const TopicDeleted& record);
  Status operator()(const ConfigSet& record);
  Status operator()(const MembershipWished& record);
  Status operator()(const MembershipDone& record);
  Status operator()(const ProducerIdsAllocated& record);

  // The finished image; the object is used up.
  ImagePtr Finish() {
    for (auto& [id, topic] : open_topics_) next_->topics.Set(id, std::move(topic));
    return std::move(next_);
  }

 private:
  // A copy of the topic that this batch may change, made once a batch; null = unknown.
  Topic* OpenTopic(Uuid id) {
    auto open = open_topics_.find(id);
    if (open != open_topics_.end()) return open->second.get();
    const TopicPtr* topic = next_->topics.Find(id);
    if (!topic) return nullptr;
    return (open_topics_[id] = std::make_shared<Topic>(**topic)).get();
  }

  Status CheckPlaced(const TopicCreated& record) const;
  bool DirectoryTaken(BrokerId broker, Uuid directory) const;
  Status SetTopicConfig(const ConfigSet& record);
  // Gives new members their incarnation; fails on members that are neither new nor of the group.
  Status Place(const GroupMembers& members, std::vector<raft::ReplicaId>& replicas) const;
  // Calls change(GroupMembers&) on the group's members, in this batch's copy.
  template <class Change>
  Status ChangeMembers(GroupId group, Change&& change);

  std::shared_ptr<Image> next_;
  const Index index_;
  std::map<Uuid, std::shared_ptr<Topic>> open_topics_;
};

Status Applier::operator()(const ClusterFounded& record) {
  if (!next_->cluster.IsZero()) {
    if (next_->cluster == record.cluster) return {};  // a founder knew it from its identity file
    return Void("founds another cluster");
  }
  next_->cluster = record.cluster;
  for (const auto& voter : record.voters) {
    const raft::ReplicaId replica{.broker = voter.broker, .incarnation = {}};
    next_->metadata_group.founding.push_back(replica);
    next_->metadata_group.voters.push_back(replica);
    next_->brokers.Set(
        voter.broker, Broker{.id = voter.broker, .directory = voter.directory, .peer = voter.peer});
  }
  return {};
}

Status Applier::operator()(const FormatVersionSet& record) {
  if (record.version > kFormatVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the cluster runs metadata version {}, this program knows up to {}: "
                            "upgrade this broker",
                            record.version, kFormatVersion),
                "metadata record");
  }
  if (record.version <= next_->format_version) return Void("format version does not rise");
  next_->format_version = record.version;
  return {};
}

bool Applier::DirectoryTaken(BrokerId broker, Uuid directory) const {
  bool taken = false;
  next_->brokers.ForEach([&](BrokerId id, const Broker& other) {
    if (id != broker && other.directory == directory) taken = true;
  });
  return taken;
}

Status Applier::operator()(const BrokerRegistered& record) {
  const Broker* known = next_->brokers.Find(record.broker);
  if (known) {
    if (auto checked = CheckClaim(*known, ClaimOf(record)); !checked)
      return Void(checked.error().text);
  }
  if (DirectoryTaken(record.broker, record.directory))
    return Void("directory belongs to another broker");
  Broker broker = known ? *known : Broker{.id = record.broker, .directory = record.directory};
  broker.boot_epoch = record.boot_epoch;
  broker.listeners = record.listeners;
  broker.peer = record.peer;
  broker.rack = record.rack;
  broker.format_nonce = record.format_nonce;
  broker.process_nonce = record.process_nonce;
  broker.registered = true;
  next_->brokers.Set(record.broker, std::move(broker));
  return {};
}

Status Applier::operator()(const BrokerReplaced& record) {
  const Broker* known = next_->brokers.Find(record.broker);
  if (!known) return Void("replaces an unknown broker");
  if (known->directory == record.directory) return Void("replaces a broker by itself");
  if (DirectoryTaken(record.broker, record.directory))
    return Void("directory belongs to another broker");
  Broker broker = *known;
  broker.directory = record.directory;
  broker.boot_epoch = 0;
  broker.format_nonce = 0;
  broker.process_nonce = 0;
  broker.registered = false;
  broker.replaced_at = index_;
  next_->brokers.Set(record.broker, std::move(broker));
  return {};
}

Status Applier::CheckPlaced(const TopicCreated& record) const {
  if (record.name.empty() || record.topic.IsZero() || record.partitions.empty())
    return Void("incomplete topic");
  if (next_->topic_names.Find(record.name)) return Void("topic name is taken: " + record.name);
  if (next_->topics.Find(record.topic)) return Void("topic id is taken");
  GroupId expected = next_->next_group;
  for (const auto& placed : record.partitions) {
    if (placed.group != expected) return Void("group id is not the next one");
    ++expected.value;
    std::set<BrokerId> brokers;
    for (const auto& replica : placed.replicas) {
      if (replica.incarnation != kPlacedHere) return Void("a new replica has an old incarnation");
      if (!next_->brokers.Find(replica.broker)) return Void("a replica on an unknown broker");
      if (!brokers.insert(replica.broker).second)
        return Void("two replicas of a partition on one broker");
    }
    if (brokers.empty()) return Void("a partition without replicas");
  }
  return {};
}

Status Applier::operator()(const TopicCreated& record) {
  KRONIKA_TRY(CheckPlaced(record));
  auto topic = std::make_shared<Topic>();
  topic->name = record.name;
  topic->id = record.topic;
  topic->created_at = index_;
  topic->configs = record.configs;
  std::ranges::sort(topic->configs, {}, &ConfigValue::name);
  for (const auto& placed : record.partitions) {
    Partition partition{.group = placed.group,
                        .number = static_cast<std::int32_t>(topic->partitions.size()),
                        .created_at = index_,
                        .epoch_floor = next_->epoch_floor};
    for (const auto& replica : placed.replicas) {
      partition.members.founding.push_back(
          {.broker = replica.broker, .incarnation = {index_.value}});
    }
    partition.members.voters = partition.members.founding;
    partition.members.metadata_index = index_.value;
    next_->groups.Set(placed.group, {.topic = record.topic, .partition = partition.number});
    next_->next_group = {placed.group.value + 1};
    topic->partitions.push_back(std::make_shared<const Partition>(std::move(partition)));
  }
  next_->topic_names.Set(record.name, record.topic);
  next_->topics.Set(record.topic, std::move(topic));
  return {};
}

Status Applier::operator()(const TopicDeleted& record) {
  const TopicPtr topic = next_->FindTopic(record.topic);
  if (!topic) return Void("deletes an unknown topic");
  for (const auto& partition : topic->partitions) next_->groups.Erase(partition->group);
  next_->topic_names.Erase(topic->name);
  next_->topics.Erase(record.topic);
  open_topics_.erase(record.topic);
  next_->epoch_floor = std::max(next_->epoch_floor, record.epoch_floor);
  return {};
}

Status Applier::operator()(const ConfigSet& record) {
  if (record.scope == ConfigScope::kTopic) return SetTopicConfig(record);
  const auto key = std::pair(record.subject, record.name);
  if (record.value) {
    next_->broker_configs.Set(key, *record.value);
  } else {
    next_->broker_configs.Erase(key);
  }
  return {};
}

Status Applier::SetTopicConfig(const ConfigSet& record) {
  const Uuid* id = next_->topic_names.Find(record.subject);
  Topic* topic = id ? OpenTopic(*id) : nullptr;
  if (!topic) return Void("config of an unknown topic");
  std::erase_if(topic->configs,
                [&](const ConfigValue& config) { return config.name == record.name; });
  if (record.value) topic->configs.push_back({.name = record.name, .value = *record.value});
  std::ranges::sort(topic->configs, {}, &ConfigValue::name);
  return {};
}

template <class Change>
Status Applier::ChangeMembers(GroupId group, Change&& change) {
  if (group == kMetadataGroup) return change(next_->metadata_group);
  const GroupPlace* place = next_->groups.Find(group);
  Topic* topic = place ? OpenTopic(place->topic) : nullptr;
  if (!topic) return Void("membership of an unknown group");
  PartitionPtr& slot = topic->partitions[static_cast<std::size_t>(place->partition)];
  auto partition = std::make_shared<Partition>(*slot);
  KRONIKA_TRY(change(partition->members));
  slot = std::move(partition);
  return {};
}

Status Applier::Place(const GroupMembers& members, std::vector<raft::ReplicaId>& replicas) const {
  for (auto& replica : replicas) {
    if (!next_->brokers.Find(replica.broker)) return Void("a member on an unknown broker");
    if (replica.incarnation == kPlacedHere) {
      replica.incarnation = {index_.value};
    } else if (!members.Contains(replica)) {
      return Void("a member that was never placed in the group");
    }
  }
  return {};
}

Status Applier::operator()(const MembershipWished& record) {
  return ChangeMembers(record.group, [&](GroupMembers& members) -> Status {
    MembershipWish wish{
        .metadata_index = index_.value, .voters = record.voters, .learners = record.learners};
    KRONIKA_TRY(Place(members, wish.voters));
    KRONIKA_TRY(Place(members, wish.learners));
    std::set<BrokerId> brokers;
    for (const auto& replica : wish.voters) brokers.insert(replica.broker);
    for (const auto& replica : wish.learners) brokers.insert(replica.broker);
    if (wish.voters.empty()) return Void("a group without voters");
    if (brokers.size() != wish.voters.size() + wish.learners.size())
      return Void("a broker is a member twice");
    members.wish = std::move(wish);
    return {};
  });
}

Status Applier::operator()(const MembershipDone& record) {
  return ChangeMembers(record.group, [&](GroupMembers& members) -> Status {
    if (!members.wish || members.wish->metadata_index != record.metadata_index) {
      return Void("confirms a wish that is not the newest");
    }
    members.voters = std::move(members.wish->voters);
    members.learners = std::move(members.wish->learners);
    members.metadata_index = record.metadata_index;
    members.wish.reset();
    return {};
  });
}

Status Applier::operator()(const ProducerIdsAllocated& record) {
  if (record.first != next_->next_producer_id || record.count <= 0)
    return Void("producer ids are not the next ones");
  next_->next_producer_id += record.count;
  return {};
}

}  // namespace

Result<ImagePtr> Apply(const Image& image, Index index, const Records& records) {
  Applier applier(image, index);
  for (const auto& record : records) {
    KRONIKA_TRY(std::visit(applier, record));
  }
  return applier.Finish();
}

ImagePtr FoundingImage(Uuid cluster, const std::vector<FoundingVoter>& voters) {
  Image empty;
  Applier applier(empty, Index{});
  IgnoreError(applier(ClusterFounded{.cluster = cluster, .voters = voters}),
              "an empty image takes every founding");
  return applier.Finish();
}

}  // namespace kronika::metadata
