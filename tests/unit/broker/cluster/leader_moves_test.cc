// Leaderships that move on purpose, with three brokers on a simulated network: elections that a
// client asks for, the hand-over of a broker that stops, and leaders that return.
//
// Planted bugs that were seen to be caught: lost-successor-waited-for, returns-at-once,
// stopping-broker-campaigns, stops-in-silence.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "broker/cluster/elections.h"
#include "broker/cluster/hand_over.h"
#include "broker/cluster/preferred_returns.h"
#include "raft/fake_log_store.h"
#include "raft/fake_transport.h"
#include "tests/support/log_lines.h"
#include "tests/support/no_machine.h"

namespace kronika::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kPartitions = 6;
constexpr std::int64_t kInSyncTicks = 200;

// One topic; broker b is preferred for the partitions b-1, b+2, ...
metadata::ImagePtr MakeImage(const Uuid& topic) {
  metadata::TopicCreated record{.name = "t", .topic = topic};
  for (int p = 0; p < kPartitions; ++p) {
    metadata::PartitionPlaced placed{.group = GroupId{static_cast<std::uint32_t>(p + 1)}};
    for (int i = 0; i < 3; ++i)
      placed.replicas.push_back({BrokerId{(p + i) % 3 + 1}, metadata::kPlacedHere});
    record.partitions.push_back(std::move(placed));
  }
  std::vector<metadata::FoundingVoter> founders;
  metadata::Records records;
  for (std::int32_t id = 1; id <= 3; ++id) {
    const Uuid directory{.bytes = {static_cast<std::uint8_t>(id)}};
    founders.push_back({BrokerId{id}, {"h", static_cast<std::uint16_t>(id)}, directory});
    records.push_back(metadata::BrokerRegistered{
        .broker = BrokerId{id}, .directory = directory, .boot_epoch = 1});
  }
  records.push_back(std::move(record));
  auto image = metadata::Apply(*metadata::FoundingImage(Uuid{.bytes = {9}}, founders), Index{1},
                               std::move(records));
  KRONIKA_CHECK(image.has_value(), image ? "" : image.error().text);
  return *image;
}

class LeaderMoves : public testing::Test, public LeadershipView {
 protected:
  struct Node {
    Node(LeaderMoves& world, BrokerId id)
        : self(id),
          loop(world.scheduler_),
          store(loop, disk),
          transport(world.network_.Attach(self, loop, 1)),
          groups({loop, *transport, store, world.rng_, log}, self, {}),
          transfers({loop, groups, world, [&world] { return world.image_; }, self, kInSyncTicks}),
          elections(
              {loop, groups.calls(), world, [&world] { return world.image_; }, self, transfers}),
          returns(
              {loop, log, groups, transfers, [&world] { return world.image_; }, self, seconds(5)}),
          hand_over({loop, log, groups, transfers}) {}

    const BrokerId self;
    SimLoop loop;
    LogLines log{LogLevel::kInfo};
    raft::FakeLogDisk disk;
    raft::FakeLogStore store;
    std::unique_ptr<raft::Transport> transport;
    raft::GroupManager groups;
    LeaderTransfers transfers;
    Elections elections;
    PreferredReturns returns;
    HandOver hand_over;
  };

  void SetUp() override {
    for (std::int32_t id = 1; id <= 3; ++id) {
      Node& node = *nodes_.emplace_back(std::make_unique<Node>(*this, BrokerId{id}));
      for (std::int32_t peer = 1; peer <= 3; ++peer) node.groups.AddPeer(BrokerId{peer});
      node.groups.Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
      node.transfers.Serve();
      node.groups.SetPeerLost([&node](BrokerId peer) {
        node.transfers.OnPeerLost(peer);
        node.returns.OnPeerLost(peer);
      });
    }
    // Connected first: the first replica of each assignment then campaigns, and nobody else.
    scheduler_.RunFor(seconds(2));
    for (auto& node : nodes_) {
      const raft::Membership metadata{
          .voters = {{BrokerId{1}, {}}, {BrokerId{2}, {}}, {BrokerId{3}, {}}}};
      AddGroup(*node, kMetadataGroup, metadata, {node->self, {}});
      for (const auto& place : image_->FindTopic(topic_)->partitions) {
        AddGroup(*node, place->group, place->members.FoundingMembership(),
                 place->members.ReplicaOf(node->self));
      }
    }
    ASSERT_TRUE(RunUntil([&] { return Leaders() == Preferred(); }, seconds(20)));
  }
  void TearDown() override {
    for (auto& node : nodes_) node->loop.Kill();
  }
  static void AddGroup(Node& node, GroupId id, const raft::Membership& members,
                       raft::ReplicaId self) {
    raft::GroupSpec spec{
        .id = id, .self = self, .created = raft::Created{.self = self, .membership = members}};
    spec.recovered.start.membership = members;
    node.groups.AddGroup(std::move(spec), std::make_unique<raft::NoMachine>());
  }

  // LeadershipView: what everybody knows at once.
  PartitionLeadership Find(const Uuid&, std::int32_t partition) const override {
    return {.leader = LeaderOf(GroupId{static_cast<std::uint32_t>(partition + 1)})};
  }
  bool IsLive(BrokerId broker) const override { return !down_.contains(broker); }
  BrokerId Controller() const override { return LeaderOf(kMetadataGroup); }

  BrokerId LeaderOf(GroupId id) const {
    for (const auto& node : nodes_) {
      const raft::Group* group = node->groups.Find(id);
      if (group && group->status().serving) return group->self().broker;
    }
    return kNoBroker;
  }
  std::vector<int> Leaders() const {
    std::vector<int> out;
    for (std::uint32_t p = 1; p <= kPartitions; ++p) out.push_back(LeaderOf(GroupId{p}).value);
    return out;
  }
  static std::vector<int> Preferred() { return {1, 2, 3, 1, 2, 3}; }
  bool RunUntil(const std::function<bool()>& condition, Duration limit) {
    return scheduler_.RunUntilTrue(condition, limit);
  }
  Node& At(int broker) { return *nodes_[static_cast<std::size_t>(broker - 1)]; }

  // Whoever leads the partition hands it over to `to`.
  void Move(std::uint32_t partition, int to) {
    const GroupId group{partition + 1};
    const BrokerId leader = LeaderOf(group);
    ASSERT_EQ(At(leader.value).transfers.Start(group, BrokerId{to}, TransferReason::kElection),
              TransferAnswer::kStarted);
    ASSERT_TRUE(RunUntil([&] { return LeaderOf(group).value == to; }, seconds(2)));
    scheduler_.RunFor(milliseconds(100));
  }
  std::vector<KafkaError> Elect(int asked, std::vector<std::int32_t> numbers, Duration patience) {
    std::vector<PartitionId> partitions;
    for (const auto number : numbers) partitions.push_back({topic_, number});
    std::optional<std::vector<KafkaError>> out;
    At(asked).elections.ElectPreferred(partitions, scheduler_.Now() + patience,
                                       [&](std::vector<ElectionOutcome> outcomes) {
                                         out.emplace();
                                         for (const auto& each : outcomes)
                                           out->push_back(each.error);
                                       });
    EXPECT_TRUE(RunUntil([&] { return out.has_value(); }, patience + seconds(1)));
    return out.value_or(std::vector<KafkaError>{});
  }
  // Until its hand-over is done; how long that took.
  Duration Stop(int broker, Duration limit = seconds(5)) {
    const Instant began = scheduler_.Now();
    bool done = false;
    At(broker).hand_over.Begin(limit, [&] { done = true; });
    EXPECT_TRUE(RunUntil([&] { return done; }, limit + seconds(1)));
    return scheduler_.Now() - began;
  }
  void Kill(int broker) {
    At(broker).loop.Kill();
    At(broker).transport.reset();
    down_.insert(BrokerId{broker});
  }

  const Uuid topic_{.bytes = {7}};
  const metadata::ImagePtr image_ = MakeImage(topic_);
  SeededRng rng_{5};
  SimScheduler scheduler_{rng_};
  raft::SimNetwork network_{scheduler_, rng_};
  std::set<BrokerId> down_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(LeaderMoves, AnElectionMovesEachPartitionToItsPreferredReplica) {
  Move(0, 2);
  Move(1, 3);
  const auto gained = At(1).groups.leaderships_gained();
  EXPECT_EQ(
      Elect(3, {0, 1, 2, 9}, seconds(5)),
      (std::vector<KafkaError>{KafkaError::kNone, KafkaError::kNone, KafkaError::kElectionNotNeeded,
                               KafkaError::kUnknownTopicOrPartition}));
  EXPECT_EQ(Leaders(), Preferred()) << "the answer leaves when they lead";
  EXPECT_EQ(At(1).groups.leaderships_gained().by_transfer, gained.by_transfer + 1);
  EXPECT_EQ(At(1).groups.leaderships_gained().by_election, gained.by_election);
}

TEST_F(LeaderMoves, APreferredReplicaThatIsDownOrBehindIsNotAvailable) {
  Move(0, 2);
  down_ = {BrokerId{1}};
  EXPECT_EQ(Elect(3, {0}, seconds(5)),
            (std::vector<KafkaError>{KafkaError::kPreferredLeaderNotAvailable}));
  down_.clear();
  // The disk of broker 1 hangs; the others go on without it, and the leader alone knows how long.
  At(1).store.SetSyncDelay(seconds(60));
  ASSERT_TRUE(At(2).groups.Find(GroupId{1})->Propose(raft::EntryType::kData, Slice::CopyOf("x")));
  scheduler_.RunFor(seconds(3));
  EXPECT_EQ(Elect(3, {0}, seconds(1)), (std::vector<KafkaError>{KafkaError::kRequestTimedOut}))
      << "still in sync: it may catch up";
  scheduler_.RunFor(seconds(10));
  EXPECT_EQ(Elect(3, {0}, seconds(1)),
            (std::vector<KafkaError>{KafkaError::kPreferredLeaderNotAvailable}));
}

TEST_F(LeaderMoves, AStoppingBrokerHandsEverythingOver) {
  ASSERT_TRUE(RunUntil([&] { return Controller() != kNoBroker; }, seconds(5)));
  const int stopping = Controller().value;
  const auto before = Leaders();
  EXPECT_LT(Stop(stopping), milliseconds(500));
  const auto after = Leaders();
  for (std::size_t p = 0; p < after.size(); ++p) {
    EXPECT_NE(after[p], stopping);
    EXPECT_NE(after[p], kNoBroker.value) << "somebody else leads already";
    EXPECT_TRUE(before[p] == stopping || after[p] == before[p]);
  }
  EXPECT_NE(Controller(), kNoBroker);
  EXPECT_NE(Controller().value, stopping);
  for (auto& node : nodes_) EXPECT_EQ(node->transfers.counters().failed, 0U);
  EXPECT_NE(At(stopping).log.lines.back().find("handed over 3 of 3 leaderships"), std::string::npos)
      << At(stopping).log.lines.back();
}

TEST_F(LeaderMoves, NothingIsHandedToABrokerThatStops) {
  Stop(1);
  EXPECT_EQ(At(2).transfers.Start(GroupId{2}, BrokerId{1}, TransferReason::kElection),
            TransferAnswer::kNotAvailable);
  // Nor does it campaign when the leader dies.
  Kill(3);
  ASSERT_TRUE(RunUntil([&] { return Leaders() == std::vector<int>(kPartitions, 2); }, seconds(10)));
}

TEST_F(LeaderMoves, BrokersThatStopTogetherDoNotWaitForEachOther) {
  int done = 0;
  const Instant began = scheduler_.Now();
  for (auto& node : nodes_) node->hand_over.Begin(seconds(5), [&] { ++done; });
  EXPECT_TRUE(RunUntil([&] { return done == 3; }, seconds(10)));
  EXPECT_LT(scheduler_.Now() - began, milliseconds(200));
}

TEST_F(LeaderMoves, AStopDoesNotWaitForASuccessorThatIsLost) {
  bool done = false;
  At(1).hand_over.Begin(seconds(5), [&] { done = true; });
  ASSERT_TRUE(RunUntil([&] { return At(1).transfers.under_way() > 0; }, seconds(1)));
  Kill(2);
  Kill(3);
  EXPECT_TRUE(RunUntil([&] { return done; }, milliseconds(300)));
}

TEST_F(LeaderMoves, AStopWithoutAnybodyElseIsNotHeldUp) {
  Kill(2);
  Kill(3);
  EXPECT_LT(Stop(1), milliseconds(200));
}

TEST_F(LeaderMoves, AHandOverEndsAtItsLimit) {
  // The others live, and answer broker 1 nothing.
  network_.Cut(BrokerId{2}, BrokerId{1});
  network_.Cut(BrokerId{3}, BrokerId{1});
  EXPECT_LE(Stop(1, milliseconds(800)), milliseconds(850));
}

TEST_F(LeaderMoves, LeadersReturnOnceTheirPreferredReplicaHasSettled) {
  Move(0, 2);
  Move(3, 3);
  for (auto& node : nodes_) node->returns.Start();
  const Instant began = scheduler_.Now();
  scheduler_.RunFor(milliseconds(4900));
  EXPECT_NE(Leaders(), Preferred());
  EXPECT_TRUE(RunUntil([&] { return Leaders() == Preferred(); }, seconds(2)));
  EXPECT_GE(scheduler_.Now() - began, seconds(5));
  scheduler_.RunFor(seconds(1));
  EXPECT_EQ(At(2).transfers.counters().completed[1] + At(3).transfers.counters().completed[1], 2U);
}

TEST_F(LeaderMoves, NoLeaderReturnsToAReplicaThatWasLostMeanwhile) {
  Move(0, 2);
  At(2).returns.Start();
  scheduler_.RunFor(seconds(4));
  network_.ResetAll(BrokerId{1});
  scheduler_.RunFor(seconds(3));
  EXPECT_EQ(LeaderOf(GroupId{1}).value, 2) << "it has to settle anew";
  EXPECT_TRUE(RunUntil([&] { return LeaderOf(GroupId{1}).value == 1; }, seconds(4)));
}

}  // namespace
}  // namespace kronika::broker
