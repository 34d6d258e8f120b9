// What `kronika group describe` shows of a consumer group: its members, and each partition's
// committed offset beside the ends of its log.
//
// Main thread.
#pragma once

#include <optional>
#include <vector>

#include "cmd/client/consumer_groups.h"
#include "cmd/kronika/output.h"

namespace kronika::cmd {

struct PartitionReport {
  client::TopicPartition where;
  std::optional<std::int64_t> committed;  // absent: nothing is committed
  std::optional<std::int64_t> start;      // absent: nobody could tell at present
  std::optional<std::int64_t> end;
  const client::GroupMemberInfo* member = nullptr;  // into GroupReport::info
  // Records behind the committed offset; absent when one of both is.
  std::optional<std::int64_t> Lag() const;
};

struct GroupReport {
  client::GroupInfo info;
  std::vector<PartitionReport> partitions;  // assigned or with a committed offset, sorted
  std::int64_t Lag() const;                 // as far as it is known
};

// kNotFound: there is no such group.
Result<GroupReport> ReportGroup(client::Coordinator& coordinator, client::Moment deadline);
void Print(Format format, const GroupReport& report);

}  // namespace kronika::cmd
