#include "metadata/delta.h"

#include <algorithm>

namespace kronika::metadata {
namespace {

PartitionPtr PartitionAt(const TopicPtr& topic, std::size_t number) {
  return topic && number < topic->partitions.size() ? topic->partitions[number] : nullptr;
}

void DiffGroups(const TopicChange& change, std::vector<GroupChange>& out) {
  const std::size_t count = std::max(change.before ? change.before->partitions.size() : 0,
                                     change.after ? change.after->partitions.size() : 0);
  for (std::size_t number = 0; number < count; ++number) {
    PartitionPtr before = PartitionAt(change.before, number);
    PartitionPtr after = PartitionAt(change.after, number);
    if (SameValue(before, after)) continue;
    out.push_back({.before = {.topic = change.before, .partition = std::move(before)},
                   .after = {.topic = change.after, .partition = std::move(after)}});
  }
}

}  // namespace

bool Delta::empty() const {
  return brokers.empty() && topics.empty() && groups.empty() && broker_configs.empty() &&
         !metadata_group;
}

Delta Diff(const Image& before, const Image& after) {
  Delta delta;
  decltype(after.brokers)::Diff(
      before.brokers, after.brokers,
      [&](BrokerId broker, const Broker*, const Broker*) { delta.brokers.push_back(broker); });
  decltype(after.topics)::Diff(
      before.topics, after.topics,
      [&](const Uuid&, const TopicPtr* old_topic, const TopicPtr* new_topic) {
        delta.topics.push_back({.before = old_topic ? *old_topic : nullptr,
                                .after = new_topic ? *new_topic : nullptr});
      });
  for (const auto& change : delta.topics) DiffGroups(change, delta.groups);
  decltype(after.broker_configs)::Diff(
      before.broker_configs, after.broker_configs,
      [&](const auto& key, const std::string*, const std::string*) {
        delta.broker_configs.push_back(key);
      });
  delta.metadata_group = !(before.metadata_group == after.metadata_group);
  return delta;
}

}  // namespace kronika::metadata
