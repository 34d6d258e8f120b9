// See cleaning_plan.h.
#include "wal/log/cleaning_plan.h"

#include <algorithm>

namespace kronika::wal {

double CleaningPlan::dirty_ratio() const {
  const std::uint64_t all = clean_bytes + dirty_bytes;
  return all == 0 ? 0.0 : static_cast<double>(dirty_bytes) / static_cast<double>(all);
}

CleaningPlan PlanCleaning(const std::vector<SegmentFacts>& segments, std::int64_t cleaned_to,
                          const CompactionRules& rules, std::int64_t now_ms) {
  CleaningPlan out{.dirty_from = cleaned_to, .uncleanable_from = cleaned_to};
  bool too_old = false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const SegmentFacts& segment = segments[i];
    if (segment.end_offset <= cleaned_to) {
      out.clean_bytes += segment.bytes;
      continue;
    }
    if (i + 1 == segments.size()) break;
    if (now_ms - segments[i + 1].first_append_time_ms < rules.lag_min_ms) break;
    if (out.dirty_bytes == 0) too_old = now_ms - segment.first_append_time_ms >= rules.lag_max_ms;
    out.dirty_bytes += segment.bytes;
    out.uncleanable_from = segment.end_offset;
  }
  out.due = out.dirty_bytes > 0 && (too_old || out.dirty_ratio() > rules.dirty_ratio_min);
  return out;
}

std::vector<std::size_t> GroupSegments(const std::vector<SegmentFacts>& segments,
                                       std::int64_t below, std::uint32_t segment_bytes) {
  std::vector<std::size_t> out;
  std::int64_t base = 0;
  std::uint64_t bytes = 0;
  for (const SegmentFacts& segment : segments) {
    if (segment.base_offset >= below) break;
    const bool fits = bytes + segment.bytes <= segment_bytes &&
                      segment.end_offset - base <= std::numeric_limits<std::int32_t>::max();
    if (out.empty() || !fits) {
      out.push_back(0);
      base = segment.base_offset;
      bytes = 0;
    }
    ++out.back();
    bytes += segment.bytes;
  }
  return out;
}

}  // namespace kronika::wal
