#include "cmd/kronika_sim/cluster_groups.h"

#include <algorithm>

namespace kronika::sim {

SimGroups::SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions) {
  constexpr std::uint64_t kMembers = 3;
  for (int group = 0; group < 2; ++group) {
    const MemberPlan plan{.group = group == 0 ? "ga" : "gb",
                          .topic = topic,
                          .partitions = partitions,
                          .is_static = group == 1};
    for (std::uint64_t number = 1; number <= kMembers; ++number)
      members_.push_back(std::make_unique<SimMember>(world, oracles_[group], plan, number));
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
