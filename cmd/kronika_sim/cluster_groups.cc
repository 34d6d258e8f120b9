#include "cmd/kronika_sim/cluster_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace kronika::sim {

SimAsker::SimAsker(ClientWorld& world, GroupOracle& oracle, MemberPlan plan, BrokerId broker)
    : client_(world, fmt::format("asker-{}", broker.value)),
      oracle_(oracle),
      plan_(std::move(plan)),
      broker_(broker) {}

void SimAsker::Stop() {
  client_.world().loop.Cancel(timer_);
  client_.Stop();
}

void SimAsker::AskLater() {
  ClientWorld& world = client_.world();
  timer_ =
      world.loop.RunAfter(std::chrono::milliseconds(100 + world.rng.Below(300)), [this] { Ask(); });
}

void SimAsker::Ask() {
  kafka::OffsetFetchRequest request;
  auto& group = request.groups.emplace_back();
  group.group_id = plan_.group;
  auto& topic = group.topics->emplace_back();
  topic.name = plan_.topic;
  std::vector<std::int64_t> floors;
  for (std::int32_t p = 0; p < plan_.partitions; ++p) {
    topic.partition_indexes.push_back(p);
    floors.push_back(oracle_.offset_floor(p));
  }
  client_.Ask<kafka::OffsetFetchRequest>(
      broker_, request, 8,
      [this, floors = std::move(floors)](Result<kafka::OffsetFetchResponse> answer) {
        Answered(floors, std::move(answer));
      });
  AskLater();
}

void SimAsker::Answered(const std::vector<std::int64_t>& floors,
                        Result<kafka::OffsetFetchResponse> answer) {
  if (!answer || answer->groups.at(0).error_code != kafka::KafkaError::kNone) return;
  for (const auto& partition : answer->groups[0].topics.at(0).partitions) {
    const auto floor = floors.at(static_cast<std::size_t>(partition.partition_index));
    const std::string wrong =
        oracle_.Fetched(partition.partition_index, floor, partition.committed_offset);
    if (!wrong.empty()) client_.world().Violation("group " + plan_.group + ": " + wrong);
  }
  client_.world().Count("offsets asked of any broker");
}

SimGroups::SimGroups(ClientWorld& world, const std::string& topic, std::int32_t partitions) {
  const MemberPlan plans[] = {
      {.group = "ga", .topic = topic, .partitions = partitions},
      {.group = "gb", .topic = topic, .partitions = partitions, .is_static = true},
      {.group = "gc", .topic = topic, .partitions = partitions, .haunts = true}};
  for (std::size_t group = 0; group < std::size(plans); ++group) {
    const std::uint64_t members = plans[group].haunts ? 1 : 3;
    for (std::uint64_t number = 1; number <= members; ++number)
      members_.push_back(std::make_unique<SimMember>(world, oracles_[group], plans[group], number));
    for (std::int32_t broker = 1; broker <= world.brokers; ++broker)
      askers_.push_back(
          std::make_unique<SimAsker>(world, oracles_[group], plans[group], BrokerId{broker}));
  }
}

void SimGroups::Start() {
  for (auto& member : members_) member->Start();
  for (auto& asker : askers_) asker->Start();
}

void SimGroups::Finish() {
  for (auto& member : members_) member->Finish();
}

void SimGroups::Stop() {
  for (auto& member : members_) member->Stop();
  for (auto& asker : askers_) asker->Stop();
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
