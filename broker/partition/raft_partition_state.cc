// Opening a replica's log, and what its records add up to (partition_state.h): loaded with the
// manifest, applied with each batch, read again from the segments after a full install.
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "broker/partition/raft_partition.h"
#include "broker/store_keys.h"
#include "wal/log/directory.h"

namespace kronika::broker {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

}  // namespace

void RaftPartition::KeepState(std::unique_ptr<PartitionState> state, std::string prefix) {
  KRONIKA_CHECK(!log_ && !state_);
  state_ = std::move(state);
  state_prefix_ = std::move(prefix);
}

std::vector<std::string> RaftPartition::StateKeys() const {
  std::vector<std::string> out;
  if (!state_) return out;
  for (const auto& key : state_->Keys()) out.push_back(state_prefix_ + key);
  return out;
}

void RaftPartition::SwapAndOpen(Done<void> done) {
  opening_ = true;
  state_is_old_ = true;
  wal::AdoptStaged(environment_.files, manifest_,
                   [this, alive = alive_, done = std::move(done)](kronika::Status adopted) mutable {
                     if (!*alive)
                       return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
                     opening_ = false;
                     if (adopted) return OpenLog(std::move(done));
                     environment_.log.Error(
                         "group {}: the installed segments could not be put in place: {}",
                         manifest_.group.value, adopted.error().Describe());
                     OnLogFailure(adopted.error());
                     done(std::move(adopted));
                   });
}

void RaftPartition::OpenLog(Done<void> done) {
  if (std::exchange(swap_first_, false)) return SwapAndOpen(std::move(done));
  log_ = std::make_unique<wal::PartitionLog>(
      wal::LogEnvironment{environment_.loop, environment_.files, environment_.open_files,
                          environment_.tail_cache},
      log_options(), manifest_);
  if (std::exchange(state_is_old_, false) && state_ &&
      !KRONIKA_PLANTED("install-keeps-old-state")) {
    state_->Clear();
    reading_state_ = true;
    return ReadStateAgain(log_->log_start_offset(), std::move(done));
  }
  Opened();
  done({});
}

// From the log's start to its end, which does not move meanwhile: entries wait.
void RaftPartition::ReadStateAgain(std::int64_t offset, Done<void> done) {
  if (offset >= log_->end_offset()) {
    reading_state_ = false;
    Opened();
    return done({});
  }
  log_->Read(offset, {.bytes_max = kReadBytes},
             [this, alive = alive_, offset,
              done = std::move(done)](Result<wal::BatchRange> range) mutable {
               if (!*alive) return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
               if (range && range->next_offset <= offset) {
                 range = Fail(ErrorCode::kCorruption, "the installed log ends before its end");
               }
               if (!range) {
                 OnLogFailure(range.error());
                 return done(std::unexpected(std::move(range).error()));
               }
               for (const Slice& batches : range->batches) ApplyToState(batches);
               ReadStateAgain(range->next_offset, std::move(done));
             });
}

// Whole batches, one behind the other.
void RaftPartition::ApplyToState(const Slice& batches) {
  for (std::size_t at = 0; at < batches.size();) {
    const auto header = wal::ParseBatchHeader(batches.bytes().subspan(at));
    if (!header || header->total_bytes > batches.size() - at) return;
    state_->Apply(batches.Sub(at, header->total_bytes), *header);
    at += header->total_bytes;
  }
}

void RaftPartition::Opened() {
  std::vector<raft::Entry> waiting;
  std::swap(waiting, before_open_);
  for (const auto& entry : waiting) Apply(entry);
  if (group_) OnAdvance(group_->status());
}

void RaftPartition::AddStateChanges(KvBatch& batch) const {
  if (!state_) return;
  for (auto& [key, value] : state_->TakeChanges()) {
    if (value) {
      batch.Put(state_prefix_ + key, *value);
    } else {
      batch.Delete(state_prefix_ + key);
    }
  }
}

void RaftPartition::CheckpointFailed() {
  if (state_) state_->ChangesLost();
}

// A leader that was in doubt goes on in its term with what it appended before: whoever begins anew
// beside such a batch would not know of it.
bool RaftPartition::StateIsBehind() const {
  return state_ && log_->end_offset() < state_from_ && !KRONIKA_PLANTED("state-goes-on-behind");
}

void RaftPartition::TellState() {
  if (!state_) return;
  state_->OnLeadership(leads() && !StateIsBehind() ? std::optional(led_term_) : std::nullopt);
}

}  // namespace kronika::broker
