// Consumer groups of the simulated cluster: one of dynamic members, one of static ones, and one
// whose only member comes back as its own ghost.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_member.h"

namespace kronika::sim {

class SimGroups {
 public:
  // On `topic`, which has so many partitions.
  SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions);
  void Start();
  // Looks at what this broker says was committed, without a wire in between.
  void Ask(broker::GroupCoordinator& broker);
  // Everybody looks once more at what was committed.
  void Finish();
  void Stop();
  bool settled() const;
  std::string Describe() const;

 private:
  ClientWorld& world_;
  const std::string topic_;
  const std::int32_t partitions_;
  GroupOracle oracles_[3];
  std::vector<std::unique_ptr<SimMember>> members_;
};

}  // namespace kronika::sim
