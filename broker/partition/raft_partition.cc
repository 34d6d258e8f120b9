// The replica as a state machine, its leadership and its ISR. Producing is in
// raft_partition_append.cc, reading in raft_partition_read.cc, installs in
// raft_partition_install.cc.
#include "broker/partition/raft_partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/partition/isr.h"
#include "broker/partition/log_failure.h"
#include "broker/store_keys.h"

namespace kronika::broker {
wal::LogOptions RaftPartition::log_options() const {
  const std::int64_t segment_ms =
      settings_.compacts ? std::min(settings_.segment_ms, settings_.compaction_lag_max_ms)
                         : settings_.segment_ms;
  return {.segment_bytes = static_cast<std::uint32_t>(settings_.segment_bytes),
          .segment_ms = segment_ms,
          .index_interval_bytes = static_cast<std::uint32_t>(settings_.index_interval_bytes)};
}

RaftPartition::RaftPartition(PartitionEnvironment environment, wal::Manifest manifest,
                             metadata::TopicSettings settings)
    : environment_(environment),
      manifest_(std::move(manifest)),
      settings_(settings),
      staged_(std::make_shared<StagedInstalls>(environment_.kv, manifest_.group)) {
  if (manifest_.producers.empty() || KRONIKA_PLANTED("producers-not-kept")) return;
  auto producers = ProducerState::Decode(manifest_.producers);
  if (producers) {
    producers_ = std::move(*producers);
  } else {
    // The manifest's checksum was right, so this is a bug of ours or a foreign version; records are
    // safe either way.
    environment_.log.Error("group {}: producer state is unreadable and starts empty: {}",
                           manifest_.group.value, producers.error().Describe());
  }
}

RaftPartition::~RaftPartition() {
  Close();
}

void RaftPartition::Close() {
  *alive_ = false;
  if (state_) state_->OnLeadership(std::nullopt);
  pending_.FailAll(KafkaError::kNotLeaderOrFollower, "the partition was removed from this broker");
  environment_.loop.Cancel(held_timer_);
  for (Held& held : std::exchange(held_, {})) {
    held.done({.error = KafkaError::kNotLeaderOrFollower,
               .text = "the partition was removed from this broker"});
  }
  waiters_.NotifyChanged();
}

void RaftPartition::LookAt(const Error& error) {
  if (error.code != ErrorCode::kCorruption || !environment_.fence ||
      KRONIKA_PLANTED("damage-not-fenced"))
    return;
  std::exchange(environment_.fence, nullptr)(manifest_.group, error);
}

void RaftPartition::SetSettings(const metadata::TopicSettings& settings) {
  if (settings == settings_) return;
  settings_ = settings;
  if (log_) log_->SetOptions(log_options());
}

std::int64_t RaftPartition::high_watermark() const {
  return log_ ? log_->end_offset() : manifest_.end_offset;
}

bool RaftPartition::leads() const {
  return log_ && !reading_state_ && !damaged_ && group_ && group_->status().serving &&
         led_term_.value != 0;
}

bool RaftPartition::lost_quorum() const {
  return group_ && group_->status().lost_quorum;
}

PartitionStatus RaftPartition::Status() const {
  PartitionStatus out{.leads = leads(), .readable = log_ && !damaged_ && !log_->failure()};
  if (group_) out.leader_epoch = static_cast<std::int32_t>(group_->status().leader_epoch.value);
  out.log_start_offset = log_ ? log_->log_start_offset() : manifest_.log_start_offset;
  out.high_watermark = high_watermark();
  out.begins_to_lead =
      group_ && group_->status().role == raft::Role::kLeader && (!out.leads || StateIsBehind());
  return out;
}

void RaftPartition::Apply(const raft::Entry& entry) {
  if (!log_ || reading_state_) {
    before_open_.push_back(entry);
    return;
  }
  if (damaged_) return;
  // A leader epoch begins with the first entry of its term, whatever it holds (SAFETY C10).
  log_->BeginEpoch(static_cast<std::int32_t>(entry.term.value));
  if (entry.type == raft::EntryType::kData) ApplyBatch(entry);
}

void RaftPartition::ApplyBatch(const raft::Entry& entry) {
  const auto header = wal::ParseBatchHeader(entry.payload.bytes());
  if (!header) return Damaged(entry, header.error());
  if (header->leader_epoch != static_cast<std::int32_t>(entry.term.value))
    return Damaged(entry, {ErrorCode::kCorruption, "its batch has another leader epoch"});
  const kronika::Status appended = log_->Append(entry.payload, entry.index, entry.append_time_ms);
  if (!appended) return Damaged(entry, appended.error());
  producers_.Apply(entry.index, *header, entry.append_time_ms);
  if (state_) state_->Apply(entry.payload, *header);
  waiters_.NotifyAppended(entry.payload.size());
}

// The leader checked the batch and a majority committed it; these are other bytes. Going on would
// make another log of this replica, and ending the process would end it at every start.
void RaftPartition::Damaged(const raft::Entry& entry, const Error& why) {
  damaged_ = true;
  pending_.FailAll(KafkaError::kNotLeaderOrFollower, "this replica is damaged");
  TellState();
  LookAt(
      {ErrorCode::kCorruption, fmt::format("committed entry {} is not what its leader checked: {}",
                                           entry.index.value, why.Describe())});
}

void RaftPartition::OnStatus(const raft::NodeStatus& status) {
  bool serving = status.serving && log_ && !reading_state_ && !damaged_;
  if (serving && led_term_ != status.term) {
    // Everything that earlier leaders left is applied now, so the appended state is the applied
    // one.
    led_term_ = status.term;
    appended_end_ = log_->end_offset();
    if (!KRONIKA_PLANTED("overlay-kept-at-step-down")) producers_.DropAppended();
  }
  if (status.role != raft::Role::kLeader || status.term != led_term_) {
    KafkaError error = status.lost_quorum ? KafkaError::kNotEnoughReplicasAfterAppend
                                          : KafkaError::kNotLeaderOrFollower;
    led_term_ = Term{};
    if (!KRONIKA_PLANTED("overlay-kept-at-step-down")) producers_.DropAppended();
    pending_.FailAll(error, status.lost_quorum ? "no quorum of replicas answers"
                                               : "this broker no longer leads");
  }
  if (serving && !was_serving_) state_from_ = appended_end_;
  was_serving_ = serving;
  if (log_) log_->ExpectReads(serving);
  RefreshInSync();
  PublishLeadership();
  TellState();
  if (!serving && !KRONIKA_PLANTED("held-over-a-doubt")) PumpHeld();
  waiters_.NotifyChanged();
}

void RaftPartition::OnAdvance(const raft::NodeStatus& status) {
  if (!log_ || reading_state_ || damaged_) return;
  log_->SetDurable(status.durable);
  if (status.serving && !was_serving_) OnStatus(status);
  if (state_) TellState();
  AdvancePending(status);
}

void RaftPartition::AdvancePending(const raft::NodeStatus& status) {
  if (pending_.empty()) return;
  pending_.Advance(
      {status.applied, status.durable,
       ReplicatedIndex(status, static_cast<std::size_t>(settings_.min_insync_replicas))});
}

void RaftPartition::OnLogFailure(const Error& error) {
  const LogFailure failure = JudgeLogFailure(error);
  if (failure == LogFailure::kDamaged) LookAt(error);
  if (failure == LogFailure::kFinal && environment_.segments_failed)
    std::exchange(environment_.segments_failed, nullptr)(error);
}

void RaftPartition::OnTimer() {
  if (log_ && log_->failure()) OnLogFailure(*log_->failure());
  if (log_ && log_->pending_bytes() > 0) log_->WriteAged();
  if (log_) NoteReplaced();
  if (!group_ || !led_term_.value) return;
  auto before = in_sync_;
  RefreshInSync();
  if (before != in_sync_) PublishLeadership();
}

void RaftPartition::RefreshInSync() {
  in_sync_.clear();
  if (!group_) return;
  in_sync_ =
      InSyncReplicas(group_->node().status(), environment_.replica_lag_max / environment_.tick);
}

std::size_t RaftPartition::InSyncCount() const {
  return in_sync_.size();
}

// Pushed by a leader once it serves; a replica that only knows of a newer term without a leader
// says that locally.
void RaftPartition::PublishLeadership() {
  if (!group_) return;
  const raft::NodeStatus& status = group_->status();
  raft::LeaderState state{group_->id(), status.term, kNoBroker, 0, in_sync_, status.leader_epoch};
  if (was_serving_ || status.lost_quorum) {
    state.leader = status.self.broker;
    return environment_.leader_states.Publish(std::move(state), true);
  }
  environment_.leader_states.Yield(group_->id());
  if (status.role == raft::Role::kCandidate)
    environment_.leader_states.Publish(std::move(state), false);
}

void RaftPartition::Checkpoint(raft::CheckpointPoint point, Done<KvBatch> done) {
  if (!log_ || reading_state_ || damaged_) {
    return environment_.loop.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kUnavailable, "the log is not open yet, or about to be fenced"));
    });
  }
  wal::CheckpointState state{point.applied, point.applied_term, point.append_time_ms,
                             std::move(point.replica), producers_.Encode()};
  KvBatch changes;
  AddStateChanges(changes);
  if (KRONIKA_PLANTED("map-and-index-in-two-batches") && !changes.empty()) {
    environment_.loop.RunAfter(
        std::chrono::milliseconds(200),
        [&kv = environment_.kv, late = std::exchange(changes, {})]() mutable {
          kv.Apply(std::move(late), Durability::kBuffered, [](kronika::Status) {});
        });
  }
  log_->Checkpoint(std::move(state),
                   [staged = staged_, batch = std::move(changes), group = manifest_.group,
                    done = std::move(done)](Result<wal::Manifest> manifest) mutable {
                     if (!manifest) return done(std::unexpected(manifest.error()));
                     batch.Put(PartitionKey(group), wal::EncodeManifest(*manifest));
                     staged->ForgetTo(manifest->applied, batch);
                     done(std::move(batch));
                   });
}

}  // namespace kronika::broker
