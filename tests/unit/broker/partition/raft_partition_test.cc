// RaftPartition: when a producer is answered, and what a damaged entry does. One leader over fakes;
// the test speaks for its followers.
//
// Planted bugs that were seen to be caught: duplicate-answered-when-applied,
// no-room-refused-at-once, damage-not-fenced, time-without-quorum.
#include "broker/partition/raft_partition.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/fake_disk.h"
#include "base/fake_files.h"
#include "base/fake_kv.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/fake_log_store.h"
#include "wal/record_builder.h"

namespace kronika::broker {
namespace {

constexpr raft::ReplicaId kSelf{BrokerId{1}, Incarnation{6}};
constexpr raft::ReplicaId kSecond{BrokerId{2}, Incarnation{6}};
constexpr raft::ReplicaId kThird{BrokerId{3}, Incarnation{6}};
constexpr GroupId kGroup{1};

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
  void CountUncommitted(std::int64_t) override {}
  bool IsFirstLive(const raft::Group&) const override { return true; }
  void StoreFailed(const Error& error) override { ADD_FAILURE() << error.Describe(); }

 protected:
  // Leads with the votes and the first acknowledgement of the second replica.
  void Lead(std::int32_t min_insync_replicas) {
    const metadata::TopicSettings settings{.min_insync_replicas = min_insync_replicas,
                                           .message_bytes_max = 1 << 20,
                                           .segment_bytes = 1 << 20,
                                           .segment_ms = 1'000'000,
                                           .index_interval_bytes = 4096};
    auto machine = std::make_unique<RaftPartition>(
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
        wal::Manifest{.group = kGroup, .directory = "t-0"}, settings);
    partition_ = machine.get();
    raft::GroupSpec spec{.id = kGroup, .self = kSelf, .created = raft::Created{.self = kSelf}};
    spec.recovered.start.membership.voters = {kSelf, kSecond, kThird};
    spec.created->membership = spec.recovered.start.membership;
    group_ = std::make_shared<raft::Group>(raft::GroupEnvironment{loop_, store_, *this, rng_, {}},
                                           std::move(spec), std::move(machine));
    partition_->Bind(*group_);
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

// The batch is committed, and on fewer replicas than acks=-1 promises (SAFETY C9): its retry must
// not be told more than itself.
TEST_F(RaftPartitionTest, ARetryWaitsForMinInsyncReplicasAsItsBatchDoes) {
  Lead(3);
  const auto first = Produce();
  Acknowledge(kSecond, 2);
  ASSERT_EQ(partition_->high_watermark(), 1);
  EXPECT_FALSE(first->has_value());
  const auto retry = Produce();
  EXPECT_FALSE(retry->has_value());
  Acknowledge(kThird, 2);
  ASSERT_TRUE(first->has_value());
  ASSERT_TRUE(retry->has_value());
  EXPECT_EQ((*retry)->error, KafkaError::kNone);
  EXPECT_EQ((*retry)->base_offset, 0);
}

TEST_F(RaftPartitionTest, ARetryOfAnAnsweredBatchIsAnsweredAtOnce) {
  Lead(2);
  const auto first = Produce();
  Acknowledge(kSecond, 2);
  ASSERT_TRUE(first->has_value());
  const auto retry = Produce();
  ASSERT_TRUE(retry->has_value());
  EXPECT_EQ((*retry)->base_offset, (*first)->base_offset);
}

// A producer that is faster than the disk is slowed down, in its order, and not refused.
TEST_F(RaftPartitionTest, BatchesWithoutRoomWaitForItInTheirOrder) {
  Lead(1);
  has_room_ = false;
  auto first = Produce(0), second = Produce(1), again = Produce(0);
  EXPECT_FALSE(*first || *second || *again) << "refused while there is no room";
  has_room_ = true;
  Run();
  EXPECT_FALSE(*first) << "acknowledged by nobody else";
  Acknowledge(kSecond, 3);
  ASSERT_TRUE(*first && *second && *again);
  EXPECT_EQ((*first)->error, KafkaError::kNone);
  EXPECT_EQ((*first)->base_offset, 0);
  EXPECT_EQ((*second)->base_offset, 1);
  EXPECT_EQ((*again)->base_offset, 0) << "a retry behind it is the same batch";
}

TEST_F(RaftPartitionTest, ABatchWithoutRoomIsRefusedAfterASecond) {
  Lead(1);
  has_room_ = false;
  auto waits = Produce(0);
  scheduler_.RunFor(std::chrono::milliseconds(900));
  EXPECT_FALSE(*waits);
  scheduler_.RunFor(std::chrono::milliseconds(200));
  ASSERT_TRUE(*waits);
  EXPECT_EQ((*waits)->error, KafkaError::kNotEnoughReplicas);
  has_room_ = true;
  auto next = Produce(0);
  Acknowledge(kSecond, 2);
  ASSERT_TRUE(*next) << "it left no trace";
  EXPECT_EQ((*next)->base_offset, 0);
}

// A leader that was deposed without knowing it lacks the newest records, so what it says of times
// is confirmed as its end is (SAFETY C1).
TEST_F(RaftPartitionTest, OffsetsByTimeAreConfirmedByAQuorum) {
  Lead(2);
  Produce();
  Acknowledge(kSecond, 2);
  using Kind = OffsetQuery::Kind;
  for (const Kind kind : {Kind::kLatest, Kind::kTimestamp, Kind::kMaxTimestamp}) {
    std::optional<OffsetAnswer> answer;
    partition_->FindOffset({.kind = kind, .timestamp_ms = 0},
                           [&](const OffsetAnswer& given) { answer = given; });
    Run();
    EXPECT_FALSE(answer) << "nobody confirmed";
    Answer({.type = raft::MessageType::kHeartbeatResponse,
            .from = kSecond,
            .log_index = Index{2},
            .hint_index = Index{2},
            .read_context = asked_});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->error, KafkaError::kNone);
    EXPECT_EQ(answer->offset, kind == Kind::kLatest ? 1 : 0);
  }
  std::optional<OffsetAnswer> first;
  partition_->FindOffset({.kind = Kind::kEarliest},
                         [&](const OffsetAnswer& given) { first = given; });
  EXPECT_TRUE(first) << "that promises nothing";
}

enum class Damage { kNoBatch, kNothing, kCutShort, kOtherOffset, kOtherEpoch };

class DamagedEntryTest : public RaftPartitionTest, public testing::WithParamInterface<Damage> {
 protected:
  static Slice Damaged(Damage damage) {
    wal::RecordBuilder builder({});
    builder.Add({.value = "x"});
    Slice batch = builder.Build();
    wal::StampBatch(batch.mutable_bytes(), damage == Damage::kOtherOffset ? 5 : 1,
                    damage == Damage::kOtherEpoch ? 2 : 1);
    if (damage == Damage::kNoBatch) return Slice::CopyOf("no batch");
    if (damage == Damage::kNothing) return {};
    return damage == Damage::kCutShort ? batch.Sub(0, batch.size() - 1) : batch;
  }
};

// Bytes that no leader checked are committed all the same: this replica answers nothing more, and
// the process goes on.
TEST_P(DamagedEntryTest, FencesTheReplica) {
  Lead(2);
  const auto waiting = Produce();
  ASSERT_TRUE(group_->Propose(raft::EntryType::kData, Damaged(GetParam())));
  Run();
  Acknowledge(kSecond, 3);
  ASSERT_EQ(fences_.size(), 1U);
  EXPECT_EQ(fences_.front().code, ErrorCode::kCorruption);
  EXPECT_EQ(group_->status().applied, Index{3});
  EXPECT_EQ(partition_->high_watermark(), 1) << "nothing of it is taken";
  EXPECT_FALSE(partition_->Status().leads);
  EXPECT_FALSE(partition_->Status().readable);
  EXPECT_TRUE(waiting->has_value()) << "nobody waits for a replica that is damaged";
  const auto after = Produce();
  ASSERT_TRUE(after->has_value());
  EXPECT_EQ((*after)->error, KafkaError::kNotLeaderOrFollower);
  bool refused = false;
  group_->Checkpoint([&](const Result<raft::Group::Checkpointed>& done) { refused = !done; });
  Run();
  EXPECT_TRUE(refused) << "its state is not made durable as if all were applied";
  EXPECT_EQ(fences_.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Each, DamagedEntryTest,
                         testing::Values(Damage::kNoBatch, Damage::kNothing, Damage::kCutShort,
                                         Damage::kOtherOffset, Damage::kOtherEpoch));

}  // namespace
}  // namespace kronika::broker
