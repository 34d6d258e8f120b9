// One replica of a partition over fakes; the test speaks for its followers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fake_disk.h"
#include "base/fake_files.h"
#include "base/fake_kv.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "broker/partition/raft_partition.h"
#include "raft/fake_log_store.h"
#include "wal/record_builder.h"

namespace kronika::broker {

inline constexpr raft::ReplicaId kSelf{BrokerId{1}, Incarnation{6}};
inline constexpr raft::ReplicaId kSecond{BrokerId{2}, Incarnation{6}};
inline constexpr raft::ReplicaId kThird{BrokerId{3}, Incarnation{6}};
inline constexpr GroupId kGroup{1};

class RaftPartitionTest : public testing::Test, public raft::GroupHost {
 public:
  void Send(raft::Group&, raft::Message message) override {
    if (message.read_context != 0) asked_ = message.read_context;
  }
  void MarkDirty(raft::Group&) override {
    loop_.Post([this] { group_->Process(); });
  }
  void InstallWanted(raft::Group&, raft::ReplicaId) override {}
  void StatusChanged(raft::Group&) override {}
  Status Admit(std::size_t, raft::EntriesOf) const override {
    if (has_room_) return {};
    return Fail(ErrorCode::kBusy, "the journal waits for a checkpoint");
  }
  void CountAdmitted(std::int64_t) override {}
  void LeadershipGained(const raft::Group&) override {}
  void CountUncommitted(std::int64_t) override {}
  bool IsFirstLive(const raft::Group&) const override { return true; }
  void StoreFailed(const Error& error) override { ADD_FAILURE() << error.Describe(); }

 protected:
  std::unique_ptr<RaftPartition> Make(std::string directory, std::int32_t min_insync_replicas = 1) {
    const metadata::TopicSettings settings{.min_insync_replicas = min_insync_replicas,
                                           .message_bytes_max = 1 << 20,
                                           .segment_bytes = 1 << 20,
                                           .segment_ms = 1'000'000,
                                           .index_interval_bytes = 4096};
    return std::make_unique<RaftPartition>(
        PartitionEnvironment{.loop = loop_,
                             .files = files_,
                             .kv = kv_,
                             .open_files = open_files_,
                             .tail_cache = tail_cache_,
                             .leader_states = leader_states_,
                             .log = NullLog(),
                             .counters = counters_,
                             .tick = std::chrono::milliseconds(50),
                             .fence = [this](GroupId, const Error& why) { fences_.push_back(why); },
                             .segments_failed = nullptr},
        wal::Manifest{.group = kGroup, .directory = std::move(directory)}, settings);
  }

  // Leads with the votes and the first acknowledgement of the second replica.
  void Lead(std::int32_t min_insync_replicas, std::unique_ptr<PartitionState> state = nullptr) {
    auto machine = Make("t-0", min_insync_replicas);
    partition_ = machine.get();
    raft::GroupSpec spec{.id = kGroup, .self = kSelf, .created = raft::Created{.self = kSelf}};
    spec.recovered.start.membership.voters = {kSelf, kSecond, kThird};
    spec.created->membership = spec.recovered.start.membership;
    group_ = std::make_shared<raft::Group>(raft::GroupEnvironment{loop_, store_, *this, rng_, {}},
                                           std::move(spec), std::move(machine));
    partition_->Bind(*group_);
    if (state) partition_->KeepState(std::move(state), "state/");
    partition_->OpenLog();
    group_->Start();
    Run();
    Answer({.type = raft::MessageType::kPreVoteResponse, .from = kSecond});
    Answer({.type = raft::MessageType::kVoteResponse, .from = kSecond});
    Acknowledge(kSecond, 1);
    ASSERT_TRUE(partition_->Status().leads);
  }

  void Answer(raft::Message message) {
    message.to = kSelf;
    message.term = Term{1};
    group_->Step(std::move(message));
    Run();
  }

  void Acknowledge(raft::ReplicaId from, std::uint64_t index) {
    Answer({.type = raft::MessageType::kAppendResponse,
            .from = from,
            .log_index = Index{index},
            .hint_index = Index{index}});
  }

  std::shared_ptr<std::optional<AppendResult>> Produce(std::int32_t sequence = 0) {
    wal::RecordBuilder builder({.producer_id = 7, .producer_epoch = 0, .base_sequence = sequence});
    builder.Add({.value = "x"});
    auto result = std::make_shared<std::optional<AppendResult>>();
    partition_->Append({.batch = builder.Build(), .acks = Acks::kAll},
                       [result](AppendResult answer) { *result = std::move(answer); });
    Run();
    return result;
  }

  void Run() { scheduler_.RunFor(std::chrono::milliseconds(50)); }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeDisk disk_{rng_};
  FakeFiles files_{disk_, loop_};
  wal::TailCache tail_cache_{1 << 20};
  wal::OpenFiles open_files_{loop_, files_, 10};
  raft::LeaderStates leader_states_;
  PartitionCounters counters_;
  FakeKvStore kv_store_{rng_};
  FakeKv kv_{kv_store_, loop_};
  std::vector<Error> fences_;
  std::uint64_t asked_ = 0;  // the last round of a read
  raft::FakeLogDisk log_disk_;
  raft::FakeLogStore store_{loop_, log_disk_};
  bool has_room_ = true;
  RaftPartition* partition_ = nullptr;
  std::shared_ptr<raft::Group> group_;
};

}  // namespace kronika::broker
