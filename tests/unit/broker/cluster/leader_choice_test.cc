// Who may lead in a leader's place, and which leaders return: the decisions.
//
// Planted bugs that were seen to be caught: lagging-successor, returns-at-once,
// unheard-of-successor-given-up.
#include "broker/cluster/leader_choice.h"

#include <gtest/gtest.h>

#include <set>

namespace kronika::broker {
namespace {

using std::chrono::seconds;

constexpr BrokerId kFirst{1}, kSecond{2}, kThird{3}, kFourth{4};

// Broker 1 leads; 2 and 3 are level, all of them live.
class LeaderChoice : public testing::Test {
 protected:
  LeaderChoice() {
    status.self = {kFirst, Incarnation{7}};
    status.role = raft::Role::kLeader;
    for (const BrokerId broker : {kFirst, kSecond, kThird}) {
      const raft::ReplicaId id{broker, Incarnation{7}};
      status.membership.voters.push_back(id);
      status.replicas.push_back({.id = id, .voter = true, .active = true});
    }
  }
  Fitness Judge(BrokerId broker) { return JudgeSuccessor(status, broker, rules); }
  BrokerId Choose(BrokerId tried = kNoBroker) {
    return ChooseSuccessor(status, tried, rules).broker;
  }

  raft::NodeStatus status;
  std::set<BrokerId> leads_nothing, not_heard_of;
  SuccessorRules rules{.level_ticks = 20,
                       .reachable = [this](BrokerId id) { return !leads_nothing.contains(id); },
                       .may_lead = [this](BrokerId id) { return !not_heard_of.contains(id); }};
};

TEST_F(LeaderChoice, OnlyALevelVoterOfALiveBrokerIsFit) {
  EXPECT_EQ(Judge(kSecond), Fitness::kFit);
  EXPECT_EQ(Judge(kFirst), Fitness::kUnfit) << "it leads";
  EXPECT_EQ(Judge(kFourth), Fitness::kUnfit) << "it has no replica";
  status.replicas[1].ticks_since_caught_up = 20;
  EXPECT_EQ(Judge(kSecond), Fitness::kFit);
  status.replicas[1].ticks_since_caught_up = 21;
  EXPECT_EQ(Judge(kSecond), Fitness::kLags);
  status.replicas[1].ticks_since_caught_up = 0;
  status.replicas[1].active = false;
  EXPECT_EQ(Judge(kSecond), Fitness::kLags) << "it does not answer";
  status.last = Index{1000};
  status.replicas[2].match = Index{744};
  EXPECT_EQ(Judge(kThird), Fitness::kFit);
  status.replicas[2].match = Index{743};
  EXPECT_EQ(Judge(kThird), Fitness::kLags) << "as of a new leader that was told nothing yet";
  leads_nothing = {kThird};
  EXPECT_EQ(Judge(kThird), Fitness::kUnfit);
}

TEST_F(LeaderChoice, WhoIsConnectedAndNotHeardOfByTheControllerIsWaitedFor) {
  not_heard_of = {kSecond, kThird};
  EXPECT_EQ(Judge(kSecond), Fitness::kLags);
  EXPECT_EQ(Choose(), kNoBroker);
  EXPECT_TRUE(ChooseSuccessor(status, kNoBroker, rules).later);
  leads_nothing = {kSecond, kThird};
  EXPECT_FALSE(ChooseSuccessor(status, kNoBroker, rules).later);
}

TEST_F(LeaderChoice, ALearnerOrAReplacedReplicaIsNot) {
  status.membership.voters.pop_back();
  status.membership.learners.push_back({kThird, Incarnation{7}});
  EXPECT_EQ(Judge(kThird), Fitness::kUnfit);
  status.membership.voters[1].incarnation = Incarnation{9};
  EXPECT_EQ(Judge(kSecond), Fitness::kUnfit) << "of the new replica nothing is known yet";
}

TEST_F(LeaderChoice, TheFirstInTheAssignmentTakesOver) {
  EXPECT_EQ(Choose(), kSecond);
  std::swap(status.membership.voters[1], status.membership.voters[2]);
  EXPECT_EQ(Choose(), kThird);
  status.replicas[2].ticks_since_caught_up = 100;
  EXPECT_EQ(Choose(), kSecond);
}

TEST_F(LeaderChoice, WhoDidNotTakeOverIsAskedAfterTheOthers) {
  EXPECT_EQ(Choose(kSecond), kThird);
  EXPECT_EQ(Choose(kThird), kSecond);
  leads_nothing = {kThird};
  EXPECT_EQ(Choose(kSecond), kSecond);
}

TEST_F(LeaderChoice, WhoLagsIsWorthWaitingForAndWhoIsDownIsNot) {
  leads_nothing = {kThird};
  status.replicas[1].ticks_since_caught_up = 100;
  Successor none = ChooseSuccessor(status, kNoBroker, rules);
  EXPECT_EQ(none.broker, kNoBroker);
  EXPECT_TRUE(none.later);
  leads_nothing = {kSecond, kThird};
  none = ChooseSuccessor(status, kNoBroker, rules);
  EXPECT_EQ(none.broker, kNoBroker);
  EXPECT_FALSE(none.later);
}

std::vector<std::uint32_t> Groups(const std::vector<ReturnCandidate>& candidates) {
  std::vector<std::uint32_t> out;
  for (const auto& each : candidates) out.push_back(each.group.value);
  return out;
}

TEST(PlanReturns, OnlyWhatWasFitForLongEnoughAndFewAtOnce) {
  const Instant start{};
  std::vector<ReturnCandidate> candidates;
  for (std::uint32_t i = 1; i <= 6; ++i)
    candidates.push_back({GroupId{i}, kSecond, start + seconds(10 - i)});  // 6 is fit the longest
  const ReturnRules rules{.settle = seconds(5), .at_once_max = 3};
  const auto plan = [&](std::size_t under_way, int now_s) {
    return Groups(PlanReturns(candidates, under_way, rules, start + seconds(now_s)));
  };
  EXPECT_TRUE(plan(0, 8).empty());
  EXPECT_EQ(plan(0, 9), (std::vector<std::uint32_t>{6}));
  EXPECT_EQ(plan(0, 10), (std::vector<std::uint32_t>{6, 5}));
  EXPECT_EQ(plan(0, 100), (std::vector<std::uint32_t>{6, 5, 4}));
  EXPECT_EQ(plan(2, 100), (std::vector<std::uint32_t>{6}));
  EXPECT_TRUE(plan(3, 100).empty());
  EXPECT_TRUE(plan(9, 100).empty());
}

}  // namespace
}  // namespace kronika::broker
