// The phases of one simulated life: storm, heal, calm.
#include <algorithm>

#include "cmd/kronika_sim/core_world.h"

namespace kronika::sim {

CoreWorld::CoreWorld(std::uint64_t seed, SeedArguments::Log log)
    : seed_(seed), log_(log), rng_(seed) {}

CoreReport CoreWorld::Run() {
  DrawWeather();
  raft::Membership founding;
  const std::int32_t founders = rng_.Chance(0.7) ? 3 : 5;
  for (std::int32_t broker = 1; broker <= founders; ++broker) {
    founding.voters.push_back({BrokerId{broker}, Incarnation{1}});
  }
  for (const Id& id : std::vector<Id>(founding.voters)) AddReplica(id, founding);
  metadata_index_ = 1;
  NodeOf(founding.voters.front())->Campaign();
  Settle(founding.voters.front());
  Storm();
  if (report_.violation.empty()) Heal();
  if (report_.violation.empty()) Calm();
  return report_;
}

void CoreWorld::Storm() {
  After(100, "request", {}, [this] { NextRequest(); });
  After(400, "fault", {}, [this] { NextFault(); });
  // Who stops in time, and hands over, hides what only a crash shows: the other seeds have none.
  if (seed_ % 2 == 0) After(700, "stop of one", {}, [this] { NextStop(); });
  RunUntil(static_cast<std::int64_t>(6000 + rng_.Below(9000)));
}

void CoreWorld::Heal() {
  Note("heal", false);
  storm_ = false;
  requests_ = false;
  cuts_.clear();
  weather_ = {};
  std::int64_t resumed = now_ms_;
  for (const auto& [id, host] : hosts_) resumed = std::max(resumed, host.paused_until);
  RunUntil(resumed);
  for (auto& [id, host] : hosts_) {
    host.disk_slow_until = 0;
    host.refuse_until = 0;
    if (host.leads_up_to) Stop(id);
    if (!host.replica->alive()) Restart(id);
  }
  // Long enough for the longest pause of a pre-vote that was refused, and for an install to time
  // out.
  const std::int64_t end = now_ms_ + 60000;
  bool proposed = false;
  while (report_.violation.empty() && now_ms_ < end) {
    RunUntil(now_ms_ + 500);
    const Id leader = AnyLeader();
    if (!proposed && leader.valid()) {
      proposed = NodeOf(leader)
                     ->Propose(raft::EntryType::kData, Slice::CopyOf("healed"), now_ms_)
                     .has_value();
      Settle(leader);
      continue;
    }
    if (proposed && Converged()) return;
  }
  if (!report_.violation.empty()) return;
  std::string text = "the group did not converge:";
  for (auto& [id, host] : hosts_) text += "\n  " + host.replica->node().status().Describe();
  Fail(std::move(text));
}

bool CoreWorld::Converged() {
  const Id leader = AnyLeader();
  if (!leader.valid()) return false;
  const raft::NodeStatus status = NodeOf(leader)->status();
  if (!status.serving || status.applied != status.last || status.membership.joint()) return false;
  const Image image = At(leader).replica->CurrentImage();
  for (const raft::ReplicaStatus& replica : status.replicas) {
    const auto at = hosts_.find(replica.id);
    if (at == hosts_.end()) return false;
    const Image other = at->second.replica->CurrentImage();
    const raft::NodeStatus there = at->second.replica->node().status();
    if (there.leader != leader || there.durable != status.last) return false;
    if (other.start.index != image.start.index) return false;
    if (other.digest != image.digest) Fail(replica.id.Describe() + ": equal index, other state");
  }
  return std::all_of(reads_.begin(), reads_.end(), [&](const auto& read) {
    // Reads die with the process that was asked.
    return read.second.answered || report_.counts["crashes"] + report_.counts["stops"] > 0;
  });
}

// A follower that is cut off from the leader alone (bridge) or from all, and a leader that is cut
// off.
void CoreWorld::Calm() {
  for (const bool of_leader : {false, true}) {
    const Id leader = AnyLeader();
    if (!leader.valid() || !report_.violation.empty()) return;
    CalmCut(leader, of_leader);
  }
}

void CoreWorld::CalmCut(Id leader, bool of_leader) {
  const raft::NodeStatus before = NodeOf(leader)->status();
  std::vector<Id> voters = before.membership.voters;
  std::erase(voters, leader);
  if (voters.size() < 2) return;
  const Id one = of_leader ? leader : voters[rng_.Below(voters.size())];
  const bool bridge = !of_leader && rng_.Chance(0.5);
  Note(std::string(bridge ? "bridge around " : "isolate ") + one.Describe(), false);
  for (const auto& [id, host] : hosts_) {
    if (id == one || (bridge && id != leader)) continue;
    cuts_.insert({one, id});
    cuts_.insert({id, one});
  }
  RunUntil(now_ms_ + options_.election_timeout_ticks * 50 * 5);
  if (of_leader) {
    if (NodeOf(one)->status().role == raft::Role::kLeader) {
      Fail(one.Describe() + ": still leads without a quorum");
    } else if (!AnyLeader().valid()) {
      Fail("nobody took over from a leader that was cut off");
    }
    return;
  }
  for (const raft::ReplicaStatus& replica : NodeOf(leader)->status().replicas) {
    if (replica.id == one && replica.ticks_since_caught_up < options_.election_timeout_ticks * 3) {
      Fail(one.Describe() + " was cut off and still counts as caught up");
    }
  }
  cuts_.clear();
  RunUntil(now_ms_ + options_.election_timeout_ticks * 50 * 2);
  const raft::NodeStatus after = NodeOf(leader)->status();
  if (after.role != raft::Role::kLeader || after.term != before.term) {
    Fail(one.Describe() + " was cut off and deposed a leader that had its quorum");
  }
}

}  // namespace kronika::sim
