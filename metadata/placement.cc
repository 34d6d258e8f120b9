#include "metadata/placement.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace kronika::metadata {
namespace {

// Places one topic, a partition at a time. Every choice takes the broker that has the least, looked
// at in a fixed order of counts, and the lowest id among equals.
class TopicPlacer {
 public:
  TopicPlacer(const std::vector<PlacementBroker>& brokers, PlacementLoad& load)
      : brokers_(brokers), load_(load) {}

  std::vector<BrokerId> PlacePartition(std::int32_t factor) {
    std::vector<const PlacementBroker*> chosen = {ChooseLeader()};
    while (chosen.size() < static_cast<std::size_t>(factor))
      chosen.push_back(ChooseFollower(chosen));
    std::vector<BrokerId> out;
    for (const auto* broker : chosen) {
      out.push_back(broker->id);
      ++topic_[broker->id].replicas;
      ++load_[broker->id].replicas;
    }
    if (chosen.size() > 1) ++successors_[{chosen[0]->id, chosen[1]->id}];
    ++topic_[chosen.front()->id].leaders;
    ++load_[chosen.front()->id].leaders;
    return out;
  }

 private:
  const PlacementBroker* ChooseLeader() {
    // The topic's own evenness first: a broker that just joined must not lead all of the next
    // topic.
    return Least([&](const PlacementBroker& broker) {
      return std::tuple(!broker.live, topic_[broker.id].leaders, load_[broker.id].leaders,
                        load_[broker.id].replicas, broker.id);
    });
  }

  const PlacementBroker* ChooseFollower(const std::vector<const PlacementBroker*>& chosen) {
    // The second replica is the first to campaign when the leader dies: successions come before the
    // overall load, so that what a dead leader led is spread over all.
    return Least([&](const PlacementBroker& broker) {
      const bool taken = std::ranges::find(chosen, &broker) != chosen.end();
      return std::tuple(taken, !broker.live, SharedRacks(chosen, broker),
                        topic_[broker.id].replicas, successors_[{chosen.front()->id, broker.id}],
                        load_[broker.id].replicas, broker.id);
    });
  }

  static std::int64_t SharedRacks(const std::vector<const PlacementBroker*>& chosen,
                                  const PlacementBroker& broker) {
    if (broker.rack.empty()) return 0;
    return std::ranges::count(chosen, broker.rack,
                              [](const PlacementBroker* other) { return other->rack; });
  }

  template <class Key>
  const PlacementBroker* Least(Key&& key) const {
    return &*std::ranges::min_element(brokers_, {}, key);
  }

  const std::vector<PlacementBroker>& brokers_;
  PlacementLoad& load_;
  PlacementLoad topic_;
  std::map<std::pair<BrokerId, BrokerId>, std::int64_t> successors_;  // (first, second replica)
};

}  // namespace

PlacementLoad LoadOf(const Image& image) {
  PlacementLoad load;
  image.topics.ForEach([&](const Uuid&, const TopicPtr& topic) {
    for (const auto& partition : topic->partitions) {
      const auto& members = partition->members;
      const auto& voters = members.wish ? members.wish->voters : members.voters;
      for (const auto& replica : voters) ++load[replica.broker].replicas;
      ++load[voters.front().broker].leaders;
    }
  });
  return load;
}

std::vector<std::vector<BrokerId>> Place(const std::vector<PlacementBroker>& brokers,
                                         std::int32_t partitions, std::int32_t factor,
                                         PlacementLoad& load) {
  KRONIKA_CHECK(factor >= 1 && static_cast<std::size_t>(factor) <= brokers.size());
  TopicPlacer placer(brokers, load);
  std::vector<std::vector<BrokerId>> out;
  for (std::int32_t partition = 0; partition < partitions; ++partition)
    out.push_back(placer.PlacePartition(factor));
  return out;
}

}  // namespace kronika::metadata
