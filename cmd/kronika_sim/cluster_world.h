// ClusterWorld: three simulated brokers, clients and faults of one seed, in one thread.
//
//   start ─▶ topic ─▶ load under faults (kill, power loss, pause, cuts, loss, failed syncs) ─▶ heal
//   ─▶ must converge ─▶ check
//
// Two runs of one seed have equal hashes over everything that was delivered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_broker.h"
#include "cmd/kronika_sim/cluster_load.h"
#include "cmd/kronika_sim/cluster_oracle.h"
#include "cmd/kronika_sim/cluster_wire.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {

class SimLog;

class ClusterWorld {
 public:
  ClusterWorld(std::uint64_t seed, SeedArguments::Log log);
  ~ClusterWorld();
  SeedReport Run();

 private:
  void MakePlan();
  bool StartAndCreateTopics();
  void Load();
  // cluster_faults.cc
  struct FaultClass;
  static const std::vector<FaultClass>& FaultClasses();
  static std::vector<std::string> FaultNames();
  void Fault();
  void HealFaults();
  void Lose(SimBroker& broker);
  bool KillOne(SimBroker& victim);
  bool KillDuringStart(SimBroker& victim);
  bool PowerLossOfOne(SimBroker& victim);
  bool PowerLossOfTwo(SimBroker& victim);
  bool PowerLossOfAll(SimBroker& victim);
  bool PowerLossBehindSlowDisks(SimBroker& late);
  bool LongAbsence(SimBroker& victim);
  bool CrashInCheckpoint(SimBroker& victim);
  bool PowerLossBehindSlowStore(SimBroker& victim);
  bool CrashInInstall(SimBroker& victim);
  bool PauseOne(SimBroker& victim);
  bool CutOneWay(SimBroker& victim);
  bool Isolate(SimBroker& victim);
  bool LoseFrames(SimBroker& victim);
  bool AlterFrames(SimBroker& victim);
  bool SlowLinks(SimBroker& victim);
  bool CutClients(SimBroker& victim);
  bool BreakConnections(SimBroker& victim);
  bool FailSync(SimBroker& victim);
  bool FailSegmentWrite(SimBroker& victim);
  bool SlowDisk(SimBroker& victim);
  bool JumpClock(SimBroker& victim);
  bool RepeatFrames(SimBroker& victim);
  bool DelayLane(SimBroker& victim);
  bool ResetAndCutOff(SimBroker& victim);
  // cluster_schedules.cc
  struct Roles;
  std::optional<Roles> PickRoles();
  bool LosePowerWithOneBehind(SimBroker& victim);
  bool OverwriteInFlight(SimBroker& victim);
  SimBroker* AwaitWishForVote(GroupId group, SimBroker& one, SimBroker& other, SimBroker& third);
  bool AskTheDeposed(SimBroker& victim);
  bool LeadAgain(SimBroker& victim);
  void LeaveClientsOnly(SimBroker& broker);
  void AskDirectly(SimBroker& broker);
  // cluster_stops.cc
  struct Offices;
  bool StopOne(SimBroker& victim);
  bool StopWhileSound(SimBroker& victim);
  bool Stop(SimBroker& victim);
  bool Sound();
  Offices OfficesOf(SimBroker& broker);
  void CheckOffices(const Offices& offices);
  // cluster_replace.cc
  void LoseDisk();
  bool EveryReplicaLevel();
  void CheckImages();
  bool AskToReplace(BrokerId lost, const Uuid& directory);
  void Heal();
  // cluster_check.cc
  bool Converged();
  bool LogConverged(const LogId& log);
  std::string DescribeBrokers();
  std::optional<std::vector<OracleRecord>> ReadReplica(SimBroker& broker, const LogId& log);
  void CheckLog(const LogId& log);
  std::string CheckKeyed(SimBroker& broker);
  void CheckEverything();
  void CheckFolders();
  void CheckRunning();
  void CheckPeers(SimBroker& broker);
  void Violation(const std::string& what);
  bool Failed() const { return !report_.violation.empty(); }
  void Count(const std::string& name) { ++report_.counts[name]; }

  SimBroker& BrokerOf(BrokerId id) { return *brokers_[static_cast<std::size_t>(id.value - 1)]; }

  SeededRng rng_;
  SeededRng network_rng_;
  SeededRng clients_rng_;
  SeededRng scheduler_rng_;
  SimScheduler scheduler_;
  const bool keyed_;  // two seeds of five have a compacted topic
  std::unique_ptr<SimLog> log_;
  ClusterPlan plan_;
  std::unique_ptr<raft::SimNetwork> network_;
  std::vector<std::unique_ptr<SimBroker>> brokers_;
  std::unique_ptr<SimLoop> clients_;
  Oracle oracle_;
  SeedReport report_;
  std::unique_ptr<SimWires> wires_;
  std::unique_ptr<ClusterLoad> load_;
  int disks_lost_ = 0;
  std::set<BrokerId> restart_at_heal_;
};

}  // namespace kronika::sim
