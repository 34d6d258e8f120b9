// The fault classes of a simulated cluster, one function each, and what undoes them.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/kronika_sim/cluster_world.h"

namespace kronika::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kUsualStoreDelay = std::chrono::microseconds(300);
constexpr std::int64_t kHourMs = 3600 * 1000;

}  // namespace

// One class, by the seed; its name is counted when it really happened.
struct ClusterWorld::FaultClass {
  const char* name;
  bool (ClusterWorld::*inject)(SimBroker& victim);
};

const std::vector<ClusterWorld::FaultClass>& ClusterWorld::FaultClasses() {
  static const std::vector<FaultClass> classes{
      {"kill", &ClusterWorld::KillOne},
      {"kill during start-up", &ClusterWorld::KillDuringStart},
      {"power loss of one", &ClusterWorld::PowerLossOfOne},
      {"power loss of two", &ClusterWorld::PowerLossOfTwo},
      {"power loss of all", &ClusterWorld::PowerLossOfAll},
      {"power loss behind slow disks", &ClusterWorld::PowerLossBehindSlowDisks},
      {"long absence", &ClusterWorld::LongAbsence},
      {"crash in a checkpoint", &ClusterWorld::CrashInCheckpoint},
      {"power loss behind a slow store", &ClusterWorld::PowerLossBehindSlowStore},
      {"crash in an install", &ClusterWorld::CrashInInstall},
      {"pause", &ClusterWorld::PauseOne},
      {"one-way cut", &ClusterWorld::CutOneWay},
      {"isolation", &ClusterWorld::Isolate},
      {"loss", &ClusterWorld::LoseFrames},
      {"bytes altered", &ClusterWorld::AlterFrames},
      {"slow links", &ClusterWorld::SlowLinks},
      {"clients cut off", &ClusterWorld::CutClients},
      {"connections broken", &ClusterWorld::BreakConnections},
      {"failed sync", &ClusterWorld::FailSync},
      {"failed segment write", &ClusterWorld::FailSegmentWrite},
      {"slow disk", &ClusterWorld::SlowDisk},
      {"clock jump", &ClusterWorld::JumpClock},
      {"repeated frames", &ClusterWorld::RepeatFrames},
      {"lane overtaken", &ClusterWorld::DelayLane},
      {"reset and cut off", &ClusterWorld::ResetAndCutOff},
      {"power loss with one behind", &ClusterWorld::LosePowerWithOneBehind},
      {"overwritten in flight", &ClusterWorld::OverwriteInFlight},
      {"deposed leader asked", &ClusterWorld::AskTheDeposed},
      {"leads again", &ClusterWorld::LeadAgain},
      {"stop", &ClusterWorld::StopOne},
      {"stop of a sound cluster's broker", &ClusterWorld::StopWhileSound}};
  return classes;
}

// Everything that a full run has to count above 0.
std::vector<std::string> ClusterWorld::FaultNames() {
  std::vector<std::string> out{"power loss with unsynced batches",
                               "crash before a checkpoint's mark",
                               "crash before a checkpoint's record",
                               "crash behind a checkpoint",
                               "crash while an install is staged",
                               "crash behind an install",
                               "frames altered",
                               "slow disk of a leader",
                               "slow disk of a follower",
                               "disk lost",
                               "broker replaced",
                               "kill during a replacement",
                               "topics created again",
                               "tiny journals",
                               "frames repeated",
                               "files recycled",
                               "leaderships handed over by a stop",
                               "leaders returned",
                               "installs"};
  for (const auto& fault : FaultClasses()) out.emplace_back(fault.name);
  return out;
}

void ClusterWorld::Fault() {
  SimBroker& victim = *brokers_[rng_.Below(brokers_.size())];
  const auto& chosen = FaultClasses()[rng_.Below(FaultClasses().size())];
  if ((this->*chosen.inject)(victim)) Count(chosen.name);
}

bool ClusterWorld::KillOne(SimBroker& victim) {
  victim.Kill();
  return true;
}

bool ClusterWorld::KillDuringStart(SimBroker& victim) {
  victim.Kill();
  bool caught = false;
  for (std::uint64_t times = 1 + rng_.Below(3); times > 0; --times) {
    victim.Start();
    scheduler_.RunFor(std::chrono::microseconds(rng_.Below(4000)));
    caught = caught || !victim.running();
    rng_.Chance(0.5) ? victim.Kill() : Lose(victim);
  }
  return caught;
}

void ClusterWorld::Lose(SimBroker& broker) {
  if (broker.unsynced_batches() > 0) Count("power loss with unsynced batches");
  broker.Crash({.tear_blocks = rng_.Chance(0.5)});
}

bool ClusterWorld::PowerLossOfOne(SimBroker& victim) {
  Lose(victim);
  return true;
}

bool ClusterWorld::PowerLossOfTwo(SimBroker& victim) {
  for (auto& broker : brokers_) {
    if (broker->id() != victim.id()) Lose(*broker);
  }
  return true;
}

bool ClusterWorld::PowerLossOfAll(SimBroker&) {
  for (auto& broker : brokers_) Lose(*broker);
  return true;
}

// Syncs take longer than an answer to a client does, so that whatever is told before its sync is
// known to somebody when the power goes. One broker returns late: the others have to do without its
// disk.
bool ClusterWorld::PowerLossBehindSlowDisks(SimBroker& late) {
  for (auto& broker : brokers_)
    broker->disk().SetDelays(milliseconds(1), milliseconds(50 + rng_.Below(150)));
  scheduler_.RunFor(milliseconds(1000 + rng_.Below(1000)));
  for (auto& broker : brokers_) {
    Lose(*broker);
    broker->disk().SetDelays(std::chrono::microseconds(200), std::chrono::microseconds(150));
    if (broker->id() != late.id()) broker->Start();
  }
  scheduler_.RunFor(seconds(3));
  late.Start();
  return true;
}

// Until the others' journals no longer reach back: it returns by installs.
bool ClusterWorld::LongAbsence(SimBroker& victim) {
  victim.Kill();
  scheduler_.RunFor(seconds(4 + static_cast<std::int64_t>(rng_.Below(6))));
  victim.Start();
  return true;
}

// The store's word comes before the journal's; both are looked at to say where it was hit.
bool ClusterWorld::CrashInCheckpoint(SimBroker& victim) {
  const auto in_checkpoint = [&] {
    return victim.running() && victim.broker().checkpointer().running();
  };
  if (!scheduler_.RunUntilTrue(in_checkpoint, seconds(4))) return false;
  if (rng_.Chance(0.3)) {  // the moments between the two words are few: some crashes aim at them
    scheduler_.RunUntilTrue([&] { return !in_checkpoint() || victim.checkpoint_marked(); },
                            seconds(4));
  } else {
    for (std::uint64_t events = rng_.Below(120); events > 0 && in_checkpoint(); --events) {
      if (!scheduler_.Step()) break;
    }
  }
  if (!in_checkpoint()) {
    Count("crash behind a checkpoint");
  } else if (victim.checkpoint_marked()) {
    Count("crash before a checkpoint's record");
  } else {
    Count("crash before a checkpoint's mark");
  }
  Lose(victim);
  return true;
}

// The store takes its time with a checkpoint while the journal is written on: until the store has
// its word, nothing of the journal that it builds on may be written over (SAFETY A5). Every second
// time the power goes when more was written than the journal had room for at its begin.
bool ClusterWorld::PowerLossBehindSlowStore(SimBroker& victim) {
  const bool comes_round = rng_.Chance(0.5);
  const std::uint64_t delay_ms = 500 + rng_.Below(3500) + (comes_round ? 2500 : 0);
  victim.store().SetDelay(milliseconds(delay_ms));
  const auto in_checkpoint = [&] {
    return victim.running() && victim.broker().checkpointer().running();
  };
  const bool caught = scheduler_.RunUntilTrue(in_checkpoint, seconds(4));
  if (caught && comes_round) {
    const auto begun = victim.broker().journal().status();
    scheduler_.RunUntilTrue(
        [&] {
          if (!in_checkpoint()) return true;
          const std::uint64_t written = victim.broker().journal().status().bytes_written;
          return victim.checkpoint_marked() && written - begun.bytes_written > begun.bytes_free;
        },
        milliseconds(2 * delay_ms));
  } else if (caught) {
    scheduler_.RunFor(milliseconds(rng_.Below(2 * delay_ms)));
  }
  if (caught) Lose(victim);
  victim.store().SetDelay(kUsualStoreDelay);
  return caught;
}

bool ClusterWorld::CrashInInstall(SimBroker& victim) {
  victim.Kill();
  scheduler_.RunFor(seconds(3 + static_cast<std::int64_t>(rng_.Below(4))));
  victim.Start();
  const auto staging = [&] { return victim.alive() && victim.staged_folders() > 0; };
  if (!scheduler_.RunUntilTrue(staging, seconds(3))) return false;
  // Else it is seldom over in time.
  const auto over = [&] { return !staging(); };
  if (rng_.Chance(0.3)) scheduler_.RunUntilTrue(over, seconds(2));
  for (std::uint64_t events = rng_.Below(400); events > 0; --events) {
    if (!scheduler_.Step()) break;
  }
  Count(staging() ? "crash while an install is staged" : "crash behind an install");
  rng_.Chance(0.3) ? victim.Kill() : Lose(victim);
  return true;
}

bool ClusterWorld::PauseOne(SimBroker& victim) {
  if (!victim.alive()) return false;
  victim.Pause();
  return true;
}

bool ClusterWorld::CutOneWay(SimBroker& victim) {
  SimBroker& other = *brokers_[rng_.Below(brokers_.size())];
  if (other.id() == victim.id()) return false;
  network_->Cut(victim.id(), other.id());
  return true;
}

bool ClusterWorld::Isolate(SimBroker& victim) {
  for (auto& broker : brokers_) {
    if (broker->id() == victim.id()) continue;
    network_->Cut(victim.id(), broker->id());
    network_->Cut(broker->id(), victim.id());
  }
  return true;
}

bool ClusterWorld::LoseFrames(SimBroker&) {
  network_->options.loss = 0.02;
  return true;
}

bool ClusterWorld::AlterFrames(SimBroker&) {
  network_->options.flips = 0.02;
  return true;
}

bool ClusterWorld::SlowLinks(SimBroker&) {
  network_->options.latency_max = milliseconds(20 + rng_.Below(200));
  return true;
}

bool ClusterWorld::CutClients(SimBroker& victim) {
  wires_->Cut(victim.id());
  return true;
}

bool ClusterWorld::BreakConnections(SimBroker& victim) {
  wires_->Break(victim.id(), 0.7);
  return true;
}

bool ClusterWorld::FailSync(SimBroker& victim) {
  victim.disk().Inject(
      {.call = DiskFault::Call::kSync, .path_part = "journal", .skip = rng_.Below(20)});
  return true;
}

// The log stops writing until the next start; the journal still has everything (D-7).
bool ClusterWorld::FailSegmentWrite(SimBroker& victim) {
  victim.disk().Inject({.call = rng_.Chance(0.5) ? DiskFault::Call::kSync : DiskFault::Call::kWrite,
                        .path_part = "0.",
                        .skip = rng_.Below(4)});
  restart_at_heal_.insert(victim.id());
  return true;
}

bool ClusterWorld::SlowDisk(SimBroker& victim) {
  victim.disk().SetDelays(milliseconds(5), milliseconds(20 + rng_.Below(200)));
  if (!victim.running()) return false;
  bool leads = false, follows = false;
  victim.broker().groups().ForEach([&](raft::Group& group) {
    (group.status().role == raft::Role::kLeader ? leads : follows) = true;
  });
  if (leads) Count("slow disk of a leader");
  if (follows) Count("slow disk of a follower");
  return true;
}

bool ClusterWorld::JumpClock(SimBroker& victim) {
  if (!victim.alive()) return false;
  victim.loop().SetWallClockOffsetMs(static_cast<std::int64_t>(rng_.Below(2 * kHourMs)) - kHourMs);
  return true;
}

// Messages are sent again after a lane was reset, whether or not the first was taken.
bool ClusterWorld::RepeatFrames(SimBroker&) {
  network_->options.repeat = 0.2;
  network_->options.loss = 0.01;
  return true;
}

bool ClusterWorld::DelayLane(SimBroker&) {
  network_->options.lane_delay[rng_.Below(raft::kLanes)] = milliseconds(20 + rng_.Below(400));
  return true;
}

// The others know at once and elect; who was their leader finds out by itself, and clients still
// reach it.
bool ClusterWorld::ResetAndCutOff(SimBroker& victim) {
  Isolate(victim);
  network_->ResetAll(victim.id());
  return true;
}

void ClusterWorld::HealFaults() {
  network_->HealAll();
  wires_->HealAll();
  network_->options = raft::SimNetworkOptions{};
  for (auto& broker : brokers_) {
    broker->disk().ClearFaults();
    broker->disk().SetDelays(std::chrono::microseconds(200), std::chrono::microseconds(150));
    if (broker->paused()) broker->Resume();
    if (restart_at_heal_.contains(broker->id())) broker->Kill();
    if (broker->alive() && !broker->ended()) continue;
    if (broker->alive()) broker->Kill();
    broker->Start();
  }
  restart_at_heal_.clear();
}

}  // namespace kronika::sim
