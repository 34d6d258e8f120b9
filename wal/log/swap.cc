// Putting compacted segments in the place of those that they were made from.
//
//   1 the new files are written and synced, their folder too      (compaction.cc)
//   2 Swap: readers and the next manifest go by the new ones
//   3 a manifest that names them is durable                       (the owner; ReplacedAreDurable)
//   4 nobody reads the old ones any more: their files are removed
//   5 the new files take Kafka's names
//
// A crash before 3 leaves files that no manifest names, and prepare.cc removes them; after it the
// old ones are what no manifest names, and prepare.cc does 4 and 5. A name with a compaction's
// number in it is used once.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "wal/log/log_core.h"
#include "wal/log/removal_horizon.h"

namespace kronika::wal {
namespace {

constexpr SegmentFile kFiles[] = {SegmentFile::kLog, SegmentFile::kSums, SegmentFile::kIndex,
                                  SegmentFile::kTimeIndex};

Done<void> UnlessMissing(Done<void> done) {
  return [done = std::move(done)](Status status) mutable {
    if (!status && status.error().code == ErrorCode::kNotFound) return done({});
    done(std::move(status));
  };
}

}  // namespace

std::vector<SegmentFacts> LogCore::Facts() const {
  std::vector<SegmentFacts> out;
  for (const auto& segment : segments) {
    out.push_back({segment->base_offset(), EndOfSegment(*segment), segment->bytes(),
                   segment->first_append_time_ms()});
  }
  return out;
}

void LogCore::Swap(Replaced run, std::int64_t tombstone_removed) {
  auto first = std::ranges::find(segments, run.old.front());
  const auto count = static_cast<std::ptrdiff_t>(run.old.size());
  KRONIKA_CHECK(segments.end() - first > count, "the segment that is written to is not replaced");
  KRONIKA_CHECK(std::equal(run.old.begin(), run.old.end(), first));
  const std::int64_t end = EndOfSegment(*run.old.back());
  tail.Forget(run.old.front()->base_offset(), end);
  for (std::size_t i = run.old.size(); i-- > 0;) {
    run.old[i]->SetReplaced(i + 1 < run.old.size() ? run.old[i + 1]->base_offset() : end);
  }
  first = segments.erase(first, first + count);
  if (run.fresh) segments.insert(first, run.fresh);
  if (!KRONIKA_PLANTED("horizon-not-raised"))
    identity.removal_horizon = std::max(identity.removal_horizon, tombstone_removed);
  NoteRemoval(tombstone_removed);
  run.durable = KRONIKA_PLANTED("replaced-segments-removed-early");
  replaced.push_back(std::move(run));
  SettleReplaced();
}

void LogCore::NoteRemoval(std::int64_t tombstone) {
  std::erase_if(removals_seen, [](const auto& stream) { return stream.expired(); });
  for (const auto& stream : removals_seen) {
    auto horizon = stream.lock();
    *horizon = std::max(*horizon, tombstone);
  }
}

bool LogCore::StreamsOpen() const {
  return std::ranges::any_of(removals_seen, [](const auto& stream) { return !stream.expired(); });
}

void LogCore::ReplacedAreDurable() {
  for (auto& run : replaced) run.durable = true;
  SettleReplaced();
}

void LogCore::SettleReplaced() {
  if (settling || closed || close || replaced.empty() || !replaced.front().durable) return;
  const Replaced& first = replaced.front();
  const auto read = [](const auto& segment) { return segment.use_count() > 1; };
  if (std::ranges::any_of(first.old, read)) return;
  settling = true;
  auto self = shared_from_this();
  std::vector<Step> steps;
  for (const auto& segment : first.old) {
    for (SegmentFile file : kFiles) {
      steps.push_back([self, path = segment->Path(file)](Done<void> next) {
        if (self->closed) return next(ShutDown());
        self->environment.open_files.Forget(path);
        self->environment.files.Remove(path, UnlessMissing(std::move(next)));
      });
    }
  }
  if (first.fresh && !first.fresh->replaced_end()) {
    steps.push_back(
        [self, fresh = first.fresh](Done<void> next) { self->FinalNames(fresh, std::move(next)); });
  }
  InOrder::Run(std::move(steps), [self](Status status) {
    if (self->closed) return;
    self->settling = false;
    // What could not be removed is tried again with the next call.
    if (status) self->replaced.pop_front();
    if (self->close && !self->busy) return self->Idle();
    if (status) self->SettleReplaced();
  });
}

void LogCore::FinalNames(std::shared_ptr<Segment> segment, Done<void> done) {
  std::vector<Step> steps;
  auto self = shared_from_this();
  for (SegmentFile file : kFiles) {
    steps.push_back(
        [self, from = segment->Path(file), to = segment->FinalPath(file)](Done<void> next) {
          if (self->closed) return next(ShutDown());
          self->environment.open_files.Forget(from);
          self->environment.files.Rename(from, to, UnlessMissing(std::move(next)));
        });
  }
  InOrder::Run(std::move(steps), [segment, done = std::move(done)](Status status) mutable {
    if (status) segment->SetFinalNames();
    done(std::move(status));
  });
}

}  // namespace kronika::wal
