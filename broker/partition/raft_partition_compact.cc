// Compaction of this replica's log. Each replica compacts its own files by itself: which records
// are left may differ between replicas, what a reader of them knows in the end does not.
#include <utility>

#include "base/check.h"
#include "broker/partition/raft_partition.h"

namespace kronika::broker {
namespace {

// While another checkpoint of this log is under way, or entries are not durable here yet.
constexpr Duration kTryAgain = std::chrono::milliseconds(20);
constexpr int kTriesMax = 500;

}  // namespace

std::optional<wal::CleaningPlan> RaftPartition::PlanCompaction() const {
  if (!settings_.compacts || !log_ || log_->failure() || log_->compacting()) return std::nullopt;
  return log_->PlanCompaction(
      {settings_.dirty_ratio_min, settings_.compaction_lag_min_ms, settings_.compaction_lag_max_ms},
      environment_.loop.WallNowMs());
}

void RaftPartition::Compact(const CompactionBudget& budget, wal::CleaningPlan plan,
                            Done<wal::CompactionOutcome> done) {
  KRONIKA_CHECK(log_ != nullptr, "planned in this turn");
  wal::CompactionTask task;
  task.plan = plan;
  task.now_ms = environment_.loop.WallNowMs();
  task.delete_retention_ms = settings_.delete_retention_ms;
  task.last_batches = producers_.LastBatches();
  task.seed = budget.seed;
  task.map_bytes_max = budget.map_bytes_max;
  task.bytes_per_second = budget.bytes_per_second;
  task.make_durable = [this, alive = std::weak_ptr(alive_)](Done<void> next) {
    if (!alive.lock()) return next(Fail(ErrorCode::kShutdown, "the partition was closed"));
    MakeManifestDurable(kTriesMax, std::move(next));
  };
  log_->Compact(std::move(task), [this, alive = std::weak_ptr(alive_), done = std::move(done)](
                                     Result<wal::CompactionOutcome> outcome) mutable {
    if (!outcome && alive.lock()) LookAt(outcome.error());
    done(std::move(outcome));
  });
}

// The manifest of now, durable in the store on its own account: what it does not name any more may
// be removed. Checkpoints of the journal know nothing of it (SAFETY A5).
void RaftPartition::MakeManifestDurable(int tries, Done<void> done) {
  if (!group_ || !log_) return done(Fail(ErrorCode::kUnavailable, "the log is being replaced"));
  group_->CheckpointBetween([this, alive = std::weak_ptr(alive_), tries, done = std::move(done)](
                                Result<raft::Group::Checkpointed> made) mutable {
    if (!alive.lock()) return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
    const bool soon = !made && (made.error().code == ErrorCode::kBusy ||
                                made.error().code == ErrorCode::kUnavailable);
    if (soon && tries > 0 && log_) {
      environment_.loop.RunAfter(kTryAgain, [this, alive, tries, done = std::move(done)]() mutable {
        if (!alive.lock()) return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
        MakeManifestDurable(tries - 1, std::move(done));
      });
      return;
    }
    if (!made) return done(std::unexpected(std::move(made).error()));
    environment_.kv.Apply(std::move(made->batch), Durability::kSynced,
                          [this, alive, done = std::move(done)](kronika::Status stored) mutable {
                            // What the batch took of the state is in no other one.
                            if (!stored && alive.lock()) OnLogFailure(stored.error());
                            done(std::move(stored));
                          });
  });
}

// What a pass left: files that a reader held, and segments put in place whose manifest it could not
// make durable.
void RaftPartition::NoteReplaced() {
  log_->SettleCompacted();
  if (!log_->awaits_durable() || std::exchange(noting_replaced_, true)) return;
  MakeManifestDurable(0, [this, alive = std::weak_ptr(alive_)](kronika::Status durable) {
    if (!alive.lock()) return;
    noting_replaced_ = false;
    if (durable && log_ && log_->awaits_durable()) log_->NoteDurable();
  });
}

}  // namespace kronika::broker
