// Fault classes that need an order: what a leader acknowledged too early is only missed when the
// right ones are lost.
//
//   leader ──▶ next        has what the leader has
//          ──▶ behind      gets it late, or not at all
//
// One thread. They know roles and disks, and nothing of the code that they are aimed at.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/kronika_sim/cluster_world.h"

namespace kronika::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kUsualCall = microseconds(200);
constexpr Duration kUsualSync = microseconds(150);
constexpr Duration kNever = seconds(10);  // a lane is reset sooner
constexpr Duration kBetweenVoters = milliseconds(20);
constexpr Duration kBehindTheWish = milliseconds(250);

raft::Group* LedBy(SimBroker& broker, GroupId group) {
  raft::Group* found = broker.running() ? broker.broker().groups().Find(group) : nullptr;
  return found && found->status().role == raft::Role::kLeader ? found : nullptr;
}

}  // namespace

struct ClusterWorld::Roles {
  GroupId group;
  SimBroker* leader = nullptr;
  SimBroker* next = nullptr;
  SimBroker* behind = nullptr;
};

// Of one partition that has three replicas and a leader; none: nobody serves one.
std::optional<ClusterWorld::Roles> ClusterWorld::PickRoles() {
  std::vector<Roles> found;
  for (auto& broker : brokers_) {
    if (!broker->running() || broker->paused()) continue;
    broker->broker().groups().ForEach([&](raft::Group& group) {
      const auto& status = group.status();
      if (group.id() != kMetadataGroup && status.serving && status.membership.voters.size() == 3)
        found.push_back({.group = group.id(), .leader = broker.get()});
    });
  }
  if (found.empty()) return std::nullopt;
  Roles out = found[rng_.Below(found.size())];
  std::vector<SimBroker*> others;
  for (auto& broker : brokers_) {
    if (broker.get() != out.leader) others.push_back(broker.get());
  }
  const std::size_t next = rng_.Below(others.size());
  out.next = others[next];
  out.behind = others[(next + 1) % others.size()];
  return out;
}

// One disk of two is slow, the third broker lacks the newest: the power of the slow one goes, and
// the other of the two is away for a while. What was acknowledged was on the other's disk, then, or
// on both; a leader or a follower that counts what it did not sync has lost it.
bool ClusterWorld::LosePowerWithOneBehind(SimBroker&) {
  HealFaults();
  scheduler_.RunFor(seconds(1));
  const auto roles = PickRoles();
  if (!roles) return false;
  SimBroker& slow = rng_.Chance(0.5) ? *roles->leader : *roles->next;
  SimBroker& sound = &slow == roles->leader ? *roles->next : *roles->leader;
  network_->Delay(roles->leader->id(), roles->behind->id(), kNever);
  const std::uint64_t sync_ms = 100 + rng_.Below(400);
  slow.disk().SetDelays(milliseconds(1), milliseconds(sync_ms));
  scheduler_.RunFor(milliseconds(sync_ms / 2 + rng_.Below(2 * sync_ms)));
  Lose(slow);
  sound.Kill();
  network_->HealAll();
  slow.disk().SetDelays(kUsualCall, kUsualSync);
  slow.Start();
  scheduler_.RunFor(seconds(2) + milliseconds(rng_.Below(1500)));
  sound.Start();
  return true;
}

// Who of the two asks for votes first, once its wish is with `third`; what it sends to that one
// from then on comes later. Null: nobody asks. The two are slow to answer each other, so that the
// wish is there before its sender leads.
SimBroker* ClusterWorld::AwaitWishForVote(GroupId group, SimBroker& one, SimBroker& other,
                                          SimBroker& third) {
  network_->Delay(one.id(), other.id(), kBetweenVoters);
  network_->Delay(other.id(), one.id(), kBetweenVoters);
  const auto asks = [group](SimBroker& broker) {
    raft::Group* found = broker.running() ? broker.broker().groups().Find(group) : nullptr;
    return found && found->status().role == raft::Role::kCandidate;
  };
  if (!scheduler_.RunUntilTrue([&] { return asks(one) || asks(other); }, milliseconds(2500)))
    return nullptr;
  SimBroker& asking = asks(one) ? one : other;
  scheduler_.RunFor(milliseconds(5));
  network_->Delay(asking.id(), third.id(), kBehindTheWish);
  return &asking;
}

// A follower stands still while entries of its leader come in, and behind them the wish of the next
// leader for a vote, which brings a newer term; the old leader loses its copy of the entries. The
// follower's disk is slow, and while it writes that term entries of the newer leader take the place
// of the old ones: until they are synced, too, nobody may count them, although something up to
// their index and the term are durable (SAFETY A2). The others die in the order in which it would
// be missed.
bool ClusterWorld::OverwriteInFlight(SimBroker&) {
  HealFaults();
  scheduler_.RunFor(seconds(1));
  const auto roles = PickRoles();
  if (!roles) return false;
  SimBroker &leader = *roles->leader, &next = *roles->next, &behind = *roles->behind;
  const auto sync = kBehindTheWish + milliseconds(150 + rng_.Below(900));
  network_->Delay(leader.id(), behind.id(), kNever);
  leader.disk().SetDelays(milliseconds(1), sync);
  // The old entries are on the follower's disk, or in one write with the news.
  const auto entries = milliseconds(20 + rng_.Below(200));
  if (rng_.Chance(0.5)) scheduler_.RunFor(entries);
  next.Pause();
  scheduler_.RunFor(entries);
  Lose(leader);
  network_->HealAll();
  leader.disk().SetDelays(kUsualCall, kUsualSync);
  next.disk().SetDelays(milliseconds(1), sync);
  leader.Start();
  SimBroker* newer = AwaitWishForVote(roles->group, leader, behind, next);
  const auto led = [&] { return newer && LedBy(*newer, roles->group); };
  if (!newer || !scheduler_.RunUntilTrue(led, milliseconds(500))) {
    HealFaults();
    return false;
  }
  SimBroker& helper = newer == &behind ? leader : behind;
  helper.Kill();
  next.Resume();
  network_->HealAll();
  scheduler_.RunFor(sync + milliseconds(20 + rng_.Below(600)));
  Lose(next);
  newer->Kill();
  next.disk().SetDelays(kUsualCall, kUsualSync);
  next.Start();
  helper.Start();
  scheduler_.RunFor(seconds(2) + milliseconds(rng_.Below(1500)));
  newer->Start();
  return true;
}

// What it says of the ends of logs and of committed offsets, without a wire in between: nothing
// that is older than what somebody was told before (SAFETY C1).
void ClusterWorld::AskDirectly(SimBroker& broker) {
  if (!broker.running()) return;
  for (const LogId& log : load_->Logs()) {
    auto* replica = broker.broker().replicas().Find(log.topic, log.partition);
    if (!replica) continue;
    replica->FindOffset(
        {.kind = broker::OffsetQuery::Kind::kLatest},
        [this, id = broker.id(), floor = oracle_.End(log)](const broker::OffsetAnswer& answer) {
          if (answer.error != broker::KafkaError::kNone) return;
          Count("ends told directly");
          if (answer.offset < floor)
            Violation(fmt::format("broker {} says that a log ends at {}, and something lies at {}",
                                  id.value, answer.offset, floor - 1));
        });
  }
  load_->AskGroups(broker.broker().group_coordinator());
}

// Clients are told that their connections to the other two are gone.
void ClusterWorld::LeaveClientsOnly(SimBroker& broker) {
  for (auto& other : brokers_) {
    if (other.get() == &broker) continue;
    wires_->Break(other->id(), 1);
    wires_->Cut(other->id());
  }
}

// A leader does not know yet that others lead what it led: it stood still, or nobody reaches it.
// Clients go on elsewhere meanwhile, and it is asked.
bool ClusterWorld::AskTheDeposed(SimBroker&) {
  HealFaults();
  scheduler_.RunFor(seconds(1));
  const auto roles = PickRoles();
  if (!roles) return false;
  SimBroker& deposed = *roles->leader;
  const bool stands_still = rng_.Chance(0.5);
  Isolate(deposed);
  wires_->Break(deposed.id(), 1);
  wires_->Cut(deposed.id());
  if (stands_still) {
    deposed.Pause();
    scheduler_.RunFor(milliseconds(1500 + rng_.Below(1500)));
    deposed.Resume();
  } else {
    network_->ResetAll(deposed.id());
  }
  for (int times = 0; times < 60; ++times) {
    AskDirectly(deposed);
    scheduler_.RunFor(milliseconds(20));
  }
  return true;
}

// A leader appends what it cannot replicate, another one leads for a moment in which no client
// reaches it, and the first leads again: of what it had appended nothing is left (SAFETY C3).
bool ClusterWorld::LeadAgain(SimBroker&) {
  HealFaults();
  scheduler_.RunFor(seconds(1));
  const auto roles = PickRoles();
  if (!roles) return false;
  SimBroker& leader = *roles->leader;
  const auto leads = [&](SimBroker& broker) {
    raft::Group* group = LedBy(broker, roles->group);
    return group && group->status().serving;
  };
  LeaveClientsOnly(leader);
  Isolate(leader);
  scheduler_.RunFor(milliseconds(50 + rng_.Below(150)));
  wires_->Break(leader.id(), 1);
  wires_->Cut(leader.id());
  network_->ResetAll(leader.id());
  if (!scheduler_.RunUntilTrue([&] { return leads(*roles->next) || leads(*roles->behind); },
                               milliseconds(2500)))
    return false;
  SimBroker& newer = leads(*roles->next) ? *roles->next : *roles->behind;
  SimBroker& third = &newer == roles->next ? *roles->behind : *roles->next;
  network_->HealAll();
  scheduler_.RunFor(milliseconds(300 + rng_.Below(500)));
  newer.Kill();
  third.Pause();  // it votes, and does not run itself
  const auto runs = [&] {
    raft::Group* group = leader.running() ? leader.broker().groups().Find(roles->group) : nullptr;
    return group && group->status().role != raft::Role::kFollower;
  };
  scheduler_.RunUntilTrue(runs, milliseconds(2500));
  third.Resume();
  const bool again = scheduler_.RunUntilTrue([&] { return leads(leader); }, milliseconds(2500));
  wires_->HealAll();
  scheduler_.RunFor(milliseconds(500));
  return again;
}

}  // namespace kronika::sim
