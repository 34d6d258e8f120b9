// Checkpoint and close.
//
// Order (SAFETY A5): everything below the checkpoint's offset is written; side files are written;
// files are synced, then the folder and its parent; only then is the manifest given to the caller,
// who makes it durable in the Kv store. No chunk is written meanwhile, so the lengths are those of
// the checkpoint's offset.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "wal/log/log_core.h"

namespace kronika::wal {

void PartitionLog::Checkpoint(CheckpointState state, Done<Manifest> done) {
  auto& core = *core_;
  KRONIKA_CHECK(state.applied >= core.last_index, "the state is that of the last entry appended");
  auto refuse = [&](Error error) {
    core.environment.loop.Post([done = std::move(done), error = std::move(error)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  };
  if (core.failure) return refuse(*core.failure);
  if (core.checkpoint) return refuse({ErrorCode::kBusy, "a checkpoint is under way"});
  if (state.applied > core.durable) {
    return refuse({ErrorCode::kUnavailable, "applied entries are not durable in the journal yet"});
  }
  CheckpointRun run;
  run.end_offset = core.end_offset;
  run.manifest = core.identity;
  run.manifest.applied = state.applied;
  run.manifest.applied_term = state.applied_term;
  run.manifest.append_time_ms = state.append_time_ms;
  run.manifest.log_start_offset = core.log_start_offset;
  run.manifest.end_offset = core.end_offset;
  run.manifest.epochs = core.epochs.starts();
  run.manifest.replica = std::move(state.replica);
  run.manifest.producers = std::move(state.producers);
  run.done = std::move(done);
  core.checkpoint = std::move(run);
  core.flush_to = std::max(core.flush_to, core.end_offset);
  // Through the loop, because the completion may not run inside this call.
  core.environment.loop.Post([self = core_] { self->Pump(); });
}

void LogCore::SyncCheckpoint() {
  auto self = shared_from_this();
  std::vector<Step> steps;
  OpenFiles& open_files = environment.open_files;
  bool new_names = names_changed;
  for (const auto& segment : segments) {
    const bool last = segment == segments.back();
    if (segment->side_files_due()) {
      steps.push_back([segment, &open_files](Done<void> next) {
        segment->WriteSideFiles(open_files, std::move(next));
      });
    }
    const bool indexes = !last && (segment->indexes_unsynced() || segment->side_files_due());
    if (!segment->dirty() && !indexes) continue;
    if (KRONIKA_PLANTED("manifest-before-segment-sync")) continue;
    steps.push_back([segment, indexes, &open_files](Done<void> next) {
      segment->Sync(open_files, indexes, std::move(next));
    });
  }
  if (epochs_on_disk != checkpoint->manifest.epochs && !segments.empty()) {
    steps.push_back([self](Done<void> next) { self->WriteEpochs(std::move(next)); });
    new_names = true;
  }
  if (new_names) {
    steps.push_back([self](Done<void> next) {
      self->environment.files.SyncDir(self->identity.directory, std::move(next));
    });
  }
  if (new_names && !directory_synced) {
    steps.push_back(
        [self](Done<void> next) { self->environment.files.SyncDir("", std::move(next)); });
  }
  Guard(steps);
  auto synced = [self](Status status) {
    if (self->closed) return;
    if (!status) return self->Fail(std::move(status).error());
    self->names_changed = false;
    self->directory_synced = self->directory_synced || !self->segments.empty();
    Manifest manifest = std::move(self->checkpoint->manifest);
    manifest.segments.clear();
    for (const auto& segment : self->segments) manifest.segments.push_back(segment->Describe());
    // Of now, like the segments: a compaction puts both in force at once.
    manifest.removal_horizon = self->identity.removal_horizon;
    manifest.cleaned_to = self->identity.cleaned_to;
    manifest.compactions = self->identity.compactions;
    self->FinishCheckpoint(std::move(manifest));
    self->Idle();
  };
  if (steps.empty()) return synced({});
  InOrder::Run(std::move(steps), std::move(synced));
}

void LogCore::FinishCheckpoint(Result<Manifest> result) {
  auto done = std::move(checkpoint->done);
  checkpoint.reset();
  done(std::move(result));
}

void LogCore::WriteEpochs(Done<void> done) {
  // Derived and for Kafka's tools only (SAFETY D-4), so it is not synced.
  const std::string path = identity.directory + "/" + std::string(kEpochCheckpointName);
  auto epochs_now = checkpoint->manifest.epochs;
  const Slice text = Slice::CopyOf(LeaderEpochs(epochs_now).ToCheckpointText());
  auto renamed = [self = shared_from_this(), epochs_now,
                  done = std::move(done)](Status status) mutable {
    if (status) self->epochs_on_disk = std::move(epochs_now);
    done(std::move(status));
  };
  auto create = [self = shared_from_this(), path, text,
                 renamed = std::move(renamed)](auto) mutable {
    if (self->closed) return renamed(ShutDown());
    self->environment.files.Create(
        path + ".tmp", {}, [self, path, text, renamed = std::move(renamed)](auto file) mutable {
          if (!file) return renamed(std::unexpected(std::move(file).error()));
          std::shared_ptr<File> held = std::move(*file);
          held->Write(0, {text}, Durability::kBuffered,
                      [self, held, path, renamed = std::move(renamed)](Status status) mutable {
                        if (!status) return renamed(std::move(status));
                        if (self->closed) return renamed(ShutDown());
                        self->environment.files.Rename(path + ".tmp", path, std::move(renamed));
                      });
        });
  };
  // A temporary file may be left from a crash.
  environment.files.Remove(path + ".tmp", std::move(create));
}

std::vector<Step> LogCore::CloseSteps() {
  std::vector<Step> steps;
  for (const auto& segment : segments) {
    // What a run did not write to is as the manifest says, end entry included.
    if (!segment->side_files_due() && !prepared) continue;
    segment->FinishTimeIndex();
    if (!segment->side_files_due() && !segment->indexes_unsynced()) continue;
    if (segment->side_files_due()) {
      steps.push_back([self = shared_from_this(), segment](Done<void> next) {
        segment->WriteSideFiles(self->environment.open_files, std::move(next));
      });
    }
    steps.push_back([self = shared_from_this(), segment](Done<void> next) {
      segment->Sync(self->environment.open_files, true, std::move(next));
    });
  }
  return steps;
}

void LogCore::Guard(std::vector<Step>& steps) {
  for (auto& step : steps) {
    step = [self = shared_from_this(), step = std::move(step)](Done<void> next) mutable {
      if (self->closed) return next(ShutDown());
      step(std::move(next));
    };
  }
}

void LogCore::Shut() {
  closed = true;
  tail.Clear();
  if (KRONIKA_PLANTED("closed-log-keeps-who-waits")) return;
  auto end = [run = std::exchange(checkpoint, std::nullopt),
              waiters = std::exchange(drain_waiters, {}),
              closing = std::exchange(close, nullptr)]() mutable {
    if (run) run->done(ShutDown());
    for (auto& waiter : waiters) waiter.done(ShutDown());
    if (closing) closing(ShutDown());
  };
  environment.loop.Post(std::move(end));
}

void LogCore::StartClose() {
  auto steps = failure ? std::vector<Step>{} : CloseSteps();
  auto ended = [self = shared_from_this(),
                done = std::exchange(close, nullptr)](Status status) mutable {
    self->FinishClose(std::move(status), std::move(done));
  };
  if (steps.empty()) return ended({});
  busy = true;
  Guard(steps);
  InOrder::Run(std::move(steps), std::move(ended));
}

void LogCore::FinishClose(Status status, Done<void> done) {
  if (closed) return done(ShutDown());  // the log was destroyed meanwhile
  environment.open_files.ForgetFolder(identity.directory);
  busy = false;
  Shut();
  done(std::move(status));
}

void PartitionLog::Close(Done<void> done) {
  core_->close = std::move(done);
  // What is under way ends first (invariant of Close).
  core_->environment.loop.Post([core = core_] {
    if (!core->busy && !core->closed) core->Idle();
  });
}

}  // namespace kronika::wal
