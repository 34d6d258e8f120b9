// Consumer groups of the simulated cluster: one of dynamic members, one of static ones, and one
// whose only member comes back as its own ghost.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_member.h"

namespace kronika::sim {

// Asks one broker for a group's offsets again and again, whether it coordinates the group or not: a
// coordinator that was deposed without knowing it must not answer from what it believes.
class SimAsker {
 public:
  SimAsker(ClientWorld& world, GroupOracle& oracle, MemberPlan plan, BrokerId broker);
  void Start() { AskLater(); }
  void Stop();

 private:
  void AskLater();
  void Ask();
  void Answered(const std::vector<std::int64_t>& floors, Result<kafka::OffsetFetchResponse> answer);

  SimClient client_;
  GroupOracle& oracle_;
  const MemberPlan plan_;
  const BrokerId broker_;
  TimerId timer_;
};

class SimGroups {
 public:
  // On `topic`, which has so many partitions.
  SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions);
  void Start();
  // Everybody looks once more at what was committed.
  void Finish();
  void Stop();
  bool settled() const;
  std::string Describe() const;

 private:
  GroupOracle oracles_[3];
  std::vector<std::unique_ptr<SimMember>> members_;
  std::vector<std::unique_ptr<SimAsker>> askers_;
};

}  // namespace kronika::sim
