// What must hold for any sequence of decisions: maps, placement, images and their stores.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "metadata/placement.h"
#include "metadata/store.h"
#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

int Draw(int from, int below) {
  return *rc::gen::inRange(from, below);
}

RC_GTEST_PROP(PersistentMapProperty, BehavesAsAMapAndDiffNamesTheDifference, ()) {
  using Plain = std::map<int, int>;
  std::vector<std::pair<PersistentMap<int, int>, Plain>> versions(1);
  const int steps = Draw(1, 600);
  for (int step = 0; step < steps; ++step) {
    auto [map, plain] = versions.back();
    const int key = Draw(0, 300);
    if (Draw(0, 4) == 0) {
      RC_ASSERT(map.Erase(key) == (plain.erase(key) == 1));
    } else {
      map.Set(key, step);
      plain[key] = step;
    }
    RC_ASSERT(map.size() == plain.size());
    versions.emplace_back(std::move(map), std::move(plain));
  }
  // Old versions are as they were, and any two differ in exactly the keys that Diff names.
  const auto& [left, plain_left] =
      versions[static_cast<std::size_t>(Draw(0, static_cast<int>(versions.size())))];
  const auto& [right, plain_right] = versions.back();
  Plain seen;
  left.ForEach([&](int key, int value) { seen[key] = value; });
  RC_ASSERT(seen == plain_left);
  PersistentMap<int, int>::Diff(left, right, [&](int key, const int* before, const int* after) {
    RC_ASSERT((before != nullptr) == plain_left.contains(key));
    after ? void(seen[key] = *after) : void(seen.erase(key));
  });
  RC_ASSERT(seen == plain_right);
}

struct Spread {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

Spread LeaderSpread(const std::vector<PlacementBroker>& brokers, const PlacementLoad& load) {
  Spread spread{.least = 1'000'000, .most = 0};
  for (const auto& broker : brokers) {
    const auto found = load.find(broker.id);
    const std::int64_t leaders = found == load.end() ? 0 : found->second.leaders;
    spread = {.least = std::min(spread.least, leaders), .most = std::max(spread.most, leaders)};
  }
  return spread;
}

RC_GTEST_PROP(PlacementProperty, LeadersAreEvenAndRacksAreUsed, ()) {
  std::vector<PlacementBroker> brokers;
  std::map<BrokerId, std::string> racks;
  const int racks_max = Draw(1, 5);
  const int count = Draw(1, 12);
  for (int id = 1; id <= count; ++id) {
    const std::string rack = "r" + std::to_string(Draw(0, racks_max));
    brokers.push_back({.id = {id}, .rack = rack, .live = true});
    racks[{id}] = rack;
  }
  std::set<std::string> distinct;
  for (const auto& [id, rack] : racks) distinct.insert(rack);
  PlacementLoad load;
  const int topics = Draw(1, 8);
  for (int topic = 0; topic < topics; ++topic) {
    const int factor = Draw(1, std::min(count, 5) + 1);
    PlacementLoad own;
    for (const auto& replicas : Place(brokers, Draw(1, 40), factor, load)) {
      ++own[replicas.front()].leaders;
      std::set<BrokerId> different(replicas.begin(), replicas.end());
      RC_ASSERT(different.size() == static_cast<std::size_t>(factor));
      std::set<std::string> used;
      for (const auto id : replicas) used.insert(racks[id]);
      RC_ASSERT(used.size() == std::min(distinct.size(), static_cast<std::size_t>(factor)));
    }
    const Spread in_topic = LeaderSpread(brokers, own);
    RC_ASSERT(in_topic.most - in_topic.least <= 1);
    const Spread overall = LeaderSpread(brokers, load);
    RC_ASSERT(overall.most - overall.least <= 1);
  }
}

// Three equal brokers and three replicas: when one dies, what it led falls to both others in equal
// parts.
TEST(Placement, ADeadLeadersPartitionsAreSpreadOverTheRest) {
  const std::vector<PlacementBroker> brokers = {
      {.id = {1}, .live = true}, {.id = {2}, .live = true}, {.id = {3}, .live = true}};
  PlacementLoad load;
  std::map<std::pair<BrokerId, BrokerId>, int> next;
  for (const auto& replicas : Place(brokers, 60, 3, load)) ++next[{replicas[0], replicas[1]}];
  for (const auto& [pair, partitions] : next)
    EXPECT_EQ(partitions, 10) << pair.first.value << pair.second.value;
}

// One random decision of a controller; sometimes none comes of it.
Records Decide(const World& world, Uuid uuid) {
  const Image& image = *world.image;
  const BrokerId broker{Draw(1, 5)};
  const std::string name = "t" + std::to_string(Draw(0, 6));
  switch (Draw(0, 8)) {
    case 0:
    case 1: {
      const TopicRequest request{.name = name, .id = uuid, .partitions = Draw(1, 90)};
      return CreateTopics(world.View(), {&request, 1}).records;
    }
    case 2: {
      const DeleteRequest request{.name = name,
                                  .highest_leader_epoch = {static_cast<std::uint64_t>(Draw(0, 9))}};
      return DeleteTopics(image, {&request, 1}).records;
    }
    case 3: {
      auto registration = Registration(broker.value, static_cast<std::uint64_t>(Draw(1, 9)));
      if (const Broker* known = image.FindBroker(broker)) registration.directory = known->directory;
      return RegisterBroker(image, registration).value_or(Records{});
    }
    case 4:
      return ReplaceBroker(image, broker, uuid).value_or(Records{});
    case 5:
      return PlanReplacements(image, 3);
    case 6: {
      const GroupId group{static_cast<std::uint32_t>(Draw(0, 100))};
      const GroupMembers* members = image.FindMembers(group);
      if (!members || !members->wish) return AllocateProducerIds(image, broker);
      return ConfirmMembership(image, group, members->wish->metadata_index);
    }
    default:
      if (!image.FindTopic(name)) return {};
      return {
          ConfigSet{.subject = name, .name = "segment.ms", .value = std::to_string(Draw(1, 5))}};
  }
}

RC_GTEST_PROP(ImageProperty, DecisionsApplyReplayAndStore, ()) {
  World world = World::Registered(3);
  std::vector<ImagePtr> images = {world.image};
  std::vector<std::pair<Index, Records>> log;
  const int steps = Draw(1, 25);
  for (int step = 0; step < steps; ++step) {
    const Records records = Decide(world, TestUuid(static_cast<std::uint8_t>(20 + step)));
    if (records.empty()) continue;
    RC_ASSERT(world.Apply(records).has_value());  // rule 2 of controller.h
    log.emplace_back(world.image->applied, records);
    images.push_back(world.image);
  }
  // Rule R7: the same entries make the same image.
  ImagePtr replayed = images.front();
  for (const auto& [index, records] : log) replayed = *Apply(*replayed, index, records);
  RC_ASSERT(replayed->SameContent(*world.image));
  // A store that follows by changes from any earlier image holds what a fresh dump would.
  const Image& before = *images[static_cast<std::size_t>(Draw(0, static_cast<int>(images.size())))];
  std::map<std::string, std::string> stored;
  for (const auto& [key, value] : Dump(before)) stored[key] = value;
  KvBatch batch;
  AddChanges(before, *world.image, batch);
  for (const auto& op : batch.ops)
    op.value ? void(stored[op.key] = *op.value) : void(stored.erase(op.key));
  std::map<std::string, std::string> dumped;
  for (const auto& [key, value] : Dump(*world.image)) dumped[key] = value;
  RC_ASSERT(stored == dumped);
  const auto loaded = LoadImage(Pairs(stored.begin(), stored.end()));
  RC_ASSERT(loaded.has_value());
  RC_ASSERT((*loaded)->SameContent(*world.image));
}

}  // namespace
}  // namespace kronika::metadata
