// Group: one driven replica over a fake log store: what reaches its state machine, and when.
//
// Planted bugs that were seen to be caught: applied-after-a-capture,
// checkpoint-waits-for-installs, install-forgets-what-follows, install-overtakes-capture,
// install-overtakes-writes, too-large-entry-appended.
#include "raft/group.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/fake_log_store.h"

namespace kronika::raft {
namespace {

constexpr ReplicaId kLeader{BrokerId{1}, Incarnation{}};
constexpr ReplicaId kSelf{BrokerId{2}, Incarnation{}};
constexpr ReplicaId kOther{BrokerId{3}, Incarnation{}};
constexpr std::size_t kEntryBytesMax = 1000;

// Notes what it is given; an install is adopted when the test says so.
class NotingMachine final : public StateMachine {
 public:
  void Checkpoint(CheckpointPoint, Done<KvBatch> done) override { capturing = std::move(done); }
  void Apply(const Entry& entry) override { applied.push_back(entry.index.value); }
  void OnStatus(const NodeStatus&) override {}
  void OnAdvance(const NodeStatus&) override {}
  void OpenInstallSource(LogStart, Done<std::unique_ptr<InstallSource>>) override {}
  std::unique_ptr<InstallSink> OpenInstallSink(LogStart) override { return nullptr; }
  void AdoptInstall(LogStart, std::string, Done<void> done) override { adopting = std::move(done); }

  std::vector<std::uint64_t> applied;
  Done<void> adopting;
  Done<KvBatch> capturing;
};

class GroupTest : public testing::Test, public GroupHost {
 public:
  void Send(Group&, Message message) override { sent_.push_back(std::move(message)); }
  void MarkDirty(Group&) override {
    loop_.Post([this] { group_->Process(); });
  }
  void InstallWanted(Group&, ReplicaId) override {}
  void StatusChanged(Group&) override {}
  Status Admit(std::size_t, EntriesOf) const override { return {}; }
  void CountAdmitted(std::int64_t) override {}
  void LeadershipGained(const Group&) override {}
  void CountUncommitted(std::int64_t) override {}
  bool IsFirstLive(const Group&) const override { return false; }
  void StoreFailed(const Error& error) override { failure_ = error; }

 protected:
  void SetUp() override {
    const Membership members{.voters = {kLeader, kSelf, kOther}};
    GroupSpec spec{.id = GroupId{7}, .self = kSelf, .created = Created{.self = kSelf}};
    spec.recovered.start.membership = members;
    spec.created->membership = members;
    auto machine = std::make_unique<NotingMachine>();
    machine_ = machine.get();
    group_ = std::make_shared<Group>(GroupEnvironment{loop_, store_, *this, rng_, {}},
                                     std::move(spec), std::move(machine));
    group_->Start();
    Run();
  }

  void TearDown() override {
    EXPECT_EQ(failure_.has_value(), may_fail_) << (failure_ ? failure_->Describe() : "");
  }

  void Run() { scheduler_.RunFor(std::chrono::milliseconds(50)); }

  // Entries 1 to `last` of term 1, of which those up to `commit` are committed.
  void Append(std::uint64_t last, std::uint64_t commit) {
    Message message{.type = MessageType::kAppend,
                    .from = kLeader,
                    .to = kSelf,
                    .term = Term{1},
                    .commit = Index{commit}};
    for (std::uint64_t i = 1; i <= last; ++i) message.entries.push_back({Index{i}, Term{1}});
    group_->Step(std::move(message));
    Run();
  }

  void Beat(std::uint64_t commit) {
    group_->Step({.type = MessageType::kHeartbeat,
                  .from = kLeader,
                  .to = kSelf,
                  .term = Term{1},
                  .commit = Index{commit}});
    Run();
  }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeLogDisk disk_;
  FakeLogStore store_{loop_, disk_, {.entry_bytes_max = kEntryBytesMax}};
  std::vector<Message> sent_;
  std::optional<Error> failure_;
  bool may_fail_ = false;
  NotingMachine* machine_ = nullptr;
  std::shared_ptr<Group> group_;
};

// The log may reach beyond an install that is being adopted, and its entries may be committed
// meanwhile: what follows the installed point is applied, what it covers is not (kronika-sim
// cluster, seed 22).
TEST_F(GroupTest, EntriesCommittedWhileAnInstallIsAdoptedAreAppliedAfterIt) {
  Append(10, 0);
  bool adopted = false;
  group_->AdoptInstall({Index{5}, Term{1}, {.voters = {kLeader, kSelf, kOther}}}, "manifest",
                       [&](Status status) { adopted = status.has_value(); });
  Run();
  ASSERT_TRUE(machine_->adopting);
  Beat(8);
  EXPECT_TRUE(machine_->applied.empty());
  machine_->adopting({});
  Run();
  EXPECT_TRUE(adopted);
  Beat(10);
  EXPECT_EQ(machine_->applied, (std::vector<std::uint64_t>{6, 7, 8, 9, 10}));
}

// The log was taken in the turn in which an install of another leader's is complete: written behind
// the install's record, it would be what the journal goes on from.
TEST_F(GroupTest, WhatWasTakenBeforeAnInstallIsWrittenBeforeIt) {
  Append(10, 0);
  const Membership members{.voters = {kLeader, kSelf, kOther}};
  Message append{.type = MessageType::kAppend,
                 .from = kLeader,
                 .to = kSelf,
                 .term = Term{1},
                 .log_index = Index{10},
                 .log_term = Term{1},
                 .entries = {{Index{11}, Term{1}}, {Index{12}, Term{1}}}};
  group_->Step(append);
  group_->AdoptInstall({Index{20}, Term{1}, members}, "manifest", [](Status) {});
  Run();
  machine_->adopting({});
  Run();
  append.log_index = Index{20};
  append.entries = {{Index{21}, Term{1}}};
  group_->Step(append);
  Run();
  const auto& entries = disk_.groups().at(GroupId{7}).entries;
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries.front().index, Index{21});
}

// The record of an install may wait for room that only a checkpoint makes (kronika-sim cluster,
// seed 16 with tiny journals). What a checkpoint captured before is in the store before the swap;
// one that comes later has the installed state.
TEST_F(GroupTest, CheckpointsGoOnUntilTheRecordOfAnInstallIsDurable) {
  Append(3, 3);
  store_.SetSyncDelay(std::chrono::seconds(1));
  group_->AdoptInstall({Index{20}, Term{1}, {.voters = {kLeader, kSelf, kOther}}}, "manifest",
                       [](Status) {});
  std::optional<Result<Group::Checkpointed>> taken;
  const auto take = [&] {
    taken.reset();
    group_->Checkpoint([&](auto result) { taken = std::move(result); });
    Run();
  };
  take();
  ASSERT_TRUE(machine_->capturing);
  scheduler_.RunFor(std::chrono::seconds(3));
  EXPECT_FALSE(machine_->adopting) << "the store does not have what was captured";
  EXPECT_TRUE(group_->wrote_since_checkpoint());
  machine_->capturing(KvBatch{});
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->applied, Index{3});
  ASSERT_TRUE(machine_->adopting);
  take();
  ASSERT_TRUE(taken && !*taken);
  machine_->adopting({});
  Run();
  EXPECT_TRUE(group_->wrote_since_checkpoint());
  take();
  machine_->capturing(KvBatch{});
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->applied, Index{20});
}

// A follower may learn of a commit when nothing more is written: the next checkpoint takes it.
TEST_F(GroupTest, WhatIsAppliedAfterACheckpointIsOfTheNext) {
  Append(3, 1);
  group_->Checkpoint([](auto) {});
  Run();
  machine_->capturing(KvBatch{});
  EXPECT_FALSE(group_->wrote_since_checkpoint());
  Beat(3);
  EXPECT_EQ(machine_->applied.size(), 3u);
  EXPECT_TRUE(group_->wrote_since_checkpoint());
}

// The process has to end: the journal says that the state is installed, and it is not.
TEST_F(GroupTest, AnInstallThatIsRecordedAndCannotBeAdoptedIsAFailureOfTheStore) {
  may_fail_ = true;
  group_->AdoptInstall({Index{20}, Term{1}, {.voters = {kLeader, kSelf, kOther}}}, "manifest",
                       [](Status) {});
  Run();
  machine_->adopting(Fail(ErrorCode::kIo, "the folder cannot be renamed"));
  Run();
  EXPECT_TRUE(machine_->applied.empty());
}

// Brokers may have journal files of different sizes.
TEST_F(GroupTest, AnEntryThatTheJournalCanNeverTakeIsRefused) {
  const Slice large = Slice::Allocate(kEntryBytesMax + 1, 1);
  group_->Step({.type = MessageType::kAppend,
                .from = kLeader,
                .to = kSelf,
                .term = Term{1},
                .entries = {{.index = Index{1}, .term = Term{1}, .payload = large}}});
  Run();
  EXPECT_EQ(group_->status().last, Index{});
  ASSERT_FALSE(sent_.empty());
  EXPECT_TRUE(sent_.back().reject && sent_.back().busy);
  const auto proposed = group_->Propose(EntryType::kData, large);
  ASSERT_FALSE(proposed);
  EXPECT_EQ(proposed.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(GroupTest, AnInstallWhoseManifestTheJournalCanNeverTakeIsRefused) {
  std::optional<Status> adopted;
  group_->AdoptInstall({Index{20}, Term{1}, {.voters = {kLeader, kSelf, kOther}}},
                       std::string(kEntryBytesMax, 'm'),
                       [&](Status status) { adopted = std::move(status); });
  Run();
  ASSERT_TRUE(adopted && !*adopted);
  EXPECT_FALSE(machine_->adopting);
  Append(2, 2);
  EXPECT_EQ(machine_->applied, (std::vector<std::uint64_t>{1, 2}));
}

}  // namespace
}  // namespace kronika::raft
