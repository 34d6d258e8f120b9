// GroupManager: three of them on a simulated network, one group; what a broker whose disk hangs
// still does, what altered bytes do, and that many idle groups keep their leaders.
//
// Planted bugs that were seen to be caught: beats-over-a-hanging-disk, calls-numbered-from-one,
// founders-are-asked-once, frame-checksum-unchecked, followers-fill-the-disk,
// turn-admitted-entry-by-entry, beats-leave-groups-out, standstill-told-by-the-tick,
// leader-states-cut-short.
#include "raft/group_manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/fake_log_store.h"
#include "raft/fake_transport.h"

namespace kronika::raft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr GroupId kGroup{7};

class CountingSink final : public InstallSink {
 public:
  explicit CountingSink(int& chunks) : chunks_(chunks) {}
  void Write(InstallSource::Chunk, Done<void>) override { ++chunks_; }
  void Finish(Done<std::string>) override {}

 private:
  int& chunks_;
};

class KeepingMachine final : public StateMachine {
 public:
  KeepingMachine(std::vector<std::string>& applied, int& chunks)
      : applied_(applied), chunks_(chunks) {}
  void Checkpoint(CheckpointPoint, Done<KvBatch>) override {}
  void Apply(const Entry& entry) override { applied_.emplace_back(entry.payload.text()); }
  void OnStatus(const NodeStatus&) override {}
  void OnAdvance(const NodeStatus&) override {}
  void OpenInstallSource(LogStart, Done<std::unique_ptr<InstallSource>>) override {}
  std::unique_ptr<InstallSink> OpenInstallSink(LogStart) override {
    return std::make_unique<CountingSink>(chunks_);
  }
  void AdoptInstall(LogStart, std::string, Done<void>) override {}

 private:
  std::vector<std::string>& applied_;
  int& chunks_;
};

class Errors final : public Log {
 public:
  bool Enabled(LogLevel level) const override { return level == LogLevel::kError; }
  void Write(LogLevel, std::string text) override { lines.push_back(std::move(text)); }
  std::vector<std::string> lines;
};

struct Broker {
  Broker(SimScheduler& scheduler, SimNetwork& network, Rng& rng, BrokerId self)
      : loop(scheduler),
        store(loop, disk),
        transport(network.Attach(self, loop, 1)),
        manager({loop, *transport, store, rng, errors}, self, {}) {}
  Group& group() { return *manager.Find(kGroup); }
  bool leads() { return group().status().role == Role::kLeader; }

  SimLoop loop;
  Errors errors;
  std::vector<std::string> applied;
  int chunks = 0;  // of installs that were taken
  FakeLogDisk disk;
  FakeLogStore store;
  std::unique_ptr<Transport> transport;
  GroupManager manager;
};

class ManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::int32_t id = 1; id <= 3; ++id) {
      auto& broker =
          brokers_.emplace_back(std::make_unique<Broker>(scheduler_, network_, rng_, BrokerId{id}));
      for (std::int32_t peer = 1; peer <= 3; ++peer) broker->manager.AddPeer(BrokerId{peer});
      broker->manager.Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
      Found(kGroup, *broker, BrokerId{id});
    }
  }
  static void Found(GroupId group, Broker& broker, BrokerId self) {
    Membership members;
    for (std::int32_t id = 1; id <= 3; ++id) members.voters.push_back({BrokerId{id}, {}});
    GroupSpec spec{.id = group,
                   .self = {self, {}},
                   .created = Created{.self = {self, {}}, .membership = members}};
    spec.recovered.start.membership = members;
    broker.manager.AddGroup(std::move(spec),
                            std::make_unique<KeepingMachine>(broker.applied, broker.chunks));
  }
  void TearDown() override {
    for (auto& broker : brokers_) broker->loop.Kill();
  }

  // Broker 1 dies and comes back, without its group.
  Broker& StartFirstAgain() {
    brokers_[0]->loop.Kill();
    brokers_[0].reset();
    brokers_[0] = std::make_unique<Broker>(scheduler_, network_, rng_, BrokerId{1});
    for (std::int32_t peer = 1; peer <= 3; ++peer) brokers_[0]->manager.AddPeer(BrokerId{peer});
    brokers_[0]->manager.Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
    return *brokers_[0];
  }
  Broker* Leader() {
    for (auto& broker : brokers_) {
      if (broker->leads() && broker->group().status().serving) return broker.get();
    }
    return nullptr;
  }
  bool RunUntil(const std::function<bool()>& condition, Duration limit) {
    return scheduler_.RunUntilTrue(condition, limit);
  }

  SeededRng rng_{3};
  SimScheduler scheduler_{rng_};
  SimNetwork network_{scheduler_, rng_};
  std::vector<std::unique_ptr<Broker>> brokers_;
};

TEST_F(ManagerTest, AHangingDiskLosesLeadership) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  Broker& old = *Leader();
  old.store.SetSyncDelay(seconds(30));
  // The others commit it without this one's disk, which answers nobody.
  ASSERT_TRUE(old.group().Propose(EntryType::kData, Slice::CopyOf("one")));
  auto another = [&] { return Leader() != nullptr && Leader() != &old; };
  // Two seconds of patience, no election timeout: it hands over.
  EXPECT_TRUE(RunUntil(another, milliseconds(2500)));
  EXPECT_FALSE(old.leads());
  // Nobody is disturbed as long as it hangs, and it follows when it is done.
  Broker& next = *Leader();
  const Term term = next.group().node().term();
  scheduler_.RunFor(seconds(20));
  EXPECT_TRUE(next.leads());
  EXPECT_EQ(next.group().node().term(), term);
  old.store.SetSyncDelay(milliseconds(1));
  auto caught_up = [&] {
    return old.group().status().applied == next.group().status().applied &&
           old.group().status().leader.broker == next.group().self().broker;
  };
  EXPECT_TRUE(RunUntil(caught_up, seconds(60)));
  EXPECT_EQ(next.group().node().term(), term);
}

// The first founder asks for votes when the others do not know the group yet. An election timeout
// is a second or more.
TEST_F(ManagerTest, FoundersThatAreLaterThanTheFirstAreAskedAgain) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(5)));
  scheduler_.RunFor(seconds(1));  // a stream that comes up makes it ask again, too
  constexpr GroupId kLater{8};
  Found(kLater, *brokers_[0], BrokerId{1});
  scheduler_.RunFor(milliseconds(60));
  for (std::int32_t id = 2; id <= 3; ++id) Found(kLater, *brokers_[id - 1], BrokerId{id});
  auto leads = [&] { return brokers_[0]->manager.Find(kLater)->status().role == Role::kLeader; };
  EXPECT_TRUE(RunUntil(leads, milliseconds(250)));
}

// One beat of a pair of brokers vouches for all groups that one leads and the other follows.
TEST_F(ManagerTest, ManyIdleGroupsKeepTheirLeaders) {
  constexpr std::uint32_t kGroups = 150;
  for (std::uint32_t i = 1; i < kGroups; ++i) {
    for (std::int32_t id = 1; id <= 3; ++id)
      Found(GroupId{kGroup.value + i}, *brokers_[id - 1], BrokerId{id});
  }
  const auto led = [&] {
    std::uint32_t out = 0;
    for (auto& broker : brokers_)
      broker->manager.ForEach([&](Group& group) { out += group.status().serving ? 1 : 0; });
    return out;
  };
  const auto elections = [&] {
    std::uint64_t out = 0;
    for (auto& broker : brokers_) out += broker->manager.leaderships_gained().by_election;
    return out;
  };
  ASSERT_TRUE(RunUntil([&] { return led() == kGroups; }, seconds(10)));
  scheduler_.RunFor(seconds(1));
  ASSERT_EQ(led(), kGroups);
  const auto before = elections();
  scheduler_.RunFor(seconds(10));
  EXPECT_EQ(elections(), before);
  EXPECT_EQ(led(), kGroups);
}

// What is overdue after SIGCONT runs in its old order: a timer may come before the tick.
TEST_F(ManagerTest, TimeThatTheProcessStoodStillIsKnownBeforeTheTick) {
  Broker& broker = *brokers_[0];
  scheduler_.RunFor(milliseconds(900));
  broker.loop.Pause();
  scheduler_.RunFor(milliseconds(900));
  broker.loop.Resume();
  scheduler_.RunFor(seconds(5));
  EXPECT_EQ(broker.manager.StoodStill(), Duration::zero()) << "slow is not still";

  std::vector<Duration> seen;
  const auto look = [&] { seen.push_back(broker.manager.StoodStill()); };
  broker.loop.RunAfter(milliseconds(1), look);
  broker.loop.RunAfter(seconds(20), look);
  broker.loop.Pause();
  scheduler_.RunFor(seconds(30));
  broker.loop.Resume();
  scheduler_.RunFor(milliseconds(1));
  look();
  scheduler_.RunFor(seconds(10));
  look();
  ASSERT_EQ(seen.size(), 4u);
  for (Duration each : seen) {
    EXPECT_EQ(each, seen[0]);
    EXPECT_LE(each, seconds(30));
    EXPECT_GE(each, seconds(30) - milliseconds(50));
  }
}

// Who comes back has missed all pushes: what it is told of leaders when its stream is up is all of
// them, however many there are.
TEST_F(ManagerTest, WhoComesBackLearnsWhoLeadsEachOfManyGroups) {
  constexpr std::uint32_t kGroups = 1000;
  constexpr std::uint32_t kFirst = 100;
  LeaderStates& led = brokers_[1]->manager.leader_states();
  for (std::uint32_t i = 0; i < kGroups; ++i) {
    led.Publish({.group = GroupId{kFirst + i}, .term = Term{3}, .leader = BrokerId{2}}, true);
  }
  scheduler_.RunFor(seconds(2));
  Broker& back = StartFirstAgain();
  const auto known = [&] {
    std::uint32_t out = 0;
    for (std::uint32_t i = 0; i < kGroups; ++i)
      out += back.manager.leader_states().Find(GroupId{kFirst + i}) != nullptr ? 1 : 0;
    return out;
  };
  RunUntil([&] { return known() == kGroups; }, seconds(60));
  EXPECT_EQ(known(), kGroups);
}

TEST_F(ManagerTest, ASlowDiskKeepsLeadership) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  Broker& old = *Leader();
  old.store.SetSyncDelay(milliseconds(1500));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(old.group().Propose(EntryType::kData, Slice::CopyOf("one")));
    scheduler_.RunFor(seconds(1));
    ASSERT_TRUE(old.leads());
  }
}

TEST_F(ManagerTest, AnAnswerToACallOfAnEarlierLifeIsNobodys) {
  constexpr std::uint32_t kKind = 9;
  constexpr BrokerId kOther{2};
  std::vector<Done<Slice>> answers;
  brokers_[1]->manager.calls().SetHandler(kKind, [&](BrokerId, const Call&, Done<Slice> answer) {
    answers.push_back(std::move(answer));
  });
  std::optional<Result<Slice>> ended;
  const auto ask = [&](Broker& broker) {
    ASSERT_TRUE(RunUntil([&] { return broker.manager.IsLive(kOther); }, seconds(5)));
    scheduler_.RunFor(seconds(1));  // the data lane, too
    broker.manager.calls().Start(kOther, kKind, {}, seconds(30),
                                 [&](Result<Slice> answer) { ended = std::move(answer); });
    const std::size_t before = answers.size();
    ASSERT_TRUE(RunUntil([&] { return answers.size() > before; }, seconds(5)));
  };
  ask(*brokers_[0]);
  Broker& again = StartFirstAgain();
  ended.reset();
  ask(again);
  ASSERT_EQ(answers.size(), 2U);
  answers[0](Slice::CopyOf("to the earlier life"));
  scheduler_.RunFor(seconds(1));
  EXPECT_FALSE(ended);
  answers[1](Slice::CopyOf("to this one"));
  ASSERT_TRUE(RunUntil([&] { return ended.has_value(); }, seconds(5)));
  ASSERT_TRUE(*ended);
  EXPECT_EQ((*ended)->text(), "to this one");
}

// A follower whose disk is nearly full takes nothing; the others commit without it, nobody is
// deposed, and with room again it catches up by itself.
TEST_F(ManagerTest, AFollowerWithANearlyFullDiskIsLeftBehindAndCatchesUp) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  Broker& leader = *Leader();
  Broker& full = *brokers_[&leader == brokers_[0].get() ? 1 : 0];
  bool nearly_full = true;
  full.manager.SetDiskNearlyFull([&] { return nearly_full; });
  const Term term = leader.group().node().term();
  const Index before = full.group().status().last;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(leader.group().Propose(EntryType::kData, Slice::CopyOf("entry")));
    scheduler_.RunFor(milliseconds(100));
  }
  EXPECT_EQ(full.group().status().last, before);
  EXPECT_EQ(full.group().status().leader.broker, leader.group().self().broker);
  EXPECT_EQ(leader.group().status().commit, leader.group().status().last);
  const InstallChunk chunk{
      .group = kGroup, .term = term, .install = 1, .start = LogStart{}, .header = "h"};
  full.manager.installs().OnChunk(leader.group().self().broker, chunk);
  EXPECT_EQ(full.chunks, 0) << "an install fills it, too";
  nearly_full = false;
  full.manager.installs().OnChunk(leader.group().self().broker, chunk);
  EXPECT_EQ(full.chunks, 1);
  EXPECT_TRUE(RunUntil([&] { return full.applied == leader.applied; }, seconds(5)));
  EXPECT_EQ(leader.group().node().term(), term);
}

// What comes in one turn is appended at its end: no more of it is taken than there is room for
// (kronika-sim cluster, seed 459).
TEST_F(ManagerTest, WhatWasAdmittedInATurnCountsAgainstTheNext) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  Broker& leader = *Leader();
  for (auto& broker : brokers_) broker->store.SetRoom(10'000);
  const std::string payload(3'000, 'x');
  const auto propose = [&] {
    return leader.group().Propose(EntryType::kData, Slice::CopyOf(payload)).has_value();
  };
  EXPECT_TRUE(propose() && propose() && propose());
  EXPECT_FALSE(propose());
  leader.store.SetRoom(13'000);
  EXPECT_TRUE(propose()) << "what was refused does not count";
  scheduler_.RunFor(milliseconds(1));
  EXPECT_TRUE(propose()) << "nor what was appended";
}

TEST_F(ManagerTest, AFollowerTakesOfATurnWhatThereIsRoomFor) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  Group& leader = Leader()->group();
  Broker& follower = *brokers_[Leader() == brokers_[0].get() ? 1 : 0];
  ASSERT_TRUE(
      RunUntil([&] { return follower.group().status().last == leader.status().last; }, seconds(5)));
  follower.store.SetRoom(10'000);
  const Index before = follower.group().status().last;
  const Term term = leader.node().term();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Message append{.type = MessageType::kAppend,
                   .from = leader.self(),
                   .to = follower.group().self(),
                   .term = term,
                   .log_index = before + (i - 1),
                   .log_term = term};
    append.entries.push_back({.index = before + i,
                              .term = term,
                              .type = EntryType::kData,
                              .payload = Slice::CopyOf(std::string(3'000, 'x'))});
    follower.group().Step(std::move(append));
  }
  follower.group().Process();
  EXPECT_EQ(follower.group().status().last, before + 3);
}

// Every altered frame is found, counted by who received it, and sent again; the log says it once a
// minute.
TEST_F(ManagerTest, AlteredFramesAreCountedAndSentAgain) {
  ASSERT_TRUE(RunUntil([&] { return Leader() != nullptr; }, seconds(10)));
  network_.options.flips = 0.05;
  std::size_t proposed = 0;
  for (int i = 0; i < 300; ++i) {
    if (Broker* leader = Leader())
      proposed += leader->group().Propose(EntryType::kData, Slice::CopyOf("entry")) ? 1 : 0;
    scheduler_.RunFor(milliseconds(100));
  }
  network_.options.flips = 0;
  ASSERT_GT(proposed, 100U);
  auto level = [&] {
    const auto& first = brokers_.front()->applied;
    return Leader() && std::ranges::all_of(brokers_, [&](const auto& broker) {
             return broker->applied == first &&
                    broker->group().status().applied == Leader()->group().status().last;
           });
  };
  ASSERT_TRUE(RunUntil(level, seconds(60)));
  for (const auto& text : brokers_.front()->applied) EXPECT_TRUE(text.empty() || text == "entry");
  std::uint64_t damaged = 0;
  for (const auto& broker : brokers_) {
    for (const auto& peer : broker->manager.Peers()) {
      damaged += peer.counters.damaged;
      EXPECT_EQ(peer.counters.undecodable, 0U);
    }
    EXPECT_LE(broker->errors.lines.size(), 2U) << "one line a peer and minute";
  }
  EXPECT_GT(network_.counters().altered, 20U);
  EXPECT_EQ(damaged, network_.counters().altered);
}

}  // namespace
}  // namespace kronika::raft
