// Brokers that are asked to end: others lead first, and nobody has to elect where the cluster was
// sound.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cmd/kronika_sim/cluster_world.h"

namespace kronika::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kLevelTicks = 20;

// Whoever leads a group serves, and all its replicas are level with it.
bool IsSound(const raft::NodeStatus& status) {
  return !status.membership.joint() && status.serving &&
         std::ranges::all_of(status.replicas, [&](const auto& replica) {
           return replica.active && replica.ticks_since_caught_up <= kLevelTicks &&
                  replica.match >= status.commit;
         });
}

}  // namespace

// What a broker leads, and in which terms.
struct ClusterWorld::Offices {
  BrokerId broker;
  std::map<GroupId, Term> led;
};

ClusterWorld::Offices ClusterWorld::OfficesOf(SimBroker& broker) {
  Offices out{.broker = broker.id()};
  broker.broker().groups().ForEach([&](raft::Group& group) {
    const auto& status = group.status();
    if (status.role == raft::Role::kLeader && status.membership.voters.size() > 1)
      out.led[group.id()] = status.term;
  });
  return out;
}

// Until its process is gone. Whether it came that far within what the daemon takes.
bool ClusterWorld::Stop(SimBroker& victim) {
  if (!victim.running() || victim.paused()) return false;
  victim.BeginStop();
  const bool stopped =
      scheduler_.RunUntilTrue([&] { return victim.stopped() || victim.ended(); }, seconds(11));
  const auto why = std::to_underlying(broker::TransferReason::kStop);
  report_.counts["leaderships handed over by a stop"] +=
      victim.broker().transfers().counters().completed[why];
  victim.Kill();
  return stopped;
}

bool ClusterWorld::StopOne(SimBroker& victim) {
  return Stop(victim);
}

bool ClusterWorld::Sound() {
  std::size_t replicas = 0;
  std::size_t led = 0;  // replicas of groups that have a leader
  bool sound = true;
  for (auto& broker : brokers_) {
    if (!broker->running() || !broker->broker().NotReadyReason().empty()) return false;
    broker->broker().groups().ForEach([&](raft::Group& group) {
      ++replicas;
      if (group.node().status().role != raft::Role::kLeader) return;
      sound = sound && IsSound(group.node().status());
      led += group.status().membership.voters.size();
    });
  }
  return sound && led == replicas;
}

// Each is led by somebody else, who did not have to be elected against a silent leader.
void ClusterWorld::CheckOffices(const Offices& offices) {
  for (const auto& [id, term] : offices.led) {
    for (auto& broker : brokers_) {
      if (broker->id() == offices.broker || !broker->running()) continue;
      raft::Group* group = broker->broker().groups().Find(id);
      if (!group || group->status().role != raft::Role::kLeader || group->status().by_transfer)
        continue;
      if (group->status().term > term)
        Violation(
            fmt::format("broker {} stopped and did not hand group {} over: broker {} had to "
                        "be elected",
                        offices.broker.value, id.value, broker->id().value));
    }
  }
}

// One after the other, each when the cluster is sound.
bool ClusterWorld::StopWhileSound(SimBroker&) {
  HealFaults();
  bool all = true;
  for (auto& broker : brokers_) {
    if (!scheduler_.RunUntilTrue([this] { return Sound(); }, seconds(8))) return false;
    const Offices offices = OfficesOf(*broker);
    all = Stop(*broker) && all;
    scheduler_.RunFor(milliseconds(rng_.Below(1500)));
    CheckOffices(offices);
    broker->Start();
  }
  return all;
}

}  // namespace kronika::sim
