// RaftPartition: a topic-partition over its Raft group: the state machine that committed entries
// are applied to, and what the Kafka handlers see of it.
//
//   Append ──check──stamp──Propose──▶ group ──▶ Apply ──▶ log, producers, epochs, high watermark
//   ──▶ waiters, answers
//
// On the worker's loop.
// 1. Offsets are dense and known when proposing: the appended end is the applied end plus what this
//    leader proposed since (DESIGN §3).
// 2. Check, propose and the update of the appended state happen in one turn; a refused proposal
//    leaves no trace, and stepping down drops everything that is only appended (SAFETY C3).
// 3. Nothing of Kafka is served before an entry of this leader's own term is applied (C2).
// 4. A batch for which the journal has no room at the moment waits for it in its partition's order,
//    a second at most, so that a producer that is faster than the disk is slowed down and not
//    refused.
// 5. The log may open later than the group: until then committed entries wait in order, and the
//    replica does not serve.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/partition/disk_reserve.h"
#include "broker/partition/partition.h"
#include "broker/partition/partition_state.h"
#include "broker/partition/pending_appends.h"
#include "broker/partition/producer_state.h"
#include "broker/partition/staged_installs.h"
#include "metadata/topic_configs.h"
#include "raft/group.h"
#include "raft/leader_states.h"
#include "raft/state_machine.h"
#include "wal/log/partition_log.h"

namespace kronika::broker {

// What the partitions of one broker count together.
struct PartitionCounters {
  std::uint64_t duplicates = 0;  // retried batches answered from producer state
};

struct PartitionEnvironment {
  Loop& loop;
  Files& files;
  Kv& kv;
  wal::OpenFiles& open_files;
  wal::TailCache& tail_cache;
  raft::LeaderStates& leader_states;
  Log& log;
  PartitionCounters& counters;
  Duration tick;
  // This replica's own data is damaged: it must answer nothing any more (safety rules R10, A11).
  // Not called twice; the partition lives on until the turn ends.
  std::function<void(GroupId, const Error&)> fence;
  // A segment could not be written: the process has to end (decision 0009).
  std::function<void(const Error&)> segments_failed;
  Duration replica_lag_max = std::chrono::seconds(10);
  std::int64_t producer_expiration_ms = 86'400'000;
  const DiskReserve* disk = nullptr;  // none: room is not looked at
};

class RaftPartition final : public Partition, public raft::StateMachine {
 public:
  RaftPartition(PartitionEnvironment environment, wal::Manifest manifest,
                metadata::TopicSettings settings);
  ~RaftPartition() override;

  // The group that owns this object; called once, right after the group was made.
  void Bind(raft::Group& group) { group_ = &group; }
  // The journal names an install whose swap the last life may not have reached: OpenLog begins with
  // it.
  void SwapBeforeOpening(std::shared_ptr<StagedInstalls> staged) {
    swap_first_ = true;
    staged_ = std::move(staged);
  }
  // What its records add up to, with what the store held of it under `prefix`; before OpenLog.
  void KeepState(std::unique_ptr<PartitionState> state, std::string prefix);
  bool keeps_state() const { return state_ != nullptr; }
  // The keys in the Kv store that are this replica's state.
  std::vector<std::string> StateKeys() const;
  // The folder is free now (its former owner is gone): the log may be written.
  void OpenLog() {
    OpenLog([](kronika::Status) {});
  }
  bool open() const { return log_ != nullptr || opening_; }
  void SetDirectory(std::string directory) { manifest_.directory = std::move(directory); }
  void SetSettings(const metadata::TopicSettings& settings);
  // Ages what depends on time alone: ISR, chunks waiting to be written, files compaction replaced.
  void OnTimer();
  // What compaction may and should do now; none where the topic's policy does not have it, or while
  // a pass is under way.
  std::optional<wal::CleaningPlan> PlanCompaction() const;
  struct CompactionBudget {
    SipSeed seed;
    std::size_t map_bytes_max = 0;
    std::uint64_t bytes_per_second = 0;
  };
  // One pass, as planned in this turn. Damage of this replica's own segments fences it.
  void Compact(const CompactionBudget& budget, wal::CleaningPlan plan,
               Done<wal::CompactionOutcome> done);
  // The producer's batch, retried or new, may not be told anything any more: the partition is being
  // removed.
  void Close();

  // Partition
  PartitionStatus Status() const override;
  void Append(AppendRequest request, AppendDone done) override;
  void Read(ReadRequest request, ReadDone done) override;
  void FindOffset(OffsetQuery query, OffsetDone done) override;
  WaitList& waiters() override { return waiters_; }

  // raft::StateMachine
  void Apply(const raft::Entry& entry) override;
  void OnStatus(const raft::NodeStatus& status) override;
  void OnAdvance(const raft::NodeStatus& status) override;
  void Checkpoint(raft::CheckpointPoint point, Done<KvBatch> done) override;
  void CheckpointFailed() override;
  void OpenInstallSource(raft::LogStart start,
                         Done<std::unique_ptr<raft::InstallSource>> done) override;
  std::unique_ptr<raft::InstallSink> OpenInstallSink(raft::LogStart start) override;
  void AdoptInstall(raft::LogStart start, std::string manifest, Done<void> done) override;

  const std::string& directory() const { return manifest_.directory; }
  const std::shared_ptr<StagedInstalls>& staged() const { return staged_; }
  std::int64_t high_watermark() const;
  const std::vector<BrokerId>& in_sync() const { return in_sync_; }

 private:
  // raft_partition_append.cc
  // A batch that was checked and waits until the journal has room for it.
  struct Held {
    Slice batch;
    wal::BatchHeader header;
    Acks acks = Acks::kAll;
    AppendDone done;
    Instant until;
    Term term;  // in which it was taken: a later one of this leader does not append it
  };
  std::optional<AppendResult> Refuse(Acks acks) const;
  std::optional<AppendResult> CheckContent(const Slice& batch, const AppendRequest& request,
                                           wal::BatchHeader& header) const;
  // False, and nothing has happened: there is no room now.
  bool TryAppend(Held& held);
  void Hold(Held held);
  void PumpHeld();
  void ConfirmRefusal(Held held);
  void AnswerDuplicate(const ProducerDuplicate& duplicate, Acks acks, AppendDone done);

  // raft_partition_state.cc
  // `done` runs when the log takes entries: inside the call, unless a swap or a state comes first.
  void OpenLog(Done<void> done);
  void SwapAndOpen(Done<void> done);
  void ReadStateAgain(std::int64_t offset, Done<void> done);
  void ApplyToState(const Slice& batches);
  void Opened();
  void AddStateChanges(KvBatch& batch) const;
  void TellState();
  bool StateIsBehind() const;

  // raft_partition_read.cc
  void RefuseOffset(bool beyond_end, ReadResult out, ReadDone done);
  void FindConfirmedOffset(OffsetQuery query, OffsetAnswer answer, OffsetDone done);

  // raft_partition_compact.cc
  void MakeManifestDurable(int tries, Done<void> done);
  void NoteReplaced();

  void ApplyBatch(const raft::Entry& entry);
  void Damaged(const raft::Entry& entry, const Error& why);
  void AdvancePending(const raft::NodeStatus& status);
  void RefreshInSync();
  void PublishLeadership();
  std::size_t InSyncCount() const;
  bool leads() const;
  bool lost_quorum() const;
  // Fences the replica if `error` says that its data is damaged.
  void LookAt(const Error& error);
  void OnLogFailure(const Error& error);
  wal::LogOptions log_options() const;

  PartitionEnvironment environment_;
  wal::Manifest manifest_;  // as opened; its identity stays true
  metadata::TopicSettings settings_;
  raft::Group* group_ = nullptr;
  std::unique_ptr<wal::PartitionLog> log_;       // none until OpenLog
  std::unique_ptr<wal::PartitionLog> replaced_;  // by an install, while it closes
  std::shared_ptr<StagedInstalls> staged_;
  std::vector<raft::Entry> before_open_;
  ProducerState producers_;
  WaitList waiters_;
  PendingAppends pending_;
  std::deque<Held> held_;  // in the order of their arrival; what comes later stays behind them
  std::size_t held_bytes_ = 0;
  TimerId held_timer_;
  std::int64_t appended_end_ = 0;  // leader: behind the last proposed batch
  std::vector<BrokerId> in_sync_;
  Term led_term_;  // of the overlay; 0 = not leading
  bool was_serving_ = false;
  bool swap_first_ = false;
  bool opening_ = false;
  bool damaged_ = false;  // a committed entry was: nothing more is applied, served or checkpointed
  bool reading_state_ = false;  // the installed log is read: entries wait
  bool state_is_old_ = false;   // an install replaced what it was made of
  std::unique_ptr<PartitionState> state_;
  std::int64_t state_from_ =
      0;  // what this leader had appended when it began, or went on, to serve
  std::string state_prefix_;
  bool noting_replaced_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
