// ClusterWorld: three simulated brokers, clients and faults of one seed, in one thread.
//
//   start ─▶ topic ─▶ load under faults (kill, power loss, pause, cuts, loss, failed syncs) ─▶ heal
//   ─▶ must converge ─▶ check
//
// Two runs of one seed have equal hashes over everything that was delivered.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_broker.h"
#include "cmd/kronika_sim/cluster_oracle.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {

class SimLog;

class ClusterWorld {
 public:
  ClusterWorld(std::uint64_t seed, SeedArguments::Log log);
  ~ClusterWorld();
  SeedReport Run();

 private:
  struct Producer;

  void MakePlan();
  bool StartAndCreateTopic();
  void Load();
  void Fault();
  void HealFaults();
  // cluster_replace.cc
  void LoseDisk();
  bool EveryReplicaLevel();
  void CheckImages();
  bool AskToReplace(BrokerId lost, const Uuid& directory);
  void Heal();
  bool Converged();
  std::string DescribeBrokers();
  void CheckEverything();
  void CheckRunning();
  void Violation(const std::string& what);
  bool Failed() const { return !report_.violation.empty(); }
  void Count(const std::string& name) { ++report_.counts[name]; }

  // Clients.
  void StartProducers();
  void Next(Producer& producer);
  void SendAgain(Producer& producer);
  void Retry(Producer& producer);
  std::optional<std::vector<OracleRecord>> ReadReplica(SimBroker& broker, std::int32_t partition);
  SimBroker* AnyRunning();
  SimBroker& BrokerOf(BrokerId id) { return *brokers_[static_cast<std::size_t>(id.value - 1)]; }

  SeededRng rng_;
  SeededRng network_rng_;
  SeededRng scheduler_rng_;
  SimScheduler scheduler_;
  std::unique_ptr<SimLog> log_;
  ClusterPlan plan_;
  std::unique_ptr<raft::SimNetwork> network_;
  std::vector<std::unique_ptr<SimBroker>> brokers_;
  std::unique_ptr<SimLoop> clients_;
  std::vector<std::unique_ptr<Producer>> producers_;
  bool producing_ = false;
  Uuid topic_;
  std::int32_t partitions_ = 0;
  Oracle oracle_;
  SeedReport report_;
  int disks_lost_ = 0;
};

}  // namespace kronika::sim
