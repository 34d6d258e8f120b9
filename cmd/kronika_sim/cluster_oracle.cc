#include "cmd/kronika_sim/cluster_oracle.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

namespace kronika::sim {
namespace {

std::uint64_t SequenceOf(const std::string& value) {
  std::uint64_t out = 0;
  const char* at = value.data() + value.find(':') + 1;
  std::from_chars(at, value.data() + value.size(), out);
  return out;
}

}  // namespace

void Oracle::Acknowledged(std::int32_t partition, std::int64_t offset, const std::string& value) {
  acknowledged_[partition][offset] = value;
  ++acknowledged_count_;
}

std::string Oracle::CheckReplica(std::int32_t partition,
                                 const std::vector<OracleRecord>& records) const {
  std::map<std::int64_t, std::string> by_offset;
  std::set<std::string> seen;
  std::map<std::string, std::uint64_t> last_of_producer;
  auto sent = sent_.find(partition);
  std::int64_t next = 0;
  for (const auto& record : records) {
    if (record.offset != next) return fmt::format("offset {} follows {}", record.offset, next - 1);
    ++next;
    if (sent == sent_.end() || !sent->second.contains(record.value)) {
      return fmt::format("unexpected record {} at {}", record.value, record.offset);
    }
    if (!seen.insert(record.value).second)
      return fmt::format("duplicate {} at {}", record.value, record.offset);
    auto& last = last_of_producer[record.value.substr(0, record.value.find(':'))];
    if (SequenceOf(record.value) < last)
      return fmt::format("reordered {} at {}", record.value, record.offset);
    last = SequenceOf(record.value);
    by_offset[record.offset] = record.value;
  }
  auto acknowledged = acknowledged_.find(partition);
  if (acknowledged == acknowledged_.end()) return "";
  for (const auto& [offset, value] : acknowledged->second) {
    auto found = by_offset.find(offset);
    if (found == by_offset.end())
      return fmt::format("lost: {} was acknowledged at {}", value, offset);
    if (found->second != value)
      return fmt::format("{} instead of the acknowledged {} at {}", found->second, value, offset);
  }
  return "";
}

}  // namespace kronika::sim
