// Checkpointer: a real journal, a store, and groups of one voter whose state answers as it is told.
//
// Planted bugs that were seen to be caught: given-up-pass-forgets, checkpoints-by-volume-only.
#include "broker/checkpointer.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/fake_kv.h"
#include "raft/fake_transport.h"
#include "raft/journal_log_store.h"
#include "tests/support/no_machine.h"
#include "tests/unit/wal/journal/journal_world.h"

namespace kronika::broker {
namespace {

constexpr BrokerId kSelf{1};

class SomeState final : public raft::NoMachine {
 public:
  explicit SomeState(const bool& fails) : fails_(fails) {}
  void Checkpoint(raft::CheckpointPoint, Done<KvBatch> done) override {
    if (fails_) return done(Fail(ErrorCode::kUnavailable, "the log is not open"));
    done(KvBatch{});
  }

 private:
  const bool& fails_;
};

class CheckpointerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world_.Open());
    store_ = std::make_unique<raft::JournalLogStore>(world_.journal());
    network_ = std::make_unique<raft::SimNetwork>(world_.scheduler(), world_.rng());
    loop_ = std::make_unique<SimLoop>(world_.scheduler());
    transport_ = network_->Attach(kSelf, *loop_, 1);
    groups_ = std::make_unique<raft::GroupManager>(
        raft::ManagerEnvironment{*loop_, *transport_, *store_, world_.rng(), NullLog()}, kSelf,
        raft::ManagerOptions{});
    groups_->Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
    kv_ = std::make_unique<FakeKv>(kept_, *loop_);
    checkpointer_ = std::make_unique<Checkpointer>(
        Checkpointer::Environment{*loop_, *kv_, world_.journal(), *groups_, NullLog(),
                                  [] { return false; }},
        wal::CheckpointMark{});
  }
  void TearDown() override {
    loop_->Kill();
    checkpointer_.reset();
    groups_.reset();
  }

  raft::Group& Found(GroupId id, const bool& fails) {
    const raft::Membership members{.voters = {{kSelf, {}}}};
    raft::GroupSpec spec{.id = id,
                         .self = {kSelf, {}},
                         .created = raft::Created{.self = {kSelf, {}}, .membership = members}};
    spec.recovered.start.membership = members;
    groups_->AddGroup(std::move(spec), std::make_unique<SomeState>(fails));
    raft::Group& group = *groups_->Find(id);
    EXPECT_TRUE(world_.RunUntil([&] { return group.status().serving; }));
    EXPECT_TRUE(group.Propose(raft::EntryType::kData, Slice::CopyOf("entry")));
    EXPECT_TRUE(world_.RunUntil([&] { return group.status().applied.value >= 2; }));
    return group;
  }
  Status Run() {
    return world_.Await([&](Done<void> done) {
      checkpointer_->Run(Checkpointer::Purpose::kClosing, std::move(done));
    });
  }

  wal::JournalWorld world_;
  FakeKvStore kept_{world_.rng()};
  std::unique_ptr<raft::JournalLogStore> store_;
  std::unique_ptr<raft::SimNetwork> network_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<raft::Transport> transport_;
  std::unique_ptr<raft::GroupManager> groups_;
  std::unique_ptr<FakeKv> kv_;
  std::unique_ptr<Checkpointer> checkpointer_;
};

// What it captured of the other groups pins the journal until a pass that has them releases it, and
// nobody may write to them until then (kronika-sim cluster).
TEST_F(CheckpointerTest, APassThatIsGivenUpTakesItsGroupsAgain) {
  const bool never = false;
  bool fails = true;
  raft::Group& sound = Found(GroupId{1}, never);
  raft::Group& closed = Found(GroupId{2}, fails);
  EXPECT_FALSE(Run());
  EXPECT_TRUE(sound.wrote_since_checkpoint());
  EXPECT_TRUE(closed.wrote_since_checkpoint());
  fails = false;
  const Status again = Run();
  EXPECT_TRUE(again) << again.error().Describe();
  EXPECT_FALSE(sound.wrote_since_checkpoint());
  EXPECT_FALSE(closed.wrote_since_checkpoint());
}

// A topic of a few records a minute would have had no segment to roll, to compact or to dump for
// weeks.
TEST_F(CheckpointerTest, ALittleThatWasWrittenIsCheckpointedInTime) {
  const bool never = false;
  raft::Group& group = Found(GroupId{1}, never);
  checkpointer_->Start();
  world_.scheduler().RunFor(Checkpointer::kPeriodMax - std::chrono::seconds(1));
  EXPECT_EQ(checkpointer_->counters().completed, 0U);
  world_.scheduler().RunFor(std::chrono::seconds(2));
  EXPECT_EQ(checkpointer_->counters().completed, 1U);
  EXPECT_FALSE(group.wrote_since_checkpoint());
  world_.scheduler().RunFor(Checkpointer::kPeriodMax * 2);
  EXPECT_EQ(checkpointer_->counters().completed, 1U) << "nothing was written since";
}

}  // namespace
}  // namespace kronika::broker
