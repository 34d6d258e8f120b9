// What partitions keep beside their logs, between two lives of the broker (partition_state.h).
#include "broker/partition/replicas.h"
#include "broker/store_keys.h"

namespace kronika::broker {
namespace {

const std::size_t kPrefixBytes = StateKeyPrefix(GroupId{}, Incarnation{}).size();

}  // namespace

void Replicas::TakeStates(std::vector<std::pair<std::string, std::string>> pairs) {
  for (auto& [key, value] : pairs) {
    const std::string prefix = key.substr(0, kPrefixBytes);
    states_[prefix].emplace_back(key.substr(prefix.size()), std::move(value));
  }
}

// Of replicas that are no more, or came back as new ones.
void Replicas::ForgetUnknownStates() {
  std::set<std::string> known;
  for (const auto& [id, partition] : partitions_) {
    if (const auto* group = environment_.groups.Find(id))
      known.insert(StateKeyPrefix(id, group->self().incarnation));
  }
  KvBatch batch;
  for (auto at = states_.begin(); at != states_.end();) {
    if (known.contains(at->first)) {
      ++at;
      continue;
    }
    for (const auto& [key, value] : at->second) batch.Delete(at->first + key);
    at = states_.erase(at);
  }
  if (!batch.empty()) environment_.kv.Apply(std::move(batch), Durability::kBuffered, [](Status) {});
}

void Replicas::KeepState(RaftPartition& partition, const metadata::PartitionRef& place) {
  const auto* group = environment_.groups.Find(place.partition->group);
  if (!group || partition.keeps_state() || !environment_.make_state) return;
  auto state = environment_.make_state(place);
  if (!state) return;
  const std::string prefix = StateKeyPrefix(group->id(), group->self().incarnation);
  if (auto stored = states_.find(prefix); stored != states_.end()) {
    for (const auto& [key, value] : stored->second) state->Load(key, value);
    states_.erase(stored);
  }
  partition.KeepState(std::move(state), prefix);
}

}  // namespace kronika::broker
