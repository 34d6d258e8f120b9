// Requests about topics, configs and offsets; see admin.h.
#include "cmd/client/admin.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/kafka/create_topics.h"
#include "proto/kafka/delete_topics.h"
#include "proto/kafka/describe_configs.h"
#include "proto/kafka/elect_leaders.h"
#include "proto/kafka/init_producer_id.h"
#include "proto/kafka/list_offsets.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

constexpr std::int8_t kTopicResource = 2;

std::string SourceName(std::int8_t source) {
  constexpr std::array<std::string_view, 7> kNames = {"UNKNOWN",
                                                      "DYNAMIC_TOPIC_CONFIG",
                                                      "DYNAMIC_BROKER_CONFIG",
                                                      "DYNAMIC_DEFAULT_BROKER_CONFIG",
                                                      "STATIC_BROKER_CONFIG",
                                                      "DEFAULT_CONFIG",
                                                      "DYNAMIC_BROKER_LOGGER_CONFIG"};
  const auto index = static_cast<std::size_t>(source);
  return std::string(source >= 0 && index < kNames.size() ? kNames[index] : kNames[0]);
}

// What one leader says of its partitions goes into `out`. The first error that asking again may
// heal is returned as kUnavailable or kNotLeader.
Status AskLeader(Connection& leader, const kafka::ListOffsetsRequest& request, Moment deadline,
                 std::map<std::int32_t, std::int64_t>& out) {
  auto answer = leader.Call(request, deadline);
  if (!answer) return std::unexpected(std::move(answer).error());
  Status status;
  for (const auto& topic : answer->topics) {
    for (const auto& each : topic.partitions) {
      if (each.error_code == KafkaError::kNone) {
        out[each.partition_index] = each.offset;
      } else {
        status = std::unexpected(FromKafka(
            each.error_code, std::string(topic.name) + "-" + std::to_string(each.partition_index)));
      }
    }
  }
  return status;
}

// A broker whose time is over says why, and the client is still there to hear it.
std::int32_t PatienceOfBroker(const Cluster& cluster) {
  return static_cast<std::int32_t>(cluster.options().request_timeout.count() * 9 / 10);
}

Status AskLeaders(Cluster& cluster, const TopicInfo& topic, std::int64_t timestamp,
                  std::map<std::int32_t, std::int64_t>& out) {
  std::map<std::int32_t, kafka::ListOffsetsRequest> by_leader;
  for (const auto& each : topic.partitions) {
    if (out.contains(each.index)) continue;
    auto& request = by_leader[each.leader];
    request.replica_id = -1;
    request.timeout_ms = PatienceOfBroker(cluster);
    if (request.topics.empty()) request.topics.emplace_back().name = topic.name;
    auto& partition = request.topics.front().partitions.emplace_back();
    partition.partition_index = each.index;
    partition.timestamp = timestamp;
  }
  Status status;
  for (const auto& [leader, request] : by_leader) {
    if (leader < 0) {
      const auto partition = request.topics.front().partitions.front().partition_index;
      status = Fail(ErrorCode::kUnavailable, "the partition has no leader",
                    topic.name + "-" + std::to_string(partition));
      continue;
    }
    auto connection = cluster.To(leader);
    if (!connection) {
      status = std::unexpected(std::move(connection).error());
      continue;
    }
    auto asked = AskLeader(**connection, request, Now() + cluster.options().request_timeout, out);
    if (asked) continue;
    if (asked.error().code == ErrorCode::kIo || asked.error().code == ErrorCode::kTimedOut) {
      cluster.Drop(leader);
    }
    status = std::move(asked);
  }
  return status;
}

// The response has no text of its own, and the name of the code speaks of groups.
Error WhyNoProducerId(KafkaError error) {
  if (error != KafkaError::kCoordinatorNotAvailable) return FromKafka(error, "producer id");
  return FromKafka(error, "producer id",
                   "no controller gives one out: the metadata group has no leader (does a majority "
                   "of the brokers run?), or the broker that was asked is not connected to it");
}

}  // namespace

Status CreateTopic(Cluster& cluster, const NewTopic& topic) {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = PatienceOfBroker(cluster);
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic.name;
  wanted.num_partitions = topic.partitions;
  wanted.replication_factor = topic.replication_factor;
  for (const auto& [name, value] : topic.configs) wanted.configs.push_back({name, value});
  auto answer = cluster.CallAny(request, cluster.options().request_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  for (const auto& each : answer->topics) {
    if (each.error_code == KafkaError::kNone) continue;
    return std::unexpected(
        FromKafka(each.error_code, "topic " + topic.name, each.error_message.value_or("")));
  }
  return {};
}

Status DeleteTopic(Cluster& cluster, const std::string& topic) {
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = PatienceOfBroker(cluster);
  request.topics.emplace_back().name = topic;
  request.topic_names.push_back(topic);
  auto answer = cluster.CallAny(request, cluster.options().request_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  for (const auto& each : answer->responses) {
    if (each.error_code == KafkaError::kNone) continue;
    return std::unexpected(
        FromKafka(each.error_code, "topic " + topic, each.error_message.value_or("")));
  }
  return {};
}

Result<std::vector<ElectedPartition>> ElectPreferredLeaders(
    Cluster& cluster, const std::optional<std::string>& topic) {
  kafka::ElectLeadersRequest request;
  request.timeout_ms = PatienceOfBroker(cluster);
  request.topic_partitions.reset();
  if (topic) {
    auto info = cluster.DescribeTopic(*topic);
    if (!info) return std::unexpected(std::move(info).error());
    auto& asked = request.topic_partitions.emplace().emplace_back();
    asked.topic = *topic;
    for (const auto& partition : info->partitions) asked.partitions.push_back(partition.index);
  }
  auto answer = cluster.CallAny(request, cluster.options().request_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != KafkaError::kNone)
    return std::unexpected(FromKafka(answer->error_code, "the election"));
  std::vector<ElectedPartition> out;
  for (const auto& each : answer->replica_election_results) {
    for (const auto& result : each.partition_result) {
      if (result.error_code == KafkaError::kElectionNotNeeded) continue;
      std::string error;
      if (result.error_code != KafkaError::kNone)
        error = result.error_message.value_or(std::string(kafka::Text(result.error_code)));
      out.push_back({each.topic, result.partition_id, std::move(error)});
    }
  }
  return out;
}

Result<std::vector<ConfigInfo>> DescribeTopicConfigs(Cluster& cluster, const std::string& topic) {
  kafka::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = topic;
  resource.configuration_keys = std::nullopt;
  request.include_documentation = true;
  auto answer = cluster.CallAny(request, cluster.options().request_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  std::vector<ConfigInfo> out;
  for (const auto& result : answer->results) {
    if (result.error_code != KafkaError::kNone) {
      return std::unexpected(
          FromKafka(result.error_code, "topic " + topic, result.error_message.value_or("")));
    }
    for (const auto& each : result.configs) {
      out.push_back({.name = std::string(each.name),
                     .value = std::string(each.value.value_or("")),
                     .source = SourceName(each.config_source),
                     .documentation = std::string(each.documentation.value_or(""))});
    }
  }
  std::ranges::sort(out, {}, &ConfigInfo::name);
  return out;
}

Result<std::map<std::string, std::int32_t>> DescribeMinInSync(
    Cluster& cluster, const std::vector<std::string>& topics) {
  constexpr std::string_view kName = "min.insync.replicas";
  kafka::DescribeConfigsRequest request;
  for (const auto& topic : topics) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopicResource;
    resource.resource_name = topic;
    resource.configuration_keys.emplace().emplace_back(kName);
  }
  auto answer = cluster.CallAny(request, cluster.options().request_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  std::map<std::string, std::int32_t> out;
  for (const auto& result : answer->results) {
    for (const auto& each : result.configs) {
      const std::string text(each.value.value_or(""));
      std::int32_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (each.name == kName && error == std::errc())
        out[std::string(result.resource_name)] = value;
    }
  }
  return out;
}

KnownOffsets ListKnownOffsets(Cluster& cluster, const std::string& topic, std::int64_t timestamp,
                              Moment deadline) {
  KnownOffsets out;
  for (MissingTopic missing(cluster.options().missing_patience);;) {
    auto info = cluster.DescribeTopic(topic);
    Status status;
    if (info) {
      status = AskLeaders(cluster, *info, timestamp, out.offsets);
    } else {
      status = std::unexpected(info.error());
    }
    out.error.reset();
    if (status) return out;
    out.error = std::move(status).error();
    const bool final =
        out.error->code == ErrorCode::kInvalidArgument || (!info && missing.Believed(info.error()));
    if (final || Left(deadline) == Milliseconds(0)) return out;
    cluster.PauseAfter(*out.error);
  }
}

Result<std::map<std::int32_t, std::int64_t>> ListOffsets(Cluster& cluster, const std::string& topic,
                                                         std::int64_t timestamp, Moment deadline) {
  auto known = ListKnownOffsets(cluster, topic, timestamp, deadline);
  if (known.error) return std::unexpected(std::move(*known.error));
  return std::move(known.offsets);
}

Result<ProducerIdentity> InitProducerId(Cluster& cluster, Moment deadline) {
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = 60'000;
  std::optional<Error> told;  // what a broker said tells more than a later silence
  for (;;) {
    const Milliseconds left = std::max(Left(deadline), Milliseconds(1));
    auto answer = cluster.CallAny(request, std::min(left, cluster.options().request_timeout));
    if (answer && answer->error_code == KafkaError::kNone) {
      return ProducerIdentity{.id = answer->producer_id, .epoch = answer->producer_epoch};
    }
    if (answer) told = WhyNoProducerId(answer->error_code);
    const bool final = answer ? !kafka::IsRetriable(answer->error_code)
                              : answer.error().code == ErrorCode::kUnsupported;
    Error why = told ? *told : std::move(answer).error();
    if (final || Left(deadline) == Milliseconds(0)) return std::unexpected(std::move(why));
    cluster.PauseAfter(why);
  }
}

}  // namespace kronika::client
