// ClusterMembership: when a broker that comes up knows enough to tell clients who leads.
//
// Planted bugs that were seen to be caught: ready-before-leaders-are-known, dead-brokers-awaited.
#include "broker/cluster/membership.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fake_kv.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "metadata/state_machine.h"
#include "raft/fake_log_store.h"
#include "raft/fake_transport.h"
#include "tests/support/log_lines.h"
#include "tests/unit/metadata/world.h"

namespace kronika::broker {
namespace {

using std::chrono::seconds;

constexpr BrokerId kSelf{1}, kSecond{2}, kThird{3};
constexpr GroupId kLedElsewhere{7};

class MembershipTest : public testing::Test {
 protected:
  struct Process {
    Process(MembershipTest& world, BrokerId self)
        : loop(world.scheduler_),
          store(loop, disk),
          transport(world.network_.Attach(self, loop, 1)),
          groups({loop, *transport, store, world.rng_, log}, self, {}) {
      for (BrokerId peer : {kSelf, kSecond, kThird}) groups.AddPeer(peer);
      groups.Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
    }
    ~Process() { loop.Kill(); }

    SimLoop loop;
    LogLines log{LogLevel::kWarn};
    raft::FakeLogDisk disk;
    raft::FakeLogStore store;
    std::unique_ptr<raft::Transport> transport;
    raft::GroupManager groups;
  };

  std::unique_ptr<Process> StartLeader(BrokerId broker, GroupId group) {
    auto out = std::make_unique<Process>(*this, broker);
    out->groups.leader_states().Publish({.group = group, .term = Term{3}, .leader = broker}, true);
    return out;
  }
  bool RunUntilKnown(Duration limit) {
    return scheduler_.RunUntilTrue([this] { return membership_.KnowsLeaders(); }, limit);
  }

  SeededRng rng_{5};
  SimScheduler scheduler_{rng_};
  raft::SimNetwork network_{scheduler_, rng_};
  Process self_{*this, kSelf};
  FakeKvStore kv_store_{rng_};
  FakeKv kv_{kv_store_, self_.loop};
  const metadata::World world_ = metadata::World::Registered(3);
  metadata::StateMachine machine_{{self_.loop, kv_, NullLog()}, std::nullopt, world_.image};
  ControllerService service_{{self_.loop, NullLog(), machine_, {}, metadata::TestUuid(200), {}}};
  Leadership leadership_{self_.groups.leader_states(), [this] { return world_.image; },
                         [] { return kSecond; }};
  ControllerLink link_{{self_.loop, self_.groups.calls(),
                        [](CallKind, const Slice&, Done<Slice>) {}, kSelf, [] { return kSecond; },
                        [](BrokerId) { return true; }}};
  ClusterMembership membership_{{self_.loop, self_.log, self_.groups, link_, service_, leadership_,
                                 metadata::Registration(1), [](BrokerId, const HostPort&) {}}};
};

// Whoever it asks for a partition's leader would get "none" here and the leader elsewhere.
TEST_F(MembershipTest, EveryLiveBrokerHasSaidWhatItLeads) {
  const auto second = StartLeader(kSecond, kLedElsewhere);
  EXPECT_FALSE(RunUntilKnown(seconds(1))) << "nobody has said yet who lives";
  leadership_.SetLive({kSelf, kSecond, kThird});
  EXPECT_FALSE(RunUntilKnown(seconds(5))) << "the third is silent";
  constexpr GroupId kLedByThird{8};
  const auto third = StartLeader(kThird, kLedByThird);
  ASSERT_TRUE(RunUntilKnown(seconds(2)));
  for (const auto& [group, leader] : {std::pair(kLedElsewhere, kSecond), {kLedByThird, kThird}}) {
    const raft::LeaderState* known = self_.groups.leader_states().Find(group);
    ASSERT_TRUE(known) << "in the turn in which it says that it knows";
    EXPECT_EQ(known->leader, leader);
  }
  EXPECT_TRUE(self_.log.lines.empty());
}

TEST_F(MembershipTest, TheDeadAreNotWaitedFor) {
  const auto second = StartLeader(kSecond, kLedElsewhere);
  leadership_.SetLive({kSelf, kSecond});
  EXPECT_TRUE(RunUntilKnown(seconds(2)));
  EXPECT_TRUE(self_.log.lines.empty());
}

// A link of the two that is cut must not keep clients away, and is told.
TEST_F(MembershipTest, OneThatIsNotHeardOfIsWaitedForTenSeconds) {
  const auto second = StartLeader(kSecond, kLedElsewhere);
  leadership_.SetLive({kSelf, kSecond, kThird});
  EXPECT_FALSE(RunUntilKnown(seconds(9)));
  EXPECT_TRUE(RunUntilKnown(seconds(2)));
  ASSERT_EQ(self_.log.lines.size(), 1u);
  EXPECT_NE(self_.log.lines[0].find("broker 3"), std::string::npos) << self_.log.lines[0];
  leadership_.SetLive({});
  EXPECT_TRUE(membership_.KnowsLeaders()) << "once true, always true";
}

}  // namespace
}  // namespace kronika::broker
