// See epochs.h.
#include "wal/log/epochs.h"

#include <fmt/core.h>

#include <algorithm>

namespace kronika::wal {

void LeaderEpochs::Begin(std::int32_t epoch, std::int64_t start_offset) {
  if (epoch <= latest()) return;
  while (!starts_.empty() && starts_.back().start_offset >= start_offset) starts_.pop_back();
  starts_.push_back({epoch, start_offset});
}

void LeaderEpochs::CutFront(std::int64_t log_start_offset) {
  auto first_above =
      std::ranges::upper_bound(starts_, log_start_offset, {}, &EpochStart::start_offset);
  if (first_above == starts_.begin()) return;
  // The epoch that the log start lies in stays, moved up to it.
  starts_.erase(starts_.begin(), first_above - 1);
  starts_.front().start_offset = log_start_offset;
}

EpochEnd LeaderEpochs::EndOf(std::int32_t epoch, std::int64_t log_end_offset) const {
  if (starts_.empty() || epoch > latest()) return {};
  if (epoch == latest()) return {epoch, log_end_offset};
  auto next = std::ranges::upper_bound(starts_, epoch, {}, &EpochStart::epoch);
  if (next == starts_.begin()) return {epoch, next->start_offset};
  return {(next - 1)->epoch, next->start_offset};
}

std::int32_t LeaderEpochs::EpochAt(std::int64_t offset) const {
  auto next = std::ranges::upper_bound(starts_, offset, {}, &EpochStart::start_offset);
  return next == starts_.begin() ? -1 : (next - 1)->epoch;
}

std::string LeaderEpochs::ToCheckpointText() const {
  std::string out = fmt::format("0\n{}\n", starts_.size());
  for (const auto& [epoch, start_offset] : starts_)
    out += fmt::format("{} {}\n", epoch, start_offset);
  return out;
}

}  // namespace kronika::wal
