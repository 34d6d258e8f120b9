// See compactor.h.
#include "broker/partition/compactor.h"

#include <utility>

namespace kronika::broker {
namespace {

constexpr Duration kAfterFailure = std::chrono::minutes(1);
constexpr Duration kAfterUnreadable = std::chrono::hours(1);
constexpr Duration kBetweenPasses = std::chrono::milliseconds(10);

}  // namespace

Compactor::Compactor(Environment environment) : environment_(std::move(environment)) {
  LookAfter(std::chrono::milliseconds(environment_.settings.cleaner_backoff_ms));
}

Compactor::~Compactor() {
  environment_.loop.Cancel(timer_);
}

void Compactor::LookAfter(Duration pause) {
  timer_ = environment_.loop.RunAfter(pause, [this] { Look(); });
}

void Compactor::Look() {
  struct Choice {
    GroupId group;
    RaftPartition* partition = nullptr;
    wal::CleaningPlan plan;
  } best;
  const Instant now = environment_.loop.Now();
  environment_.each_partition([&](GroupId group, RaftPartition& partition) {
    auto plan = partition.PlanCompaction();
    if (!plan || !plan->due) return;
    if (auto held = not_before_.find(group); held != not_before_.end() && now < held->second)
      return;
    if (best.partition && plan->dirty_ratio() <= best.plan.dirty_ratio()) return;
    best = {group, &partition, *plan};
  });
  if (!best.partition || (environment_.disk && environment_.disk->low()))
    return LookAfter(std::chrono::milliseconds(environment_.settings.cleaner_backoff_ms));
  RaftPartition::CompactionBudget budget{
      .map_bytes_max = static_cast<std::size_t>(environment_.settings.cleaner_map_bytes),
      .bytes_per_second =
          static_cast<std::uint64_t>(environment_.settings.cleaner_bytes_per_second)};
  if (environment_.rng) budget.seed = {environment_.rng->Next(), environment_.rng->Next()};
  auto ended = [this, alive = std::weak_ptr(alive_), group = best.group, began = now,
                directory = best.partition->directory()](Result<wal::CompactionOutcome> outcome) {
    if (alive.lock()) Ended(group, directory, began, outcome);
  };
  counters_.running = true;
  best.partition->Compact(budget, best.plan, std::move(ended));
}

void Compactor::Ended(GroupId group, const std::string& directory, Instant began,
                      const Result<wal::CompactionOutcome>& outcome) {
  counters_.running = false;
  const Instant now = environment_.loop.Now();
  std::erase_if(not_before_, [&](const auto& held) { return held.second <= now; });
  if (outcome) {
    const auto& done = *outcome;
    ++counters_.passes;
    counters_.bytes_read += done.bytes_before;
    counters_.bytes_kept += done.bytes_after;
    counters_.records_removed += done.records_seen - done.records_kept;
    environment_.log.Info(
        "{}: compacted to offset {}: {} of {} records and {} of {} bytes are left, in {} ms{}",
        directory, done.cleaned_to, done.records_kept, done.records_seen, done.bytes_after,
        done.bytes_before,
        std::chrono::duration_cast<std::chrono::milliseconds>(now - began).count(),
        done.map_was_full ? "; the memory for keys was full, the next pass goes on" : "");
    return LookAfter(kBetweenPasses);
  }
  const ErrorCode code = outcome.error().code;
  if (code != ErrorCode::kShutdown && code != ErrorCode::kBusy) {
    ++counters_.failed;
    environment_.log.Warn("{}: compaction was given up: {}", directory, outcome.error().Describe());
    not_before_[group] = now + (code == ErrorCode::kUnsupported ? kAfterUnreadable : kAfterFailure);
  }
  LookAfter(code == ErrorCode::kBusy
                ? std::chrono::milliseconds(environment_.settings.cleaner_backoff_ms)
                : kBetweenPasses);
}

}  // namespace kronika::broker
