// RaftPartition: when a producer is answered, and what a damaged entry does. One leader over fakes;
// the test speaks for its followers.
//
// Planted bugs that were seen to be caught: duplicate-answered-when-applied,
// no-room-refused-at-once, damage-not-fenced, time-without-quorum.
#include "broker/partition/raft_partition.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/partition/raft_partition_world.h"

namespace kronika::broker {
namespace {

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
