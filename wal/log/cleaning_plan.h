// What compaction may and should do to a log now: the decision, apart from the doing.
//
// Pure. A log is, from its start: clean (compacted before, up to `cleaned_to`), dirty (may be
// compacted now), and what may not be touched yet: the segment that is written to, and what is
// younger than min.compaction.lag.ms.
//
//   log start          cleaned_to                 uncleanable_from      end
//   |------ clean ------|--------- dirty ----------|---- not yet -------|
//
// 1. Age is that of the append, as this log's segments know it, never the producer's timestamp: a
//    record from the future does not pin its segment, one from the past is not taken early.
// 2. A segment is as young as its youngest record, which is not younger than the first record of
//    the next segment.
// 3. Due: some dirty bytes, and either their share is above min.cleanable.dirty.ratio, or the
//    oldest of them is older than max.compaction.lag.ms.
//
// Source: Kafka's topic configs, KIP-354.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace kronika::wal {

struct CompactionRules {
  double dirty_ratio_min = 0.5;
  std::int64_t lag_min_ms = 0;
  std::int64_t lag_max_ms = std::numeric_limits<std::int64_t>::max();
  bool operator==(const CompactionRules&) const = default;
};

struct SegmentFacts {
  std::int64_t base_offset = 0;
  std::int64_t end_offset = 0;  // where the next one begins
  std::uint32_t bytes = 0;
  std::int64_t first_append_time_ms = 0;
};

struct CleaningPlan {
  bool due = false;
  std::int64_t dirty_from = 0;        // compacted before, below
  std::int64_t uncleanable_from = 0;  // not touched from here on; a segment's base, or dirty_from
  std::uint64_t clean_bytes = 0;
  std::uint64_t dirty_bytes = 0;
  double dirty_ratio() const;
};

// `segments` in order; the last one is being written to.
CleaningPlan PlanCleaning(const std::vector<SegmentFacts>& segments, std::int64_t cleaned_to,
                          const CompactionRules& rules, std::int64_t now_ms);

// The segments with a base below `below`, in runs that each become one segment: together at most
// `segment_bytes`, and offsets that fit an index. Counts of consecutive segments.
std::vector<std::size_t> GroupSegments(const std::vector<SegmentFacts>& segments,
                                       std::int64_t below, std::uint32_t segment_bytes);

}  // namespace kronika::wal
