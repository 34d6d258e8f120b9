// What was promised, compared with what is shown and held; see cluster_oracle.h.
#include "cmd/kronika_sim/cluster_oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace kronika::sim {
namespace {

std::uint64_t NumberOf(std::string_view value) {
  std::uint64_t out = 0;
  std::from_chars(value.data() + value.find(':') + 1, value.data() + value.size(), out);
  return out;
}

std::string_view WriterOf(std::string_view value) {
  return value.substr(0, value.find(':'));
}

}  // namespace

std::string Oracle::Acknowledged(const LogId& log, std::int64_t offset, const std::string& value) {
  ++acknowledged_count_;
  Known& known = logs_[log][offset];
  if (!known.value.empty() && known.value != value) {
    return fmt::format("{} is acknowledged at {}, where {} {}", value, offset, known.value,
                       known.acknowledged ? "was acknowledged" : "was shown");
  }
  known.value = value;
  known.acknowledged = true;
  return "";
}

std::string Oracle::Shown(const LogId& log, const OracleRecord& record) {
  if (!sent_.contains(record.value))
    return fmt::format("shows {} at {}, which nobody sent", record.value, record.offset);
  Known& known = logs_[log][record.offset];
  if (known.value.empty()) known.value = record.value;
  if (known.epoch < 0) known.epoch = record.epoch;
  if (known.value == record.value && known.epoch == record.epoch) return "";
  return fmt::format("shows {} of epoch {} at {}, where {} of epoch {} {}", record.value,
                     record.epoch, record.offset, known.value, known.epoch,
                     known.acknowledged ? "was acknowledged" : "was shown");
}

std::int64_t Oracle::End(const LogId& log) const {
  auto found = logs_.find(log);
  return found == logs_.end() || found->second.empty() ? 0 : found->second.rbegin()->first + 1;
}

std::int32_t Oracle::LastEpoch(const LogId& log) const {
  auto found = logs_.find(log);
  if (found == logs_.end()) return -1;
  std::int32_t last = -1;
  for (const auto& [offset, known] : found->second) last = std::max(last, known.epoch);
  return last;
}

std::string Oracle::CheckReplica(const LogId& log, const std::vector<OracleRecord>& records) const {
  std::unordered_set<std::string_view> seen;
  std::unordered_map<std::string_view, std::uint64_t> last_of_writer;
  std::int64_t next = 0;
  std::int32_t epoch = -1;
  for (const auto& record : records) {
    if (record.offset != next) return fmt::format("offset {} follows {}", record.offset, next - 1);
    ++next;
    if (record.epoch < epoch)
      return fmt::format("epoch {} follows {} at {}", record.epoch, epoch, record.offset);
    epoch = record.epoch;
    if (!sent_.contains(record.value))
      return fmt::format("unexpected record {} at {}", record.value, record.offset);
    if (!seen.insert(record.value).second)
      return fmt::format("duplicate {} at {}", record.value, record.offset);
    if (record.value.front() != 'i') continue;
    auto& last = last_of_writer[WriterOf(record.value)];
    if (NumberOf(record.value) < last)
      return fmt::format("reordered {} at {}", record.value, record.offset);
    last = NumberOf(record.value);
  }
  auto found = logs_.find(log);
  if (found == logs_.end()) return "";
  for (const auto& [offset, known] : found->second) {
    const std::string_view how = known.acknowledged ? "was acknowledged" : "was shown";
    if (offset >= next) return fmt::format("lost: {} {} at {}", known.value, how, offset);
    const auto& record = records[static_cast<std::size_t>(offset)];
    if (record.value != known.value || (known.epoch >= 0 && record.epoch != known.epoch)) {
      return fmt::format("{} of epoch {} instead of {} of epoch {}, which {} at {}", record.value,
                         record.epoch, known.value, known.epoch, how, offset);
    }
  }
  return "";
}

}  // namespace kronika::sim
