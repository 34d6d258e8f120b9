#include "cmd/kronika_sim/cluster_groups.h"

#include <algorithm>
#include <iterator>

namespace kronika::sim {

SimGroups::SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions) {
  const MemberPlan plans[] = {
      {.group = "ga", .topic = topic, .partitions = partitions},
      {.group = "gb", .topic = topic, .partitions = partitions, .is_static = true},
      {.group = "gc", .topic = topic, .partitions = partitions, .haunts = true}};
  for (std::size_t group = 0; group < std::size(plans); ++group) {
    const std::uint64_t members = plans[group].haunts ? 1 : 3;
    for (std::uint64_t number = 1; number <= members; ++number)
      members_.push_back(std::make_unique<SimMember>(world, oracles_[group], plans[group], number));
  }
}

void SimGroups::Start() {
  for (auto& member : members_) member->Start();
}

void SimGroups::Finish() {
  for (auto& member : members_) member->Finish();
}

void SimGroups::Stop() {
  for (auto& member : members_) member->Stop();
}

bool SimGroups::settled() const {
  return std::ranges::all_of(members_, [](const auto& member) { return member->settled(); });
}

std::string SimGroups::Describe() const {
  std::string out;
  for (const auto& member : members_) {
    if (!member->settled()) out += "\n  " + member->Describe();
  }
  return out;
}

}  // namespace kronika::sim
