// Requests about consumer groups; see consumer_groups.h.
#include "cmd/client/consumer_groups.h"

#include <algorithm>

#include "proto/kafka/consumer_protocol_assignment.h"
#include "proto/kafka/delete_groups.h"
#include "proto/kafka/describe_groups.h"
#include "proto/kafka/list_groups.h"
#include "proto/kafka/offset_commit.h"
#include "proto/kafka/offset_delete.h"
#include "proto/kafka/offset_fetch.h"
#include "proto/kafka/versioned.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

std::string Where(const Coordinator& coordinator) {
  return "consumer group " + coordinator.group();
}

// Of another protocol type than "consumer" nobody but its members can read the assignment.
std::vector<TopicPartition> AssignedIn(const Slice& bytes) {
  std::vector<TopicPartition> out;
  const auto assignment = kafka::DecodeVersionedOrLater<kafka::ConsumerProtocolAssignment>(bytes);
  if (!assignment) return out;
  for (const auto& topic : assignment->assigned_partitions) {
    for (const auto partition : topic.partitions) {
      out.push_back({std::string(topic.topic), partition});
    }
  }
  std::ranges::sort(out);
  return out;
}

GroupMemberInfo MemberOf(const kafka::DescribeGroupsResponse::Member& from, bool consumers) {
  GroupMemberInfo member{
      .member_id = from.member_id, .client_id = from.client_id, .host = from.client_host};
  if (from.group_instance_id) member.instance_id = std::string(*from.group_instance_id);
  if (consumers) member.assigned = AssignedIn(from.member_assignment);
  return member;
}

// The topics of `partitions`, each with its partitions; `add(topic, partition)` fills one in.
template <class Topics, class Add>
void ByTopic(const std::vector<TopicPartition>& partitions, Topics& topics, Add add) {
  for (const auto& each : partitions) {
    if (topics.empty() || topics.back().name != each.topic) {
      topics.emplace_back().name = each.topic;
    }
    add(topics.back(), each);
  }
}

std::vector<TopicPartition> Sorted(std::vector<TopicPartition> partitions) {
  std::ranges::sort(partitions);
  return partitions;
}

template <class Topics>
Status TakeCommitted(const Topics& topics, CommittedOffsets& out) {
  for (const auto& topic : topics) {
    for (const auto& each : topic.partitions) {
      const TopicPartition where{std::string(topic.name), each.partition_index};
      if (each.error_code != KafkaError::kNone) {
        return std::unexpected(FromKafka(each.error_code, where.Describe()));
      }
      if (each.committed_offset < 0) continue;
      out[where] = {.offset = each.committed_offset,
                    .leader_epoch = each.committed_leader_epoch,
                    .metadata = each.metadata.value_or("")};
    }
  }
  return {};
}

// Errors that speak for the whole group stand in each partition where there is no other place.
template <class Topics>
KafkaError FirstHealable(const Topics& topics) {
  for (const auto& topic : topics) {
    for (const auto& each : topic.partitions) {
      if (HealedByLookingAgain(each.error_code)) return each.error_code;
    }
  }
  return KafkaError::kNone;
}

KafkaError ErrorOf(const kafka::OffsetFetchResponse& answer) {
  if (!answer.groups.empty()) return answer.groups.front().error_code;
  if (answer.error_code != KafkaError::kNone) return answer.error_code;
  return FirstHealable(answer.topics);
}

template <class Topics>
PartitionErrors ErrorsIn(const Topics& topics) {
  PartitionErrors out;
  for (const auto& topic : topics) {
    for (const auto& each : topic.partitions) {
      if (each.error_code == KafkaError::kNone) continue;
      out[{std::string(topic.name), each.partition_index}] = each.error_code;
    }
  }
  return out;
}

}  // namespace

Result<std::vector<ListedGroup>> ListGroups(Cluster& cluster, const GroupFilter& filter) {
  auto info = cluster.Describe(std::vector<std::string>{});
  if (!info) return std::unexpected(std::move(info).error());
  kafka::ListGroupsRequest request;
  for (const auto& state : filter.states) request.states_filter.emplace_back(state);
  for (const auto& type : filter.types) request.types_filter.emplace_back(type);
  const kafka::VersionRange wanted{static_cast<std::int16_t>(!filter.types.empty()    ? 5
                                                             : !filter.states.empty() ? 4
                                                                                      : 0),
                                   127};
  std::vector<ListedGroup> out;
  for (const auto& broker : info->brokers) {
    const auto deadline = Now() + cluster.options().request_timeout;
    auto connection = cluster.To(broker.id);
    if (!connection) return std::unexpected(std::move(connection).error());
    auto answer = (*connection)->Call(request, deadline, wanted);
    if (!answer) return std::unexpected(std::move(answer).error());
    if (answer->error_code != KafkaError::kNone) {
      return std::unexpected(FromKafka(answer->error_code, broker.address.Describe()));
    }
    for (const auto& each : answer->groups) {
      out.push_back({.group = each.group_id,
                     .protocol_type = each.protocol_type,
                     .state = each.group_state,
                     .type = each.group_type,
                     .coordinator = broker.id});
    }
  }
  std::ranges::sort(out, {}, &ListedGroup::group);
  return out;
}

Result<GroupInfo> DescribeGroup(Coordinator& coordinator, Moment deadline) {
  kafka::DescribeGroupsRequest request;
  request.groups = {coordinator.group()};
  auto answer = coordinator.Call(request, deadline, [](const auto& found) {
    return found.groups.empty() ? KafkaError::kNone : found.groups.front().error_code;
  });
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->groups.empty()) {
    return Fail(ErrorCode::kCorruption, "no answer about it", Where(coordinator));
  }
  const auto& found = answer->groups.front();
  auto broker = coordinator.Find(deadline);
  if (!broker) return std::unexpected(std::move(broker).error());
  GroupInfo info{.group = coordinator.group(), .coordinator = *broker};
  // From version 6 on a group that does not exist is an error, before it was a state.
  if (found.error_code == KafkaError::kGroupIdNotFound) {
    info.state = "Dead";
    return info;
  }
  if (found.error_code != KafkaError::kNone) {
    return std::unexpected(
        FromKafka(found.error_code, Where(coordinator), found.error_message.value_or("")));
  }
  info.state = found.group_state;
  info.protocol_type = found.protocol_type;
  info.protocol = found.protocol_data;
  for (const auto& each : found.members) {
    info.members.push_back(MemberOf(each, found.protocol_type == "consumer"));
  }
  std::ranges::sort(info.members, {}, &GroupMemberInfo::member_id);
  return info;
}

Result<CommittedOffsets> FetchCommitted(Coordinator& coordinator, const OffsetQuery& query,
                                        Moment deadline) {
  // Asked in the form of every version; each writes its own.
  kafka::OffsetFetchRequest request;
  request.group_id = coordinator.group();
  request.require_stable = query.require_stable;
  auto& group = request.groups.emplace_back();
  group.group_id = coordinator.group();
  const auto sorted = Sorted(query.partitions.value_or(std::vector<TopicPartition>{}));
  request.topics.reset();
  group.topics.reset();
  if (query.partitions) {
    const auto add = [](auto& topic, const TopicPartition& each) {
      topic.partition_indexes.push_back(each.partition);
    };
    ByTopic(sorted, request.topics.emplace(), add);
    ByTopic(sorted, group.topics.emplace(), add);
  }
  auto answer = coordinator.Call(request, deadline, &ErrorOf);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (const auto error = ErrorOf(*answer); error != KafkaError::kNone) {
    return std::unexpected(FromKafka(error, Where(coordinator)));
  }
  CommittedOffsets out;
  KRONIKA_TRY(answer->groups.empty() ? TakeCommitted(answer->topics, out)
                                     : TakeCommitted(answer->groups.front().topics, out));
  return out;
}

Result<PartitionErrors> CommitOffsets(Coordinator& coordinator, const Committer& committer,
                                      const CommittedOffsets& offsets, Moment deadline) {
  kafka::OffsetCommitRequest request;
  request.group_id = coordinator.group();
  request.member_id = committer.member_id;
  request.generation_id_or_member_epoch = committer.generation;
  if (committer.instance_id) request.group_instance_id = *committer.instance_id;
  for (const auto& [where, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != where.topic) {
      request.topics.emplace_back().name = where.topic;
    }
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.partition_index = where.partition;
    partition.committed_offset = offset.offset;
    partition.committed_leader_epoch = offset.leader_epoch;
    partition.committed_metadata = offset.metadata;
  }
  auto answer = coordinator.Call(request, deadline,
                                 [](const auto& found) { return FirstHealable(found.topics); });
  if (!answer) return std::unexpected(std::move(answer).error());
  return ErrorsIn(answer->topics);
}

Result<PartitionErrors> DeleteOffsets(Coordinator& coordinator,
                                      const std::vector<TopicPartition>& partitions,
                                      Moment deadline) {
  kafka::OffsetDeleteRequest request;
  request.group_id = coordinator.group();
  const auto sorted = Sorted(partitions);
  ByTopic(sorted, request.topics, [](auto& topic, const TopicPartition& each) {
    topic.partitions.emplace_back().partition_index = each.partition;
  });
  auto answer =
      coordinator.Call(request, deadline, [](const auto& found) { return found.error_code; });
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != KafkaError::kNone) {
    return std::unexpected(FromKafka(answer->error_code, Where(coordinator)));
  }
  return ErrorsIn(answer->topics);
}

Status DeleteGroup(Coordinator& coordinator, Moment deadline) {
  kafka::DeleteGroupsRequest request;
  request.groups_names = {coordinator.group()};
  auto answer = coordinator.Call(request, deadline, [](const auto& found) {
    return found.results.empty() ? KafkaError::kNone : found.results.front().error_code;
  });
  if (!answer) return std::unexpected(std::move(answer).error());
  for (const auto& each : answer->results) {
    if (each.error_code == KafkaError::kNone) continue;
    return std::unexpected(
        FromKafka(each.error_code, Where(coordinator), each.error_message.value_or("")));
  }
  return {};
}

}  // namespace kronika::client
