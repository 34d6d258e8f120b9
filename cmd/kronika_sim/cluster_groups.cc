#include "cmd/kronika_sim/cluster_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "broker/group/group_coordinator.h"

namespace kronika::sim {

namespace {

constexpr const char* kNames[] = {"ga", "gb", "gc"};

}  // namespace

SimGroups::SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions)
    : world_(world), topic_(topic), partitions_(partitions) {
  const MemberPlan plans[] = {
      {.group = kNames[0], .topic = topic, .partitions = partitions},
      {.group = kNames[1], .topic = topic, .partitions = partitions, .is_static = true},
      {.group = kNames[2], .topic = topic, .partitions = partitions, .haunts = true}};
  for (std::size_t group = 0; group < std::size(plans); ++group) {
    const std::uint64_t members = plans[group].haunts ? 1 : 3;
    for (std::uint64_t number = 1; number <= members; ++number)
      members_.push_back(std::make_unique<SimMember>(world, oracles_[group], plans[group], number));
  }
}

void SimGroups::Start() {
  for (auto& member : members_) member->Start();
}

void SimGroups::Ask(broker::GroupCoordinator& broker) {
  for (std::size_t group = 0; group < std::size(kNames); ++group) {
    std::vector<std::int64_t> floors;
    for (std::int32_t p = 0; p < partitions_; ++p)
      floors.push_back(oracles_[group].offset_floor(p));
    broker.Confirmed(
        kNames[group], [this, group, floors](broker::KafkaError error, const broker::GroupMap* map,
                                             const broker::Coordinator*) {
          if (error != broker::KafkaError::kNone) return;
          world_.Count("offsets told directly");
          for (std::int32_t p = 0; p < partitions_; ++p) {
            const auto* stored = map->FindOffset({kNames[group], topic_, p});
            const auto wrong = oracles_[group].Fetched(p, floors[static_cast<std::size_t>(p)],
                                                       stored ? stored->offset : -1);
            if (!wrong.empty())
              world_.Violation(fmt::format("group {}, asked directly: {}", kNames[group], wrong));
          }
        });
  }
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
