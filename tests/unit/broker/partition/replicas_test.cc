// Replicas: what is made, kept and fenced when metadata records are applied again after a restart.
//
// Planted bugs that were seen to be caught: older-record-removes-replica,
// fenced-replica-founded-again, manifest-decides-before-created, fenced-records-kept,
// damage-not-fenced.
#include "broker/partition/replicas.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/fake_disk.h"
#include "base/fake_files.h"
#include "base/fake_kv.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "raft/fake_log_store.h"
#include "raft/fake_transport.h"

namespace kronika::broker {
namespace {

constexpr GroupId kGroup{1};

Uuid Directory(std::uint8_t number) {
  Uuid out;
  out.bytes.back() = number;
  return out;
}

raft::ReplicaId Replica(std::int32_t broker, std::uint64_t incarnation) {
  return {BrokerId{broker}, Incarnation{incarnation}};
}

// One broker's replicas over fakes. The image is the one before any record, as after a crash
// before the first checkpoint.
class ReplicasTest : public testing::Test {
 protected:
  void Recover(std::int32_t self, std::uint8_t directory, RecoveredReplicas recovered) {
    manager_.emplace(
        raft::ManagerEnvironment{loop_, *transport_.emplace(network_.Attach({self}, loop_, 1)),
                                 store_, rng_, NullLog()},
        BrokerId{self}, raft::ManagerOptions{});
    replicas_.emplace(ReplicasEnvironment{.loop = loop_,
                                          .files = files_,
                                          .kv = kv_,
                                          .groups = *manager_,
                                          .log = NullLog(),
                                          .self = BrokerId{self},
                                          .directory = Directory(directory)});
    replicas_->Recover(std::move(recovered), image_);
    Run();
  }

  void Apply(std::uint64_t index, metadata::Record record) {
    auto next = metadata::Apply(*image_, Index{index}, {std::move(record)});
    ASSERT_TRUE(next) << next.error().Describe();
    const auto before = std::exchange(image_, *next);
    replicas_->OnImage(image_, metadata::Diff(*before, *image_));
    Run();
  }

  void ApplyTopicCreated() {
    const raft::ReplicaId here[] = {{BrokerId{1}, metadata::kPlacedHere},
                                    {BrokerId{2}, metadata::kPlacedHere},
                                    {BrokerId{3}, metadata::kPlacedHere}};
    Apply(6,
          metadata::TopicCreated{.name = "t",
                                 .topic = Directory(100),
                                 .partitions = {{.group = kGroup, .replicas = {here, here + 3}}}});
  }

  void Run() { scheduler_.RunFor(std::chrono::milliseconds(100)); }

  static raft::RecoveredGroup WithEntries(raft::ReplicaId self) {
    raft::RecoveredGroup out{.created = raft::Created{.self = self}};
    out.hard_state = raft::HardState{.term = Term{3}};
    out.entries = {{.index = Index{1}, .term = Term{3}}, {.index = Index{2}, .term = Term{3}}};
    return out;
  }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeDisk disk_{rng_};
  FakeFiles files_{disk_, loop_};
  FakeKvStore kv_store_{rng_};
  FakeKv kv_{kv_store_, loop_};
  raft::SimNetwork network_{scheduler_, rng_};
  raft::FakeLogDisk log_disk_;
  raft::FakeLogStore store_{loop_, log_disk_};
  std::optional<std::unique_ptr<raft::Transport>> transport_;
  metadata::ImagePtr image_ =
      metadata::FoundingImage(Directory(99), {{.broker = {1}, .directory = Directory(1)},
                                              {.broker = {2}, .directory = Directory(2)},
                                              {.broker = {3}, .directory = Directory(3)}});
  std::optional<raft::GroupManager> manager_;
  std::optional<Replicas> replicas_;
};

// Broker 3 came back with another directory, was placed by record 8 and has acknowledged entries.
// Then it crashed before its first checkpoint.
TEST_F(ReplicasTest, ARecordFromBeforeAReplicaWasPlacedDoesNotRemoveIt) {
  RecoveredReplicas recovered{.metadata_last = Index{8}};
  recovered.journal[kGroup] = WithEntries(Replica(3, 8));
  Recover(3, 13, std::move(recovered));
  ApplyTopicCreated();
  Apply(7, metadata::BrokerReplaced{.broker = {3}, .directory = Directory(13)});
  Apply(8, metadata::MembershipWished{
               .group = kGroup,
               .voters = {Replica(1, 6), Replica(2, 6), {BrokerId{3}, metadata::kPlacedHere}}});
  const raft::Group* group = manager_->Find(kGroup);
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->self(), Replica(3, 8));
  EXPECT_EQ(group->status().last, Index{2});
  EXPECT_FALSE(log_disk_.groups().contains(kGroup) && log_disk_.groups().at(kGroup).removed);
}

TEST_F(ReplicasTest, AFencedReplicaIsNotFoundedAgainByItsOwnRecord) {
  RecoveredReplicas recovered{.metadata_last = Index{6}};
  recovered.fenced[kGroup] = {Incarnation{6}, "damaged"};
  Recover(1, 1, std::move(recovered));
  ApplyTopicCreated();
  EXPECT_EQ(manager_->Find(kGroup), nullptr);
  EXPECT_TRUE(replicas_->fenced().contains(kGroup));
}

// A damaged group commit held all that the journal knew of the group.
TEST_F(ReplicasTest, AReplicaOfWhichOnlyItsDamageIsKnownIsNotFoundedAgain) {
  RecoveredReplicas recovered{.metadata_last = Index{6}};
  recovered.verdict.damages.push_back({.groups = {kGroup}, .what = "a record's checksum is wrong"});
  Recover(1, 1, std::move(recovered));
  ApplyTopicCreated();
  EXPECT_EQ(manager_->Find(kGroup), nullptr);
  EXPECT_TRUE(replicas_->fenced().contains(kGroup));
}

TEST_F(ReplicasTest, ALaterIncarnationEndsTheFence) {
  RecoveredReplicas recovered{.metadata_last = Index{6}};
  recovered.fenced[kGroup] = {Incarnation{6}, "damaged"};
  Recover(1, 1, std::move(recovered));
  ApplyTopicCreated();
  Apply(7, metadata::MembershipWished{
               .group = kGroup,
               .voters = {{BrokerId{1}, metadata::kPlacedHere}, Replica(2, 6), Replica(3, 6)}});
  ASSERT_NE(manager_->Find(kGroup), nullptr);
  EXPECT_EQ(manager_->Find(kGroup)->self(), Replica(1, 7));
  EXPECT_TRUE(replicas_->fenced().empty());
}

TEST_F(ReplicasTest, ADeletedPartitionIsFencedNoMore) {
  RecoveredReplicas recovered{.metadata_last = Index{7}};
  recovered.fenced[kGroup] = {Incarnation{6}, "damaged"};
  Recover(1, 1, std::move(recovered));
  ApplyTopicCreated();
  Apply(7, metadata::TopicDeleted{.topic = Directory(100)});
  EXPECT_TRUE(replicas_->fenced().empty());
}

wal::Manifest ManifestOf(raft::ReplicaId self, Index applied) {
  raft::ReplicaRecord record{.self = self, .hard_state = {.term = Term{3}, .commit = applied}};
  record.start = {applied, Term{3}, {.voters = {Replica(1, 6), Replica(2, 6), Replica(3, 6)}}};
  return {.group = kGroup,
          .incarnation = self.incarnation,
          .directory = "t-0",
          .applied = applied,
          .applied_term = Term{3},
          .replica = raft::EncodeReplicaRecord(record)};
}

// The replica was fenced, and the next one was created; then the power went before the store's
// deletes were durable (SAFETY A4).
TEST_F(ReplicasTest, TheIncarnationDecidesBetweenAnEarlierManifestAndALaterBeginning) {
  RecoveredReplicas recovered{.metadata_last = Index{7}};
  recovered.manifests[kGroup] = ManifestOf(Replica(1, 6), Index{10});
  recovered.fenced[kGroup] = {Incarnation{6}, "damaged"};
  recovered.journal[kGroup].created = raft::Created{.self = Replica(1, 7)};
  Recover(1, 1, std::move(recovered));
  const raft::Group* group = manager_->Find(kGroup);
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->self(), Replica(1, 7));
  EXPECT_EQ(group->status().last, Index{0});
  EXPECT_TRUE(group->status().membership.voters.empty()) << "it begins empty, as a learner";
  EXPECT_TRUE(replicas_->fenced().empty());
}

TEST_F(ReplicasTest, TheManifestOfTheSameLifeDecides) {
  RecoveredReplicas recovered{.metadata_last = Index{7}};
  recovered.manifests[kGroup] = ManifestOf(Replica(1, 6), Index{1});
  recovered.journal[kGroup] = WithEntries(Replica(1, 6));
  Recover(1, 1, std::move(recovered));
  const raft::Group* group = manager_->Find(kGroup);
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->status().applied, Index{1});
  EXPECT_EQ(group->status().last, Index{2});
}

TEST_F(ReplicasTest, AManifestOfALaterLifeThanTheJournalsIsFenced) {
  RecoveredReplicas recovered{.metadata_last = Index{7}};
  recovered.manifests[kGroup] = ManifestOf(Replica(1, 7), Index{10});
  recovered.journal[kGroup] = WithEntries(Replica(1, 6));
  Recover(1, 1, std::move(recovered));
  EXPECT_EQ(manager_->Find(kGroup), nullptr);
  EXPECT_TRUE(replicas_->fenced().contains(kGroup));
}

// What a fenced replica left in the journal is not its successor's.
TEST_F(ReplicasTest, TheSuccessorOfAFencedReplicaForgetsItsRecords) {
  store_.Append({.group = kGroup,
                 .created = raft::Created{.self = Replica(1, 6)},
                 .raft = {.entries = {{.index = Index{1}, .term = Term{3}}}}},
                [](Status) {});
  RecoveredReplicas recovered{.metadata_last = Index{6}};
  recovered.fenced[kGroup] = {Incarnation{6}, "damaged"};
  Recover(1, 1, std::move(recovered));
  ApplyTopicCreated();
  Apply(7, metadata::MembershipWished{
               .group = kGroup,
               .voters = {{BrokerId{1}, metadata::kPlacedHere}, Replica(2, 6), Replica(3, 6)}});
  const raft::RecoveredGroup& on_disk = log_disk_.groups().at(kGroup);
  ASSERT_TRUE(on_disk.created);
  EXPECT_EQ(on_disk.created->self, Replica(1, 7));
  EXPECT_TRUE(on_disk.entries.empty());
}

// The journal gives back what it was given; that a committed entry was damaged before does not end
// the process at each start, and the other replicas are there.
TEST_F(ReplicasTest, ADamagedCommittedEntryFencesItsReplicaAlone) {
  constexpr GroupId kOther{2};
  RecoveredReplicas recovered{.metadata_last = Index{6}};
  for (GroupId id : {kGroup, kOther}) {
    recovered.journal[id] = WithEntries(Replica(1, 6));
    recovered.journal[id].hard_state->commit = Index{2};
  }
  recovered.journal[kGroup].entries[1].type = raft::EntryType::kData;
  recovered.journal[kGroup].entries[1].payload = Slice::CopyOf("no batch");
  Recover(1, 1, std::move(recovered));
  const raft::ReplicaId here[] = {{BrokerId{1}, metadata::kPlacedHere},
                                  {BrokerId{2}, metadata::kPlacedHere},
                                  {BrokerId{3}, metadata::kPlacedHere}};
  Apply(6, metadata::TopicCreated{.name = "t",
                                  .topic = Directory(100),
                                  .partitions = {{.group = kGroup, .replicas = {here, here + 3}},
                                                 {.group = kOther, .replicas = {here, here + 3}}}});
  EXPECT_TRUE(replicas_->fenced().contains(kGroup));
  EXPECT_EQ(manager_->Find(kGroup), nullptr);
  ASSERT_NE(manager_->Find(kOther), nullptr);
  EXPECT_EQ(manager_->Find(kOther)->status().applied, Index{2});
}

}  // namespace
}  // namespace kronika::broker
