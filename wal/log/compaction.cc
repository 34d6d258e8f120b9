// See compaction.h.
#include "wal/log/compaction.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "wal/log/log_core.h"

namespace kronika::wal {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(5);

std::unexpected<Error> Ended() {
  return kronika::Fail(ErrorCode::kShutdown, "the log is being closed");
}

}  // namespace

class CompactionRun : public std::enable_shared_from_this<CompactionRun> {
 public:
  CompactionRun(std::shared_ptr<LogCore> core, CompactionTask task, Done<CompactionOutcome> done)
      : core_(std::move(core)), task_(std::move(task)), done_(std::move(done)) {}

  void Start();

 private:
  using Segments = std::vector<std::shared_ptr<Segment>>;

  // Whether the log can go on being compacted; else the pass has ended.
  bool GoesOn();
  // Runs `next` after as long as reading `bytes` may take.
  void Pace(std::uint64_t bytes, void (CompactionRun::*next)());
  // A step's `done`: goes on, or ends the pass.
  Done<void> Then(void (CompactionRun::*next)());
  // Reads a chunk, has `work` look at it in the background, then runs `then` with what it returned.
  void WithChunk(const std::shared_ptr<Segment>& segment, std::size_t chunk,
                 std::function<Status(const Slice&)> work, void (CompactionRun::*then)());

  void MapNext();
  void MapChunk(const std::shared_ptr<Segment>& segment);
  void Mapped();
  void Group();
  void NextRun();
  void NextChunk();
  void ChunkFiltered();
  void WriteOut(void (CompactionRun::*next)());
  void WriteTo(std::shared_ptr<File> file, void (CompactionRun::*next)());
  void FinishRun();
  void SyncRun();
  void SwapIn();
  void RunIsDurable();
  void DropFresh(void (CompactionRun::*next)());
  void End(Status status);

  std::shared_ptr<LogCore> core_;
  CompactionTask task_;
  Done<CompactionOutcome> done_;
  CompactionOutcome outcome_;

  std::shared_ptr<OffsetMap> map_;
  std::int64_t map_end_ = 0;
  std::int64_t chunk_end_ = 0;
  std::uint64_t chunk_bytes_ = 0;

  std::deque<Segments> runs_;  // to be rewritten
  std::size_t old_ = 0;        // of runs_.front()
  std::size_t chunk_ = 0;
  std::shared_ptr<Segment> fresh_;
  Filtered filtered_;  // of this run; `batches` are not written yet
  Status worked_;
};

void CompactionRun::Start() {
  if (!GoesOn()) return;
  auto self = shared_from_this();
  if (!core_->prepared) {
    if (core_->busy) {
      core_->environment.loop.RunAfter(kLookAgain, [self] { self->Start(); });
      return;
    }
    core_->busy = true;
    return core_->PrepareNow([self](Status status) {
      if (!status) return self->End(std::move(status));
      self->core_->Idle();
      self->Start();
    });
  }
  const auto keys_max =
      static_cast<std::size_t>(task_.plan.uncleanable_from - task_.plan.dirty_from);
  map_ = std::make_shared<OffsetMap>(task_.seed, task_.map_bytes_max, keys_max);
  map_end_ = task_.plan.dirty_from;
  MapNext();
}

bool CompactionRun::GoesOn() {
  if (!core_->closed && !core_->close && !core_->failure) return true;
  End(core_->failure ? Status(std::unexpected(*core_->failure)) : Status(Ended()));
  return false;
}

void CompactionRun::Pace(std::uint64_t bytes, void (CompactionRun::*next)()) {
  Duration pause{};
  if (task_.bytes_per_second > 0) {
    pause = Duration(static_cast<std::int64_t>(bytes) * Duration::period::den /
                     static_cast<std::int64_t>(task_.bytes_per_second));
  }
  core_->environment.loop.RunAfter(pause, [self = shared_from_this(), next] {
    if (self->GoesOn()) (*self.*next)();
  });
}

Done<void> CompactionRun::Then(void (CompactionRun::*next)()) {
  return [self = shared_from_this(), next](Status status) {
    if (self->core_->closed) return self->End(Ended());
    if (!status) return self->End(std::move(status));
    if (self->GoesOn()) (*self.*next)();
  };
}

void CompactionRun::WithChunk(const std::shared_ptr<Segment>& segment, std::size_t chunk,
                              std::function<Status(const Slice&)> work,
                              void (CompactionRun::*then)()) {
  chunk_bytes_ = segment->chunks()[chunk].length;
  chunk_end_ = core_->EndOfChunk(*segment, chunk);
  auto read = [self = shared_from_this(), work = std::move(work), then](Result<Slice> bytes) {
    if (!bytes) return self->End(std::unexpected(std::move(bytes).error()));
    if (!self->GoesOn()) return;
    self->core_->environment.loop.Background(
        [self, work, bytes = *bytes] { self->worked_ = work(bytes); },
        [self, then] {
          // The bytes are what they were when they were written, so this is no damage.
          if (!self->worked_) {
            return self->End(kronika::Fail(ErrorCode::kUnsupported,
                                           self->worked_.error().Describe(),
                                           self->core_->identity.directory));
          }
          if (self->GoesOn()) (*self.*then)();
        });
  };
  segment->ReadChunk(core_->environment.open_files, chunk, chunk_end_, std::move(read));
}

// ---- The keys of the dirty part.

void CompactionRun::MapNext() {
  if (map_end_ >= task_.plan.uncleanable_from || outcome_.map_was_full) return Group();
  const auto segment = core_->segments[core_->SegmentOf(map_end_)];
  core_->WithChunks(segment, [self = shared_from_this(), segment](Status status) {
    if (!status) return self->End(std::move(status));
    if (self->GoesOn()) self->MapChunk(segment);
  });
}

void CompactionRun::MapChunk(const std::shared_ptr<Segment>& segment) {
  auto work = [this, map = map_](const Slice& bytes) -> Status {
    auto fits = MapKeys(bytes, map_end_, *map);
    if (!fits) return std::unexpected(std::move(fits).error());
    outcome_.map_was_full = !*fits;
    return {};
  };
  WithChunk(segment, FindChunk(segment->chunks(), map_end_), std::move(work),
            &CompactionRun::Mapped);
}

void CompactionRun::Mapped() {
  // Behind its last batch a chunk may have nothing more.
  if (!outcome_.map_was_full) map_end_ = std::max(map_end_, chunk_end_);
  Pace(chunk_bytes_, &CompactionRun::MapNext);
}

// ---- Runs of segments, one after the other.

void CompactionRun::Group() {
  map_end_ = std::min(map_end_, task_.plan.uncleanable_from);
  std::size_t at = 0;
  for (std::size_t count : GroupSegments(core_->Facts(), map_end_, core_->options.segment_bytes)) {
    runs_.emplace_back(core_->segments.begin() + static_cast<std::ptrdiff_t>(at),
                       core_->segments.begin() + static_cast<std::ptrdiff_t>(at + count));
    at += count;
  }
  KRONIKA_CHECK(!runs_.empty() && at < core_->segments.size(), "a plan has dirty segments");
  NextRun();
}

void CompactionRun::NextRun() {
  if (runs_.empty()) return End({});
  old_ = chunk_ = 0;
  filtered_ = {};
  NextChunk();
}

void CompactionRun::NextChunk() {
  if (old_ == runs_.front().size()) return FinishRun();
  const auto segment = runs_.front()[old_];
  core_->WithChunks(segment, [self = shared_from_this(), segment](Status status) {
    if (!status) return self->End(std::move(status));
    if (!self->GoesOn()) return;
    if (self->chunk_ == segment->chunks().size()) {
      ++self->old_;
      self->chunk_ = 0;
      return self->NextChunk();
    }
    auto work = [run = self.get()](const Slice& bytes) {
      const FilterRules rules{*run->map_, run->task_.last_batches, run->map_end_, run->task_.now_ms,
                              run->task_.delete_retention_ms};
      return FilterBatches(bytes, rules, run->filtered_);
    };
    self->WithChunk(segment, self->chunk_, std::move(work), &CompactionRun::ChunkFiltered);
  });
}

void CompactionRun::ChunkFiltered() {
  ++chunk_;
  outcome_.bytes_before += chunk_bytes_;
  if (TotalSize(filtered_.batches) >= core_->options.chunk_bytes_min)
    return WriteOut(&CompactionRun::NextChunk);
  Pace(chunk_bytes_, &CompactionRun::NextChunk);
}

void CompactionRun::WriteOut(void (CompactionRun::*next)()) {
  if (fresh_) {
    return core_->environment.open_files.Get(
        fresh_->Path(SegmentFile::kLog),
        [self = shared_from_this(), next](Result<std::shared_ptr<File>> file) {
          if (!file) return self->End(std::unexpected(std::move(file).error()));
          if (self->GoesOn()) self->WriteTo(std::move(*file), next);
        });
  }
  const Segment& first = *runs_.front().front();
  fresh_ = std::make_shared<Segment>(
      Segment::Place{core_->identity.directory, core_->identity.group,
                     core_->options.index_interval_bytes},
      first.base_offset(), first.first_append_time_ms(), ++core_->identity.compactions);
  core_->environment.open_files.Create(
      fresh_->Path(SegmentFile::kLog),
      [self = shared_from_this(), next](Result<std::shared_ptr<File>> file) {
        if (!file) return self->End(std::unexpected(std::move(file).error()));
        if (self->GoesOn()) self->WriteTo(std::move(*file), next);
      });
}

void CompactionRun::WriteTo(std::shared_ptr<File> file, void (CompactionRun::*next)()) {
  Slices batches = std::exchange(filtered_.batches, {});
  const std::uint64_t bytes = TotalSize(batches);
  auto written = [self = shared_from_this(), file, batches, bytes, next](Status status) {
    if (!status) return self->End(std::move(status));
    self->fresh_->Appended(batches, file);
    self->outcome_.bytes_after += bytes;
    self->Pace(self->chunk_bytes_, next);
  };
  file->Write(fresh_->bytes(), std::move(batches), Durability::kBuffered, std::move(written));
}

void CompactionRun::FinishRun() {
  if (!filtered_.batches.empty()) return WriteOut(&CompactionRun::FinishRun);
  outcome_.records_seen += filtered_.records_seen;
  outcome_.records_kept += filtered_.records_kept;
  // One segment of which everything stays: the files that are there will do.
  if (!filtered_.changed && runs_.front().size() == 1)
    return DropFresh(&CompactionRun::RunIsDurable);
  if (!fresh_) return SwapIn();
  fresh_->FinishTimeIndex();
  fresh_->WriteSideFiles(core_->environment.open_files, Then(&CompactionRun::SyncRun));
}

void CompactionRun::SyncRun() {
  if (KRONIKA_PLANTED("compacted-not-synced")) return SwapIn();
  fresh_->Sync(core_->environment.open_files, true,
               [self = shared_from_this()](Status status) mutable {
                 if (self->core_->closed) return self->End(Ended());
                 if (!status) return self->End(std::move(status));
                 self->core_->environment.files.SyncDir(self->core_->identity.directory,
                                                        self->Then(&CompactionRun::SwapIn));
               });
}

void CompactionRun::SwapIn() {
  // A run of which nothing is left counts, too: from now on segments may be missing.
  if (!fresh_) ++core_->identity.compactions;
  Replaced run{std::move(runs_.front()), std::exchange(fresh_, nullptr)};
  runs_.pop_front();
  core_->Swap(std::move(run), filtered_.tombstone_removed);
  if (runs_.empty()) core_->identity.cleaned_to = map_end_;
  task_.make_durable([self = shared_from_this()](Status status) {
    if (self->core_->closed) return self->End(Ended());
    if (!status) return self->End(std::move(status));
    self->core_->ReplacedAreDurable();
    if (self->GoesOn()) self->NextRun();
  });
}

// Nothing was replaced; how far the pass came is known with the next manifest.
void CompactionRun::RunIsDurable() {
  runs_.pop_front();
  if (runs_.empty()) core_->identity.cleaned_to = map_end_;
  NextRun();
}

void CompactionRun::DropFresh(void (CompactionRun::*next)()) {
  if (!fresh_) return (*this.*next)();
  const std::string path = fresh_->Path(SegmentFile::kLog);
  fresh_ = nullptr;
  core_->environment.open_files.Forget(path);
  core_->environment.files.Remove(path, Then(next));
}

void CompactionRun::End(Status status) {
  if (!done_) return;
  auto done = std::move(done_);
  done_ = nullptr;
  core_->compacting = false;
  // A file that was begun is one that no manifest names; the next start removes it.
  if (status) {
    outcome_.cleaned_to = core_->identity.cleaned_to;
    done(outcome_);
  } else {
    done(std::unexpected(std::move(status).error()));
  }
  if (!core_->closed && core_->close && !core_->busy) core_->Idle();
}

CleaningPlan PartitionLog::PlanCompaction(const CompactionRules& rules, std::int64_t now_ms) const {
  const std::int64_t from = std::max(core_->identity.cleaned_to, core_->log_start_offset);
  auto plan = PlanCleaning(core_->Facts(), from, rules, now_ms);
  plan.due = plan.due && !core_->StreamsOpen();
  return plan;
}

void PartitionLog::Compact(CompactionTask task, Done<CompactionOutcome> done) {
  LogCore& core = *core_;
  const bool busy = core.compacting || !core.replaced.empty() || core.StreamsOpen();
  if (busy || task.plan.dirty_bytes == 0) {
    return core.environment.loop.Post([done = std::move(done)]() mutable {
      done(kronika::Fail(ErrorCode::kBusy,
                         "the log is being compacted or installed, or there is nothing to do"));
    });
  }
  core.compacting = true;
  auto run = std::make_shared<CompactionRun>(core_, std::move(task), std::move(done));
  core.environment.loop.Post([run] { run->Start(); });
}

void PartitionLog::SettleCompacted() {
  core_->SettleReplaced();
}

bool PartitionLog::compacting() const {
  return core_->compacting || !core_->replaced.empty();
}

bool PartitionLog::awaits_durable() const {
  return !core_->compacting && !core_->replaced.empty() && !core_->replaced.back().durable;
}

void PartitionLog::NoteDurable() {
  core_->ReplacedAreDurable();
}

std::int64_t PartitionLog::cleaned_to() const {
  return core_->identity.cleaned_to;
}
std::int64_t PartitionLog::removal_horizon() const {
  return core_->identity.removal_horizon;
}

}  // namespace kronika::wal
