// What the command line asks of a cluster besides records: topics, their configs, offsets.
//
// Blocking, through a Cluster that the caller owns. Errors carry Kafka's name of the error and what
// it is about.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/client/cluster.h"

namespace kronika::client {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;          // -1: the cluster's default
  std::int16_t replication_factor = -1;  // likewise
  std::vector<std::pair<std::string, std::string>> configs;
};

Status CreateTopic(Cluster& cluster, const NewTopic& topic);
Status DeleteTopic(Cluster& cluster, const std::string& topic);

// What became of a partition's election; only partitions that another than their preferred replica
// led are told.
struct ElectedPartition {
  std::string topic;
  std::int32_t partition = 0;
  std::string error;  // empty: its preferred replica leads it now
};
// Lets preferred replicas lead the partitions of `topic`, or of every topic.
Result<std::vector<ElectedPartition>> ElectPreferredLeaders(
    Cluster& cluster, const std::optional<std::string>& topic);

struct ConfigInfo {
  std::string name;
  std::string value;
  std::string source;  // Kafka's word: DEFAULT_CONFIG, DYNAMIC_TOPIC_CONFIG, ...
  std::string documentation;
};
Result<std::vector<ConfigInfo>> DescribeTopicConfigs(Cluster& cluster, const std::string& topic);
// min.insync.replicas by topic; topics that are gone meanwhile are left out.
Result<std::map<std::string, std::int32_t>> DescribeMinInSync(
    Cluster& cluster, const std::vector<std::string>& topics);

inline constexpr std::int64_t kEndOfLog = -1;
inline constexpr std::int64_t kStartOfLog = -2;
// Offsets by partition: of the first record at or after `timestamp` (milliseconds), or of the two
// ends. Asks each leader; repeats where a leader moved, until `deadline`.
Result<std::map<std::int32_t, std::int64_t>> ListOffsets(Cluster& cluster, const std::string& topic,
                                                         std::int64_t timestamp, Moment deadline);
// The same, and what is known by the deadline when some partitions have no leader.
struct KnownOffsets {
  std::map<std::int32_t, std::int64_t> offsets;
  std::optional<Error> error;  // none: of every partition
};
KnownOffsets ListKnownOffsets(Cluster& cluster, const std::string& topic, std::int64_t timestamp,
                              Moment deadline);

struct ProducerIdentity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};
Result<ProducerIdentity> InitProducerId(Cluster& cluster, Moment deadline);

}  // namespace kronika::client
