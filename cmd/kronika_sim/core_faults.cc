// What goes wrong in a simulated group, and what clients and operators ask of it.
#include <algorithm>

#include "cmd/kronika_sim/core_world.h"

namespace kronika::sim {

void CoreWorld::DrawWeather() {
  constexpr double kLoss[] = {0, 0, 0.02, 0.1, 0.3};
  weather_.loss = kLoss[rng_.Below(5)];
  weather_.repeat = rng_.Chance(0.5) ? 0.1 : 0;
  weather_.delay_ms_max = rng_.Chance(0.5) ? 5 : 80;
  weather_.straggle = rng_.Chance(0.5) ? 0.03 : 0;
  weather_.disk_ms_max = rng_.Chance(0.5) ? 2 : 60;
  weather_.apply_ms_max = rng_.Chance(0.7) ? 2 : 400;
  weather_.read_ms_max = rng_.Chance(0.5) ? 2 : 150;
  weather_.fault_ms_max = rng_.Chance(0.5) ? 600 : 2500;
  options_.election_timeout_ticks = 12;
  if (rng_.Chance(0.5)) options_.inflight_messages_max = 3;
  if (rng_.Chance(0.5)) options_.append_bytes_max = 64;
  if (rng_.Chance(0.5)) options_.inflight_bytes_max = 256;
  if (rng_.Chance(0.5)) options_.tail_bytes_max = 200;
  if (rng_.Chance(0.3)) options_.uncommitted_bytes_max = 300;
  options_.beats_by_driver = rng_.Chance(0.25);
}

void CoreWorld::NextFault() {
  if (!storm_) return;
  if (rng_.Chance(0.4)) CheckpointOne();
  switch (rng_.Below(12)) {
    case 0:
    case 1:
      CrashOne();
      break;
    case 2:
      PauseOne();
      break;
    case 3:
    case 4:
      CutSome();
      break;
    case 5:
      SlowDisk();
      break;
    case 6:
      RefuseForAWhile();
      break;
    case 7:
      ResetStream();
      break;
    case 8:
      Transfer();
      break;
    case 9:
    case 10:
      ChangeMembership();
      break;
    default:
      CheckpointOne();
      break;
  }
  After(
      20 + static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(weather_.fault_ms_max))),
      "fault", {}, [this] { NextFault(); });
}

void CoreWorld::CrashOne() {
  const Id id = AnyHost();
  CoreReplica& replica = *At(id).replica;
  if (!replica.alive()) return;
  Note("crash " + id.Describe(), false);
  ++report_.counts["crashes"];
  Crash(id, rng_.Below(replica.writes_pending() + 1));
  const auto delay = static_cast<std::int64_t>(rng_.Chance(0.3) ? 5 : 50 + rng_.Below(4000));
  After(delay, "restart", id, [this, id] { Restart(id); });
}

void CoreWorld::Crash(Id id, std::size_t reached_disk) {
  Host& host = At(id);
  host.replica->Crash(reached_disk);
  ++host.life;
  host.disk_busy = false;
  host.apply_busy = false;
  host.read_busy = false;
  host.paused_until = 0;
  host.leads_up_to.reset();
}

// As the daemon stops: it stands aside, hands over what it leads, and ends with everything written.
void CoreWorld::StopOne() {
  const Id id = rng_.Chance(0.5) ? AnyLeader() : AnyHost();
  raft::Node* node = id.valid() ? NodeOf(id) : nullptr;
  Host* host = node == nullptr ? nullptr : &At(id);
  if (host == nullptr || host->paused_until > now_ms_ || host->leads_up_to) return;
  Note("stop " + id.Describe(), false);
  ++report_.counts["stops"];
  host->leads_up_to = node->role() == raft::Role::kLeader ? node->term() : Term{};
  node->StandAside();
  HandOver(id);
  After(static_cast<std::int64_t>(50 + rng_.Below(2000)), "stop", id, [this, id] { Stop(id); });
}

void CoreWorld::NextStop() {
  if (!storm_) return;
  StopOne();
  After(500 + static_cast<std::int64_t>(rng_.Below(4000)), "stop of one", {},
        [this] { NextStop(); });
}

void CoreWorld::HandOver(Id id) {
  raft::Node* node = NodeOf(id);
  if (node->role() == raft::Role::kLeader) {
    const std::vector<Id> voters = node->status().membership.voters;
    const auto result = node->TransferLeadership(voters[rng_.Below(voters.size())]);
    if (result) ++report_.counts["hand-overs"];
  }
  Settle(id);
  After(100, "hand over", id, [this, id] { HandOver(id); });
}

void CoreWorld::Stop(Id id) {
  Note("stopped " + id.Describe(), false);
  Crash(id, At(id).replica->writes_pending());
  After(static_cast<std::int64_t>(rng_.Below(1000)), "restart", id, [this, id] { Restart(id); });
}

void CoreWorld::Restart(Id id) {
  Host& host = At(id);
  if (host.replica->alive()) return;
  Note("restart " + id.Describe(), false);
  host.replica->Restart();
  After(static_cast<std::int64_t>(rng_.Below(50)), "tick", id, [this, id] { Tick(id); });
  for (auto& [other, peer] : hosts_) {
    // Its streams are new (SAFETY D-11).
    if (other != id && peer.replica->alive()) peer.replica->node().ResetProgress(id.broker);
  }
  Settle(id);
}

void CoreWorld::PauseOne() {
  const Id id = AnyHost();
  Host& host = At(id);
  const auto gap = static_cast<std::int64_t>(100 + rng_.Below(3000));
  host.paused_until = now_ms_ + gap;
  Note("pause " + id.Describe() + " for " + std::to_string(gap), false);
  ++report_.counts["pauses"];
  After(gap, "resume", id, [this, id, gap] {
    raft::Node* node = NodeOf(id);
    // A client that asks before the replica has read what happened meanwhile.
    if (node != nullptr && rng_.Chance(0.5)) Read(id);
    if (node != nullptr && gap > options_.election_timeout_ticks * 50) node->ResetLeases();
    Settle(id);
  });
}

void CoreWorld::CutSome() {
  const std::uint64_t kind = rng_.Below(3);
  std::set<Link> cut;
  const Id one = AnyHost();
  for (const auto& [id, host] : hosts_) {
    for (const auto& [other, peer] : hosts_) {
      if (id == other) continue;
      const bool apart = (kind == 0 && rng_.Chance(0.3)) || (kind == 1 && id == one) ||
                         (kind == 2 && (id.broker.value % 2 != other.broker.value % 2));
      if (apart) cut.insert({id, other});
    }
  }
  ++report_.counts["cuts"];
  Note("cut, kind " + std::to_string(kind), false);
  cuts_.insert(cut.begin(), cut.end());
  After(static_cast<std::int64_t>(100 + rng_.Below(3000)), "heal", {}, [this, cut] {
    if (!storm_) return;  // all cuts of the storm are gone, those of the calm stay
    for (const Link& link : cut) cuts_.erase(link);
    Note("cut healed", false);
  });
}

void CoreWorld::SlowDisk() {
  At(AnyHost()).disk_slow_until = now_ms_ + static_cast<std::int64_t>(500 + rng_.Below(3000));
  ++report_.counts["slow disks"];
}

void CoreWorld::RefuseForAWhile() {
  At(AnyHost()).refuse_until = now_ms_ + static_cast<std::int64_t>(100 + rng_.Below(1500));
  ++report_.counts["busy periods"];
}

void CoreWorld::ResetStream() {
  const Id id = AnyHost();
  const Id peer = AnyHost();
  raft::Node* node = NodeOf(id);
  if (node == nullptr || At(id).paused_until > now_ms_) return;
  ++report_.counts["streams reset"];
  node->ResetProgress(peer.broker);
  node->OnPeerSilent(peer.broker);
  Settle(id);
}

void CoreWorld::Transfer() {
  const Id leader = AnyLeader();
  if (!leader.valid()) return;
  ++report_.counts["transfers"];
  IgnoreError(NodeOf(leader)->TransferLeadership(AnyHost()), "a refusal is an outcome, too");
  Settle(leader);
}

void CoreWorld::AddLearners(raft::Membership& target) {
  const std::uint64_t count = rng_.Chance(0.3) ? 3 : 1;
  const Incarnation incarnation{target.metadata_index + 1};
  const auto first = static_cast<std::int32_t>(rng_.Below(6));
  for (std::uint64_t i = 0; i < count && hosts_.size() + i < 10; ++i) {
    target.learners.push_back(
        {BrokerId{1 + (first + static_cast<std::int32_t>(i)) % 6}, incarnation});
  }
}

// Wishes for one replica more, one less, or another incarnation: as learners first, then as voters.
void CoreWorld::ChangeMembership() {
  const Id leader = AnyLeader();
  if (!leader.valid()) return;
  const raft::Membership now = NodeOf(leader)->status().membership;
  raft::Membership target{.voters = now.voters, .learners = now.learners};
  target.metadata_index = ++metadata_index_;
  // Now and then an image that fell behind wishes what was wished before.
  if (rng_.Chance(0.1) && metadata_index_ > 2) target.metadata_index -= 2;
  if (rng_.Chance(0.4) && target.voters.size() > 1) {
    target.voters.erase(target.voters.begin() +
                        static_cast<std::ptrdiff_t>(rng_.Below(target.voters.size())));
  }
  if (!target.learners.empty()) {
    if (rng_.Chance(0.3)) target.voters.clear();
    target.voters.insert(target.voters.end(), target.learners.begin(), target.learners.end());
    target.learners.clear();
  } else {
    AddLearners(target);
  }
  const auto result = NodeOf(leader)->ProposeMembership(target, now_ms_);
  if (result) {
    Note(leader.Describe() + " wishes " + target.Describe(), false);
    ++report_.counts["configuration changes"];
    for (const Id& id : target.learners) {
      if (!hosts_.contains(id)) AddReplica(id, {});
    }
  }
  Settle(leader);
}

void CoreWorld::CheckpointOne() {
  const Id id = AnyHost();
  Host& host = At(id);
  if (!host.replica->alive() || host.paused_until > now_ms_) return;
  host.replica->Checkpoint();
  const raft::NodeStatus status = host.replica->node().status();
  if (rng_.Chance(0.7))
    host.replica->Release(status.applied - rng_.Below(status.applied.value + 1));
  ++report_.counts["checkpoints"];
  Settle(id);
}

void CoreWorld::Read(Id id) {
  reads_[++next_read_] = {invariants_.committed(), false};
  NodeOf(id)->ReadIndex(next_read_);
}

void CoreWorld::NextRequest() {
  if (!requests_) return;
  const Id id = rng_.Chance(0.2) ? AnyHost() : AnyLeader();
  raft::Node* node = id.valid() ? NodeOf(id) : nullptr;
  if (node != nullptr && At(id).paused_until <= now_ms_) {
    if (rng_.Chance(0.2)) {
      Read(id);
    } else {
      for (std::uint64_t count = 1 + rng_.Below(4); count > 0; --count) {
        const std::string payload(1 + rng_.Below(40), static_cast<char>('a' + rng_.Below(26)));
        const auto result = node->Propose(raft::EntryType::kData, Slice::CopyOf(payload), now_ms_);
        ++report_.counts[result ? "proposals" : "proposals refused"];
      }
    }
    Settle(id);
  }
  After(10 + static_cast<std::int64_t>(rng_.Below(80)), "request", {}, [this] { NextRequest(); });
}

}  // namespace kronika::sim
