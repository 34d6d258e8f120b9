// Summaries of consumer groups; see report.h.
#include "broker/group/report.h"

#include <algorithm>

namespace kronika::broker {
namespace {

using admin::ConsumerGroupSummary;

void AddLag(ConsumerGroupSummary& out, const GroupMap::Offsets& offsets,
            const Watermarks& watermarks, Instant now) {
  for (const auto& [topic, partitions] : offsets) {
    for (const auto& [number, stored] : partitions) {
      ++out.partitions;
      const KnownWatermark* known = watermarks.Find({stored.topic, number});
      if (known == nullptr) continue;
      ++out.partitions_known;
      const std::int64_t lag = std::max<std::int64_t>(0, known->high_watermark - stored.offset);
      out.lag += lag;
      out.lag_max = std::max(out.lag_max, lag);
      const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - known->at);
      out.lag_age_ms = std::max<std::int64_t>(out.lag_age_ms, age.count());
    }
  }
}

}  // namespace

std::vector<PartitionId> CommittedPartitions(const std::vector<Coordinated>& all) {
  std::vector<PartitionId> found;
  for (const auto& each : all) {
    for (const auto& [group, offsets] : each.map->offsets()) {
      for (const auto& [topic, partitions] : offsets) {
        for (const auto& [number, stored] : partitions) {
          if (!stored.topic.IsZero()) found.push_back({stored.topic, number});
        }
      }
    }
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

std::vector<ConsumerGroupSummary> SummarizeGroups(const std::vector<Coordinated>& all,
                                                  const Watermarks& watermarks, Instant now) {
  std::vector<ConsumerGroupSummary> out;
  for (const auto& each : all) {
    for (const auto& [name, group] : each.coordinator->List()) {
      ConsumerGroupSummary summary{.id = name,
                                   .state = std::string(Name(group.state)),
                                   .protocol_type = group.protocol_type,
                                   .protocol = group.protocol,
                                   .generation = group.generation,
                                   .members = group.member_count};
      AddLag(summary, each.map->OffsetsOf(name), watermarks, now);
      out.push_back(std::move(summary));
    }
  }
  std::ranges::sort(out, {}, &ConsumerGroupSummary::id);
  return out;
}

}  // namespace kronika::broker
