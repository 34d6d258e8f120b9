// Who of a consumer group reads which partition, as the group's leader decides it: pure functions
// of what the members said and how many partitions there are.
//
// Any thread; no state. Every partition of a subscribed topic that exists goes to exactly one
// member that subscribes to it, and the same input gives the same answer.
//   range   topic by topic, consecutive partitions to members by rising id
//   sticky  every member keeps what it had, as far as loads stay level: while a member has two more
//           than another that could take one, one moves
// Source: Kafka's documentation of partition.assignment.strategy; KIP-54 (sticky), KIP-341.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/client/consumer_groups.h"

namespace kronika::client {

enum class Assignor { kRange, kSticky };
// As members name it to each other: "range", "sticky".
std::string_view Name(Assignor assignor);
std::optional<Assignor> ParseAssignor(std::string_view name);

// What a member said when it joined.
struct Subscriber {
  std::string member_id;
  std::optional<std::string> instance_id = std::nullopt;
  std::vector<std::string> topics;
  std::vector<TopicPartition> owned = {};  // before this rebalance
  std::int32_t owned_generation = -1;      // the generation in which it owned them
};
using PartitionCounts = std::map<std::string, std::int32_t>;  // of topics that exist
// By member id; each member has an entry, and its partitions are sorted.
using Assignments = std::map<std::string, std::vector<TopicPartition>>;

Assignments Assign(Assignor assignor, std::vector<Subscriber> members,
                   const PartitionCounts& counts);

// A subscription as bytes for JoinGroup, and what another member's say. Sticky members tell what
// they had as user data, in the form that Kafka's sticky assignor reads. kCorruption.
Slice EncodeSubscription(Assignor assignor, const Subscriber& member);
Result<Subscriber> DecodeSubscription(const Slice& bytes);
// What a member gets; bytes of SyncGroup.
Slice EncodeAssignment(const std::vector<TopicPartition>& partitions);
Result<std::vector<TopicPartition>> DecodeAssignment(const Slice& bytes);

}  // namespace kronika::client
