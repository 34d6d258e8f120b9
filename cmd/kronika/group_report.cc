// A consumer group's report: gathered and printed; see group_report.h.
#include "cmd/kronika/group_report.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "cmd/client/admin.h"

namespace kronika::cmd {
namespace {

using client::GroupInfo;
using client::GroupMemberInfo;
using client::TopicPartition;

// How long a partition without a leader may hold up the report.
constexpr client::Milliseconds kOffsetsWait{500};

std::string Text(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "";
}

std::optional<std::int64_t> Known(const client::KnownOffsets& known, std::int32_t partition) {
  const auto found = known.offsets.find(partition);
  return found == known.offsets.end() ? std::nullopt : std::optional(found->second);
}

void AddEnds(client::Cluster& cluster, std::vector<PartitionReport>& partitions) {
  std::set<std::string> topics;
  for (const auto& each : partitions) topics.insert(each.where.topic);
  for (const auto& topic : topics) {
    const auto deadline = client::Now() + kOffsetsWait;
    const auto starts = client::ListKnownOffsets(cluster, topic, client::kStartOfLog, deadline);
    const auto ends = client::ListKnownOffsets(cluster, topic, client::kEndOfLog, deadline);
    for (auto& each : partitions) {
      if (each.where.topic != topic) continue;
      each.start = Known(starts, each.where.partition);
      each.end = Known(ends, each.where.partition);
    }
  }
}

Table PartitionTable(const GroupReport& report) {
  Table table({{"TOPIC", "topic"},
               {"PARTITION", "partition", CellKind::kNumber},
               {"COMMITTED", "committed_offset", CellKind::kNumber},
               {"LOG-START", "log_start_offset", CellKind::kNumber},
               {"END", "end_offset", CellKind::kNumber},
               {"LAG", "lag", CellKind::kNumber},
               {"MEMBER", "member"},
               {"CLIENT", "client"},
               {"HOST", "host"}});
  for (const auto& each : report.partitions) {
    const GroupMemberInfo nobody;
    const auto& member = each.member == nullptr ? nobody : *each.member;
    table.Add({each.where.topic, std::to_string(each.where.partition), Text(each.committed),
               Text(each.start), Text(each.end), Text(each.Lag()), member.member_id,
               member.client_id, member.host});
  }
  return table;
}

Table MemberTable(const GroupInfo& info) {
  Table table({{"MEMBER", "member"},
               {"INSTANCE", "instance"},
               {"CLIENT", "client"},
               {"HOST", "host"},
               {"PARTITIONS", "partitions", CellKind::kNumber},
               {"ASSIGNED", "assigned"}});
  for (const auto& each : info.members) {
    std::string assigned;
    for (const auto& partition : each.assigned) {
      assigned += (assigned.empty() ? "" : ",") + partition.Describe();
    }
    table.Add({each.member_id, each.instance_id.value_or(""), each.client_id, each.host,
               std::to_string(each.assigned.size()), std::move(assigned)});
  }
  return table;
}

void PrintText(const GroupReport& report) {
  const GroupInfo& info = report.info;
  const std::string protocol =
      info.protocol_type + (info.protocol.empty() ? "" : "/" + info.protocol);
  const auto uncommitted = std::ranges::count_if(
      report.partitions, [](const PartitionReport& each) { return !each.committed; });
  PrintLine("consumer group " + info.group + " is " + info.state +
            (protocol.empty() ? "" : ", protocol " + protocol) + ", coordinated by broker " +
            std::to_string(info.coordinator) + ": " + std::to_string(info.members.size()) +
            " members, lag " + std::to_string(report.Lag()) +
            (uncommitted == 0
                 ? ""
                 : ", nothing is committed for " + std::to_string(uncommitted) + " partitions"));
  if (!report.partitions.empty()) {
    PrintLine("");
    std::fputs(PartitionTable(report).ToText().c_str(), stdout);
  }
  if (!info.members.empty()) {
    PrintLine("");
    std::fputs(MemberTable(info).ToText().c_str(), stdout);
  }
}

void PrintJson(const GroupReport& report) {
  const GroupInfo& info = report.info;
  kafka::JsonText json;
  json.BeginObject();
  for (const auto& [key, value] :
       {std::pair<std::string_view, const std::string&>{"group", info.group},
        {"state", info.state},
        {"protocol_type", info.protocol_type},
        {"protocol", info.protocol}}) {
    json.Key(key);
    json.Value(value);
  }
  json.Key("coordinator");
  json.Value(info.coordinator);
  json.Key("lag");
  json.Value(report.Lag());
  json.Key("partitions");
  PartitionTable(report).ToJson(json);
  json.Key("members");
  MemberTable(info).ToJson(json);
  json.EndObject();
  PrintLine(json.Take());
}

}  // namespace

std::optional<std::int64_t> PartitionReport::Lag() const {
  if (!committed || !end) return std::nullopt;
  return std::max<std::int64_t>(0, *end - *committed);
}

std::int64_t GroupReport::Lag() const {
  std::int64_t total = 0;
  for (const auto& each : partitions) total += each.Lag().value_or(0);
  return total;
}

Result<GroupReport> ReportGroup(client::Coordinator& coordinator, client::Moment deadline) {
  auto info = client::DescribeGroup(coordinator, deadline);
  if (!info) return std::unexpected(std::move(info).error());
  auto committed = client::FetchCommitted(coordinator, {}, deadline);
  if (!committed) return std::unexpected(std::move(committed).error());
  // A group of another kind than the one that is described here may still have offsets.
  if (info->state == "Dead" && committed->empty()) {
    return Fail(ErrorCode::kNotFound, "there is no such group; `kronika group list` names them",
                "consumer group " + coordinator.group());
  }
  GroupReport report{.info = std::move(*info)};
  std::map<TopicPartition, const GroupMemberInfo*> all;
  for (const auto& [where, offset] : *committed) all[where] = nullptr;
  for (const auto& member : report.info.members) {
    for (const auto& each : member.assigned) all[each] = &member;
  }
  for (const auto& [where, member] : all) {
    auto& partition = report.partitions.emplace_back();
    partition.where = where;
    partition.member = member;
    if (const auto found = committed->find(where); found != committed->end()) {
      partition.committed = found->second.offset;
    }
  }
  AddEnds(coordinator.cluster(), report.partitions);
  return report;
}

void Print(Format format, const GroupReport& report) {
  if (format == Format::kJson) return PrintJson(report);
  PrintText(report);
}

}  // namespace kronika::cmd
