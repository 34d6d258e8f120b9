// Cluster; see cluster.h.
#include "cmd/client/cluster.h"

#include <algorithm>

#include "proto/kafka/metadata.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

TopicInfo TopicOf(const kafka::MetadataResponse::Topic& from) {
  TopicInfo topic{.name = from.name.value_or(""),
                  .id = from.topic_id,
                  .internal = from.is_internal,
                  .error = from.error_code};
  for (const auto& each : from.partitions) {
    topic.partitions.push_back({.index = each.partition_index,
                                .leader = each.leader_id,
                                .leader_epoch = each.leader_epoch,
                                .replicas = each.replica_nodes,
                                .in_sync = each.isr_nodes,
                                .offline = each.offline_replicas});
  }
  std::ranges::sort(topic.partitions, {}, &PartitionInfo::index);
  return topic;
}

ClusterInfo InfoOf(const kafka::MetadataResponse& from) {
  ClusterInfo info{.cluster_id = from.cluster_id ? std::string(*from.cluster_id) : "",
                   .controller = from.controller_id};
  for (const auto& each : from.brokers) {
    info.brokers.push_back(
        {.id = each.node_id,
         .address = {.host = std::string(each.host), .port = static_cast<std::uint16_t>(each.port)},
         .rack = each.rack ? std::string(*each.rack) : ""});
  }
  for (const auto& each : from.topics) info.topics.push_back(TopicOf(each));
  std::ranges::sort(info.brokers, {}, &BrokerInfo::id);
  std::ranges::sort(info.topics, {}, &TopicInfo::name);
  return info;
}

bool AllLed(const TopicInfo& topic) {
  return topic.error == KafkaError::kNone && !topic.partitions.empty() &&
         std::ranges::all_of(topic.partitions, [](const auto& each) { return each.leader >= 0; });
}

}  // namespace

const PartitionInfo* TopicInfo::Find(std::int32_t partition) const {
  const auto found = std::ranges::find(partitions, partition, &PartitionInfo::index);
  return found == partitions.end() ? nullptr : &*found;
}

Error FromKafka(KafkaError error, std::string where, std::string_view detail) {
  ErrorCode code =
      kafka::IsRetriable(error) ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
  if (error == KafkaError::kUnknownTopicOrPartition) code = ErrorCode::kNotFound;
  if (error == KafkaError::kTopicAlreadyExists) code = ErrorCode::kAlreadyExists;
  if (error == KafkaError::kNotLeaderOrFollower) code = ErrorCode::kNotLeader;
  std::string text = std::string(kafka::Name(error)) + ": ";
  text += detail.empty() ? kafka::Text(error) : detail;
  if (!kafka::IsKnown(static_cast<std::int16_t>(error))) {
    text += " (code " + std::to_string(static_cast<std::int16_t>(error)) + ")";
  }
  return {code, std::move(text), std::move(where)};
}

Result<ClusterInfo> Cluster::Describe(const std::optional<std::vector<std::string>>& topics) {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (topics) {
    request.topics.emplace();
    for (const auto& name : *topics) request.topics->emplace_back().name = name;
  } else {
    request.topics = std::nullopt;
  }
  auto answer = CallAny(request, options_.metadata_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != KafkaError::kNone) {
    return std::unexpected(FromKafka(answer->error_code, "metadata"));
  }
  ClusterInfo info = InfoOf(*answer);
  for (const auto& broker : info.brokers) {
    auto& known = brokers_[broker.id];
    if (known.address != broker.address) connections_.erase(broker.id);
    known = broker;
  }
  return info;
}

Result<TopicInfo> Cluster::DescribeTopic(const std::string& topic) {
  auto info = Describe(std::vector{topic});
  if (!info) return std::unexpected(std::move(info).error());
  const std::string where = "topic " + topic;
  if (info->topics.empty()) return Fail(ErrorCode::kCorruption, "no answer about it", where);
  TopicInfo& found = info->topics.front();
  if (found.error == KafkaError::kUnknownTopicOrPartition) {
    return Fail(ErrorCode::kNotFound,
                "there is no such topic; `kronika topic create " + topic + "` makes it", where);
  }
  // LEADER_NOT_AVAILABLE comes with the partitions, whose leaders say it again.
  if (found.error != KafkaError::kNone && found.partitions.empty()) {
    return std::unexpected(FromKafka(found.error, where));
  }
  return std::move(found);
}

Result<TopicInfo> Cluster::AwaitLeaders(const std::string& topic, Moment deadline) {
  for (MissingTopic missing(options_.missing_patience);;) {
    auto info = DescribeTopic(topic);
    if (info && AllLed(*info)) return info;
    if (!info && missing.Believed(info.error())) return info;
    Error why = info ? Error{ErrorCode::kTimedOut,
                             "not every partition has a leader; `kronika cluster health` names "
                             "them",
                             "topic " + topic}
                     : std::move(info).error();
    if (Left(deadline) == Milliseconds(0)) return std::unexpected(std::move(why));
    PauseAfter(why);
  }
}

Result<Connection*> Cluster::To(std::int32_t broker) {
  if (const auto found = connections_.find(broker); found != connections_.end()) {
    return found->second.get();
  }
  const auto known = brokers_.find(broker);
  if (known == brokers_.end()) {
    return Fail(ErrorCode::kUnavailable, "the cluster does not name this broker at present",
                "broker " + std::to_string(broker));
  }
  auto made = Connection::Open(known->second.address, Now() + options_.metadata_timeout);
  if (!made) return std::unexpected(std::move(made).error());
  auto& place = connections_[broker];
  place = std::make_unique<Connection>(std::move(*made));
  return place.get();
}

std::vector<HostPort> Cluster::Candidates() const {
  std::vector<HostPort> all;
  auto add = [&all](const HostPort& address) {
    if (std::ranges::find(all, address) == all.end()) all.push_back(address);
  };
  if (any_) add(any_->address());
  for (const auto& address : options_.brokers) add(address);
  for (const auto& [id, broker] : brokers_) add(broker.address);
  // Who was silent comes last.
  std::vector<HostPort> out;
  for (const bool silent : {false, true}) {
    for (const auto& address : all) {
      const bool was_silent = std::ranges::find(silent_, address) != silent_.end();
      if (was_silent == silent) out.push_back(address);
    }
  }
  return out;
}

Result<Connection*> Cluster::AnyAt(const HostPort& address, Moment deadline) {
  if (any_ && any_->address() == address) return &*any_;
  any_.reset();
  auto made = Connection::Open(address, deadline);
  if (!made) return std::unexpected(std::move(made).error());
  any_.emplace(std::move(*made));
  std::erase(silent_, address);
  return &*any_;
}

void Cluster::GiveUpOn(const HostPort& address) {
  any_.reset();
  std::erase(silent_, address);
  silent_.push_back(address);
}

}  // namespace kronika::client
