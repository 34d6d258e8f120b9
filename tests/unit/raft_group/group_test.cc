// Group: one driven replica over a fake log store: what reaches its state machine, and when.
//
// Planted bugs that were seen to be caught: install-forgets-what-follows.
#include "raft/group.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/fake_log_store.h"

namespace kronika::raft {
namespace {

constexpr ReplicaId kLeader{BrokerId{1}, Incarnation{}};
constexpr ReplicaId kSelf{BrokerId{2}, Incarnation{}};
constexpr ReplicaId kOther{BrokerId{3}, Incarnation{}};

// Notes what it is given; an install is adopted when the test says so.
class NotingMachine final : public StateMachine {
 public:
  void Checkpoint(CheckpointPoint, Done<KvBatch>) override {}
  void Apply(const Entry& entry) override { applied.push_back(entry.index.value); }
  void OnStatus(const NodeStatus&) override {}
  void OnAdvance(const NodeStatus&) override {}
  void OpenInstallSource(LogStart, Done<std::unique_ptr<InstallSource>>) override {}
  std::unique_ptr<InstallSink> OpenInstallSink(LogStart) override { return nullptr; }
  void AdoptInstall(LogStart, std::string, Done<void> done) override { adopting = std::move(done); }

  std::vector<std::uint64_t> applied;
  Done<void> adopting;
};

class GroupTest : public testing::Test, public GroupHost {
 public:
  void Send(Group&, Message) override {}
  void MarkDirty(Group&) override {
    loop_.Post([this] { group_->Process(); });
  }
  void InstallWanted(Group&, ReplicaId) override {}
  void StatusChanged(Group&) override {}
  Status Admit(std::size_t, EntriesOf) const override { return {}; }
  void CountUncommitted(std::int64_t) override {}
  bool IsFirstLive(const Group&) const override { return false; }
  void StoreFailed(const Error& error) override { ADD_FAILURE() << error.Describe(); }

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
  FakeLogStore store_{loop_, disk_};
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

}  // namespace
}  // namespace kronika::raft
