// What the command line asks about consumer groups: which there are, who is in one, its offsets.
//
// Blocking, through a Cluster or a Coordinator that the caller owns. Errors carry Kafka's name of
// the error and what it is about. Source: Kafka protocol guide; KIP-88, KIP-518, KIP-709.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cmd/client/coordinator.h"

namespace kronika::client {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
  std::string Describe() const { return topic + "-" + std::to_string(partition); }
};

struct ListedGroup {
  std::string group;
  std::string protocol_type;
  std::string state;  // empty: the broker is older than this field
  std::string type;   // likewise
  std::int32_t coordinator = -1;
};
struct GroupFilter {
  std::vector<std::string> states;  // empty: all
  std::vector<std::string> types;
};
// Of every broker, by name.
Result<std::vector<ListedGroup>> ListGroups(Cluster& cluster, const GroupFilter& filter);

struct GroupMemberInfo {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assigned;  // sorted
};
struct GroupInfo {
  std::string group;
  std::string state;  // Kafka's word: "Stable", "Empty", "Dead": there is none, ...
  std::string protocol_type;
  std::string protocol;
  std::int32_t coordinator = -1;
  std::vector<GroupMemberInfo> members;  // by member id
};
Result<GroupInfo> DescribeGroup(Coordinator& coordinator, Moment deadline);

struct CommittedOffset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
};
using CommittedOffsets = std::map<TopicPartition, CommittedOffset>;
struct OffsetQuery {
  std::optional<std::vector<TopicPartition>> partitions = std::nullopt;  // absent: all there are
  bool require_stable = false;  // waits for transactions that have pending commits
};
// Partitions without a committed offset are left out.
Result<CommittedOffsets> FetchCommitted(Coordinator& coordinator, const OffsetQuery& query,
                                        Moment deadline);

// Who commits; as it stands from outside of the group.
struct Committer {
  std::string member_id;
  std::int32_t generation = -1;
  std::optional<std::string> instance_id;
};
using PartitionErrors = std::map<TopicPartition, kafka::KafkaError>;
// The partitions that were refused and why; none: all are stored.
Result<PartitionErrors> CommitOffsets(Coordinator& coordinator, const Committer& committer,
                                      const CommittedOffsets& offsets, Moment deadline);
Result<PartitionErrors> DeleteOffsets(Coordinator& coordinator,
                                      const std::vector<TopicPartition>& partitions,
                                      Moment deadline);
Status DeleteGroup(Coordinator& coordinator, Moment deadline);

}  // namespace kronika::client
