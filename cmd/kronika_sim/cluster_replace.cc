// A disk that is gone: the broker comes back with an empty directory and is given new replicas,
// while producers go on.
//
//   all level ─▶ disk lost ─▶ refused ─▶ `broker replace` through a live broker ─▶ (kill -9s) ─▶
//   all level again
//
// No other replica is lost meanwhile: others die and return, with everything that they had.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/kronika_sim/cluster_world.h"
#include "metadata/codec.h"

namespace kronika::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kLevelTicks = 20;

// The leader's view: every replica of the group is live and has what the leader had a moment ago.
bool LevelAtLeader(const raft::NodeStatus& status) {
  return status.serving && !status.membership.joint() &&
         std::ranges::all_of(status.replicas, [&](const raft::ReplicaStatus& replica) {
           return replica.id == status.self ||
                  (replica.active && replica.ticks_since_caught_up <= kLevelTicks);
         });
}

std::vector<GroupId> AllGroups(const metadata::Image& image) {
  std::vector<GroupId> out{kMetadataGroup};
  image.groups.ForEach([&](GroupId id, const metadata::GroupPlace&) { out.push_back(id); });
  return out;
}

// A copy that nobody else has would be gone for good.
bool HoldsSingleReplica(const metadata::Image& image, BrokerId broker) {
  return std::ranges::any_of(AllGroups(image), [&](GroupId id) {
    const auto* members = image.FindMembers(id);
    return members->voters.size() == 1 && members->voters.front().broker == broker;
  });
}

// Every replica of the broker was placed after it was replaced, and every wish is carried out.
bool Renewed(const metadata::Image& image, BrokerId broker, const Uuid& directory) {
  const auto* known = image.FindBroker(broker);
  if (!known || !known->registered || known->directory != directory) return false;
  return std::ranges::all_of(AllGroups(image), [&](GroupId id) {
    const auto* members = image.FindMembers(id);
    const raft::ReplicaId replica = members->ReplicaOf(broker);
    return !members->wish &&
           (!replica.valid() || replica.incarnation.value > known->replaced_at.value);
  });
}

}  // namespace

bool ClusterWorld::EveryReplicaLevel() {
  for (auto& broker : brokers_) {
    if (!broker->running() || broker->paused()) return false;
  }
  const auto image = brokers_.front()->broker().Image();
  return std::ranges::all_of(AllGroups(*image), [&](GroupId id) {
    return std::ranges::any_of(brokers_, [&](auto& broker) {
      auto* group = broker->broker().groups().Find(id);
      return group && LevelAtLeader(group->node().status());
    });
  });
}

// True once the controller has taken the operator's word.
bool ClusterWorld::AskToReplace(BrokerId lost, const Uuid& directory) {
  SimBroker* asked = nullptr;
  for (auto& broker : brokers_) {
    if (broker->id() != lost && broker->running() && !broker->paused()) asked = broker.get();
  }
  if (!asked) return false;
  metadata::Records word{metadata::BrokerReplaced{.broker = lost, .directory = directory}};
  auto taken = std::make_shared<std::optional<Status>>();
  asked->broker().controller().Ask(broker::CallKind::kReplaceBroker,
                                   Slice::CopyOf(metadata::EncodeRecords(word)),
                                   scheduler_.Now() + seconds(3), [taken](Result<Slice> answer) {
                                     if (answer) {
                                       taken->emplace();
                                     } else {
                                       taken->emplace(std::unexpected(answer.error()));
                                     }
                                   });
  scheduler_.RunUntilTrue([&] { return taken->has_value(); }, seconds(5));
  if (!taken->has_value()) return false;
  return **taken || (**taken).error().code == ErrorCode::kAlreadyExists;
}

// The same log makes the same image, whatever a broker began with.
void ClusterWorld::CheckImages() {
  auto applied = [this](std::size_t i) { return brokers_[i]->broker().Image()->applied; };
  auto same_point = [&] {
    for (std::size_t i = 1; i < brokers_.size(); ++i) {
      if (applied(i) != applied(0)) return false;
    }
    return true;
  };
  // An install whose answer is lost is asked for again after 10 s.
  if (!scheduler_.RunUntilTrue(same_point, seconds(20)))
    return Violation("the metadata does not come to rest after a replacement:" + DescribeBrokers());
  const auto first = brokers_.front()->broker().Image();
  for (auto& broker : brokers_) {
    if (!broker->broker().Image()->SameContent(*first))
      return Violation(fmt::format("broker {} has another image than broker 1 at index {}",
                                   broker->id().value, first->applied.value));
  }
}

void ClusterWorld::LoseDisk() {
  HealFaults();
  scheduler_.RunFor(seconds(1));
  HealFaults();
  if (!scheduler_.RunUntilTrue([this] { return Failed() || EveryReplicaLevel(); }, seconds(60)))
    return Violation("not every replica was level before a disk was lost:" + DescribeBrokers());
  if (Failed()) return;
  std::vector<SimBroker*> can_lose;
  for (auto& broker : brokers_) {
    if (!HoldsSingleReplica(*broker->broker().Image(), broker->id()))
      can_lose.push_back(broker.get());
  }
  if (can_lose.empty()) return;
  SimBroker& victim = *can_lose[rng_.Below(can_lose.size())];
  Count("disk lost");
  Uuid directory;
  directory.bytes[0] = static_cast<std::uint8_t>(victim.id().value);
  directory.bytes[1] = static_cast<std::uint8_t>(++disks_lost_);
  victim.LoseDisk(directory);
  victim.Start();
  scheduler_.RunFor(milliseconds(rng_.Below(2000)));
  if (victim.running() && victim.broker().groups().Find(kMetadataGroup))
    return Violation("an empty directory took part before the operator's word");
  if (!scheduler_.RunUntilTrue([&] { return AskToReplace(victim.id(), directory); }, seconds(30)))
    return Violation("the replacement was not taken:" + DescribeBrokers());
  for (std::uint64_t deaths = rng_.Below(3); deaths > 0; --deaths) {
    scheduler_.RunFor(milliseconds(rng_.Below(1500)));
    SimBroker& other = *brokers_[rng_.Below(brokers_.size())];
    Count("kill during a replacement");
    other.Kill();
    scheduler_.RunFor(milliseconds(rng_.Below(1500)));
    other.Start();
  }
  auto renewed = [&] {
    return Failed() || (EveryReplicaLevel() && std::ranges::all_of(brokers_, [&](auto& broker) {
                          return Renewed(*broker->broker().Image(), victim.id(), directory);
                        }));
  };
  if (!scheduler_.RunUntilTrue(renewed, seconds(60)))
    return Violation("the replacement did not end within 60 s:" + DescribeBrokers());
  if (!Failed()) CheckImages();
  Count("broker replaced");
}

}  // namespace kronika::sim
