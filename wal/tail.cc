// See tail.h.
#include "wal/tail.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kronika::wal {
namespace {

// A slice this much smaller than its block is worth a copy.
constexpr std::size_t kCopyFactor = 2;

}  // namespace

bool TakeBatches(const Slice& run, const ReadLimits& limits, BatchRange& range) {
  std::size_t begin = 0, end = 0;
  bool stopped = false;
  while (end < run.size()) {
    const auto header = ParseBatchHeader(run.bytes().subspan(end));
    KRONIKA_CHECK(header && header->total_bytes <= run.size() - end,
                  "runs hold whole checked batches");
    if (header->next_offset() <= range.next_offset) {
      KRONIKA_CHECK(begin == end, "batches are contiguous");
      begin = end += header->total_bytes;
      continue;
    }
    const bool first = limits.at_least_one && range.bytes == 0;
    if (header->last_offset() >= limits.offset_max ||
        (!first && range.bytes + header->total_bytes > limits.bytes_max)) {
      stopped = true;
      break;
    }
    end += header->total_bytes;
    range.bytes += header->total_bytes;
    range.next_offset = header->next_offset();
  }
  if (end > begin) range.batches.push_back(run.Sub(begin, end - begin));
  return !stopped && range.bytes < limits.bytes_max;
}

void TailCache::Shrink() {
  while (bytes_ > bytes_max_ && !order_.empty()) {
    const Victim victim = order_.front();
    victim.tail->Erase(victim.tail->runs_.find(victim.base_offset));
  }
}

Tail::~Tail() {
  Clear();
}

void Tail::Clear() {
  for (auto run = runs_.begin(); run != runs_.end();) run = Erase(run);
}

Tail::Runs::iterator Tail::Erase(Runs::iterator run) {
  KRONIKA_CHECK(run != runs_.end());
  const std::size_t charge = run->second.bytes.block_size();
  cache_.bytes_ -= charge;
  if (run->second.pinned) {
    cache_.pinned_bytes_ -= charge;
    pinned_bytes_ -= run->second.bytes.size();
  } else {
    cache_.order_.erase(run->second.place);
  }
  return runs_.erase(run);
}

void Tail::Append(Slice batch, std::int64_t base_offset, std::int64_t next_offset) {
  KRONIKA_CHECK(runs_.empty() || base_offset >= runs_.rbegin()->second.next_offset);
  cache_.bytes_ += batch.block_size();
  cache_.pinned_bytes_ += batch.block_size();
  pinned_bytes_ += batch.size();
  runs_.emplace(base_offset, Run{std::move(batch), next_offset, true, {}});
  cache_.Shrink();
}

void Tail::AddUnpinned(std::int64_t base_offset, Slice bytes, std::int64_t next_offset) {
  if (bytes.block_size() > bytes.size() * kCopyFactor) bytes = Slice::CopyOf(bytes.bytes());
  cache_.bytes_ += bytes.block_size();
  auto place = cache_.order_.insert(cache_.order_.end(), {this, base_offset});
  runs_.emplace(base_offset, Run{std::move(bytes), next_offset, false, place});
}

void Tail::Unpin(std::int64_t offset) {
  auto run = runs_.lower_bound(first_pinned_);
  while (run != runs_.end() && run->second.next_offset <= offset) {
    const std::int64_t base_offset = run->first;
    const std::int64_t next_offset = run->second.next_offset;
    if (!run->second.pinned) {
      ++run;
      continue;
    }
    Slice bytes = run->second.bytes;
    run = Erase(run);
    AddUnpinned(base_offset, std::move(bytes), next_offset);
  }
  first_pinned_ = offset;
  cache_.Shrink();
}

void Tail::Insert(Slice run, std::int64_t base_offset, std::int64_t next_offset) {
  auto first = runs_.lower_bound(base_offset);
  if (first != runs_.begin() && std::prev(first)->second.next_offset > base_offset) --first;
  const auto last = runs_.lower_bound(next_offset);
  const auto pinned = [](const auto& covered) { return covered.second.pinned; };
  if (std::any_of(first, last, pinned)) return;
  while (first != last) first = Erase(first);
  AddUnpinned(base_offset, std::move(run), next_offset);
  cache_.Shrink();
}

void Tail::Forget(std::int64_t base_offset, std::int64_t next_offset) {
  auto run = runs_.lower_bound(base_offset);
  if (run != runs_.begin() && std::prev(run)->second.next_offset > base_offset) --run;
  while (run != runs_.end() && run->first < next_offset)
    run = run->second.pinned ? std::next(run) : Erase(run);
}

bool Tail::Read(const ReadLimits& limits, BatchRange& range) {
  auto run = runs_.upper_bound(range.next_offset);
  if (run == runs_.begin()) return true;
  --run;
  while (run != runs_.end() && run->first <= range.next_offset &&
         range.next_offset < run->second.next_offset) {
    if (!run->second.pinned) {
      cache_.order_.splice(cache_.order_.end(), cache_.order_, run->second.place);
    }
    if (!TakeBatches(run->second.bytes, limits, range)) return false;
    // Compaction may have taken what was at its end.
    range.next_offset = std::max(range.next_offset, run->second.next_offset);
    ++run;
  }
  return true;
}

}  // namespace kronika::wal
