#include "cmd/kronika_sim/cluster_group_oracle.h"

#include <fmt/format.h>

#include <algorithm>

namespace kronika::sim {

std::string GroupOracle::Joined(std::int32_t floor, std::int32_t generation,
                                const std::string& leader) {
  if (generation < floor)
    return fmt::format("generation {} is told after generation {}", generation, floor);
  last_generation_ = std::max(last_generation_, generation);
  auto [known, is_new] = generations_.try_emplace(generation, Generation{leader, {}});
  // A static leader may come back under another id, and an older client is told the former one.
  const auto name = [](const std::string& id) { return id.substr(0, id.find('-')); };
  if (!is_new && name(known->second.leader) != name(leader)) {
    return fmt::format("generation {} is led by {} and by {}", generation, known->second.leader,
                       leader);
  }
  return "";
}

std::string GroupOracle::Led(std::int32_t generation, std::vector<std::string> members) {
  std::ranges::sort(members);
  if (std::ranges::adjacent_find(members) != members.end())
    return fmt::format("a member appears twice in generation {}: {}", generation,
                       fmt::join(members, " "));
  auto& known = generations_[generation].members;
  if (known.empty()) known = members;
  if (known == members) return "";
  return fmt::format("generation {} has the members {} and the members {}", generation,
                     fmt::join(known, " "), fmt::join(members, " "));
}

std::string GroupOracle::MakeAssignment(std::int32_t generation, const std::string& identity,
                                        const std::string& partitions) {
  return fmt::format("{}/{}/{}", generation, identity, partitions);
}

std::string GroupOracle::Assigned(std::int32_t generation, const std::string& identity,
                                  const std::string& assignment) {
  if (assignment.starts_with(fmt::format("{}/{}/", generation, identity))) return "";
  return fmt::format("{} of generation {} is assigned \"{}\"", identity, generation, assignment);
}

void GroupOracle::Committed(std::int32_t partition, std::int64_t offset) {
  auto& floor = floors_[partition];
  floor = std::max(floor, offset);
}

std::int64_t GroupOracle::offset_floor(std::int32_t partition) const {
  const auto found = floors_.find(partition);
  return found == floors_.end() ? 0 : found->second;
}

std::string GroupOracle::Fetched(std::int32_t partition, std::int64_t floor, std::int64_t offset) {
  const std::int64_t value = std::max<std::int64_t>(offset, 0);
  if (value < floor) {
    return fmt::format("the committed offset of partition {} went back from {} to {}", partition,
                       floor, offset);
  }
  if (value > sent_[partition])
    return fmt::format("offset {} of partition {} was committed by nobody", offset, partition);
  Committed(partition, value);
  return "";
}

}  // namespace kronika::sim
