// OffsetsPartition beside its replica's log: a coordinator through moments of doubt and through
// time that its process stood still, a map through an install.
//
// Planted bugs that were seen to be caught: coordinator-once-in-a-term, state-goes-on-behind,
// held-over-a-doubt, install-keeps-old-state, members-lost-by-a-standstill.
#include "broker/group/offsets_partition.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/broker/partition/raft_partition_world.h"

namespace kronika::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OffsetsPartitionTest : public RaftPartitionTest {
 protected:
  std::unique_ptr<OffsetsPartition> MakeOffsets() {
    auto out = std::make_unique<OffsetsPartition>(
        OffsetsEnvironment{
            loop_, NullLog(), {}, [this] { return partition_; }, [this] { return stood_still_; }},
        [](OffsetsPartition*) {});
    offsets_ = out.get();
    return out;
  }
  void LeadOffsets() { Lead(2, MakeOffsets()); }

  // The process stood still: until a quorum answers again it does not serve (SAFETY B7).
  void Doubt() {
    group_->node().ResetLeases();
    MarkDirty(*group_);
    scheduler_.RunFor(milliseconds(1));
    ASSERT_FALSE(partition_->Status().leads);
  }
  void Confirm() {
    group_->Step({.type = raft::MessageType::kHeartbeatResponse,
                  .from = kSecond,
                  .to = kSelf,
                  .term = Term{1},
                  .log_index = Index{1},
                  .hint_index = Index{1}});
    scheduler_.RunFor(milliseconds(1));
    ASSERT_TRUE(partition_->Status().leads);
  }
  std::shared_ptr<std::optional<KafkaError>> Commit(std::int64_t offset) {
    CommitCall call{.from = {.group = "g"}, .offsets = {}};
    call.offsets.push_back({.topic = "t", .partition = 0, .offset = {.offset = offset}});
    auto out = std::make_shared<std::optional<KafkaError>>();
    offsets_->Call(
        [call = std::move(call)](Coordinator& coordinator, Ticket ticket, GroupTime now) mutable {
          coordinator.Commit(ticket, std::move(call), now);
        },
        Duration::zero(), [out](GroupAnswer answer) { *out = std::get<KafkaError>(answer.what); });
    scheduler_.RunFor(milliseconds(1));
    return out;
  }
  // Member "m" joins group "g"; it has to be heard of every ten seconds.
  void Join() {
    std::optional<KafkaError> error;
    JoinCall call{.group = "g",
                  .instance = {},
                  .new_member = "m",
                  .session_timeout_ms = 10'000,
                  .rebalance_timeout_ms = 60'000,
                  .protocol_type = "consumer",
                  .protocols = {{"range", ""}}};
    offsets_->Call([&](Coordinator& coordinator, Ticket ticket,
                       GroupTime now) { coordinator.Join(ticket, std::move(call), now); },
                   Duration::zero(),
                   [&](GroupAnswer answer) { error = std::get<JoinAnswer>(answer.what).error; });
    scheduler_.RunFor(seconds(4));  // the first join waits for company
    Acknowledge(kSecond, 2);
    ASSERT_EQ(error, KafkaError::kNone);
  }
  // SIGSTOP and SIGCONT. What is overdue runs first.
  void StandStill(Duration duration) {
    loop_.Pause();
    scheduler_.RunFor(duration);
    stood_still_ += duration;
    loop_.Resume();
    scheduler_.RunFor(milliseconds(1));
  }
  std::int64_t Stored() const {
    const auto* stored = offsets_->map().FindOffset({"g", "t", 0});
    return stored ? stored->offset : -1;
  }

  // Everything that this leader has applied, as another replica's staged install.
  void Install(RaftPartition& to, const raft::LogStart& start, std::string& manifest) {
    std::unique_ptr<raft::InstallSource> source;
    partition_->OpenInstallSource(start, [&](auto opened) { source = std::move(*opened); });
    Run();
    ASSERT_TRUE(source);
    const auto sink = to.OpenInstallSink(start);
    for (bool more = true; more;) {
      std::optional<raft::InstallSource::Chunk> chunk;
      source->Next(1 << 20, [&](auto read) { chunk = std::move(*read); });
      Run();
      ASSERT_TRUE(chunk);
      more = !chunk->header.empty();
      if (more) sink->Write(std::move(*chunk), [](const Status& written) { ASSERT_TRUE(written); });
      Run();
    }
    sink->Finish([&](Result<std::string> finished) { manifest = std::move(*finished); });
    Run();
  }

  OffsetsPartition* offsets_ = nullptr;
  Duration stood_still_{};
};

TEST_F(OffsetsPartitionTest, ALeaderThatWasInDoubtCoordinatesAgainInItsTerm) {
  LeadOffsets();
  ASSERT_EQ(offsets_->Availability(), KafkaError::kNone);
  Doubt();
  EXPECT_EQ(offsets_->Availability(), KafkaError::kCoordinatorLoadInProgress);
  EXPECT_EQ(*Commit(3), KafkaError::kCoordinatorLoadInProgress);
  Confirm();
  EXPECT_EQ(offsets_->Availability(), KafkaError::kNone);
  const auto committed = Commit(4);
  Acknowledge(kSecond, 2);
  EXPECT_EQ(*committed, KafkaError::kNone);
  EXPECT_EQ(Stored(), 4);
}

// The coordinator of before has a record on its way: whoever begins beside it would take it for
// another leader's, or for none.
TEST_F(OffsetsPartitionTest, ItBeginsAnewWhenWhatItAppendedBeforeIsApplied) {
  LeadOffsets();
  const auto committed = Commit(4);
  EXPECT_FALSE(committed->has_value());
  Doubt();
  EXPECT_EQ(*committed, KafkaError::kNotCoordinator) << "its fate is not known";
  Confirm();
  EXPECT_EQ(offsets_->Availability(), KafkaError::kCoordinatorLoadInProgress);
  EXPECT_EQ(Stored(), -1);
  Acknowledge(kSecond, 2);
  EXPECT_EQ(Stored(), 4);
  EXPECT_EQ(offsets_->Availability(), KafkaError::kNone);
}

// What waits for room in the journal is not in the log yet, and never will be.
TEST_F(OffsetsPartitionTest, ARecordThatWaitsForRoomEndsWithItsCoordinator) {
  LeadOffsets();
  has_room_ = false;
  const auto committed = Commit(4);
  EXPECT_FALSE(committed->has_value());
  Doubt();
  EXPECT_EQ(*committed, KafkaError::kNotCoordinator);
  Confirm();
  has_room_ = true;
  EXPECT_EQ(offsets_->Availability(), KafkaError::kNone);
  const auto next = Commit(5);
  Run();
  Acknowledge(kSecond, 2);
  EXPECT_EQ(*next, KafkaError::kNone);
  EXPECT_EQ(group_->status().last, Index{2}) << "one record, not two";
}

// Nobody was heard while the process stood still: a member that is silent from then on has the rest
// of its session, and is lost by a record only then.
TEST_F(OffsetsPartitionTest, TimeThatTheProcessStoodStillIsNotTheMembers) {
  LeadOffsets();
  Join();
  ASSERT_EQ(group_->status().last, Index{2});
  scheduler_.RunFor(seconds(6));
  StandStill(seconds(60));
  EXPECT_EQ(offsets_->counters().expired_members, 0u);
  scheduler_.RunFor(seconds(3));
  EXPECT_EQ(offsets_->counters().expired_members, 0u);
  EXPECT_EQ(group_->status().last, Index{2}) << "a removal that rests on a stale clock";
  scheduler_.RunFor(seconds(2));
  EXPECT_EQ(offsets_->counters().expired_members, 1u);
  EXPECT_EQ(group_->status().last, Index{3});
}

// Bytes of a log do not move the map that an older log made: it is made of the new one, and what
// only the old one had leaves the store with the next checkpoint (SAFETY C5).
TEST_F(OffsetsPartitionTest, AnInstallMakesTheMapAnew) {
  LeadOffsets();
  const auto first = Commit(4);
  Acknowledge(kSecond, 2);
  const auto second = Commit(5);
  Acknowledge(kSecond, 3);
  ASSERT_EQ(*second, KafkaError::kNone);
  const OffsetsPartition& leader = *offsets_;

  auto behind = Make("t-0-behind");
  auto made = MakeOffsets();
  const OffsetsPartition& follower = *made;
  const std::string gone = EncodeKey(OffsetKey{"gone", "t", 0});
  made->Load(gone, EncodeValue(StoredOffset{.offset = 9}));
  made->Load(EncodeKey(OffsetKey{"g", "t", 0}), EncodeValue(StoredOffset{.offset = 2}));
  behind->KeepState(std::move(made), "state/");
  behind->OpenLog();
  ASSERT_TRUE(follower.map().Knows("gone"));

  const raft::LogStart start{.index = Index{3}, .term = Term{1}, .membership = {}};
  std::string manifest;
  Install(*behind, start, manifest);
  EXPECT_TRUE(follower.map().Knows("gone")) << "staged is not installed";
  std::optional<Status> adopted;
  behind->AdoptInstall(start, manifest, [&](Status done) { adopted = std::move(done); });
  Run();
  ASSERT_TRUE(adopted && *adopted);
  EXPECT_EQ(follower.map().Describe(), leader.map().Describe());

  std::optional<KvBatch> batch;
  behind->Checkpoint({.applied = Index{3}, .applied_term = Term{1}},
                     [&](Result<KvBatch> taken) { batch = std::move(*taken); });
  Run();
  ASSERT_TRUE(batch);
  const auto of_gone = std::ranges::find(batch->ops, "state/" + gone, &KvBatch::Op::key);
  ASSERT_NE(of_gone, batch->ops.end());
  EXPECT_FALSE(of_gone->value.has_value());
}

}  // namespace
}  // namespace kronika::broker
