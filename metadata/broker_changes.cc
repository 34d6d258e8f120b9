// Registration, replacement and membership as decisions; see controller.h.
#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "metadata/controller.h"
#include "metadata/directory_claim.h"

namespace kronika::metadata {
namespace {

std::unexpected<Error> Fenced(std::string text) {
  return Fail(ErrorCode::kFenced, std::move(text), "registration");
}

// The members as they shall be: the wish, where there is one.
MembershipWished Target(const GroupMembers& members, GroupId group) {
  if (members.wish)
    return {.group = group, .voters = members.wish->voters, .learners = members.wish->learners};
  return {.group = group, .voters = members.voters, .learners = members.learners};
}

// Gives `broker` a new incarnation wherever it stands in `target`.
void Renew(MembershipWished& target, BrokerId broker) {
  if (KRONIKA_PLANTED("metadata-identity-reused")) return;
  auto renew = [&](std::vector<raft::ReplicaId>& replicas) {
    for (auto& replica : replicas) {
      if (replica.broker == broker) replica.incarnation = kPlacedHere;
    }
  };
  renew(target.voters);
  renew(target.learners);
}

// The broker's replica in the group was placed before the broker was replaced, so its data is gone.
bool Lost(const GroupMembers& members, const Broker& broker) {
  if (broker.replaced_at == Index{}) return false;
  const raft::ReplicaId newest = members.ReplicaOf(broker.id);
  return newest.valid() && newest.incarnation.value < broker.replaced_at.value;
}

std::vector<Broker> ReplacedBrokers(const Image& image) {
  std::vector<Broker> out;
  image.brokers.ForEach([&](BrokerId, const Broker& broker) {
    if (broker.replaced_at != Index{}) out.push_back(broker);
  });
  return out;
}

// A wish of the metadata group that renews a replaced broker and is not confirmed yet.
bool AwaitsMetadataGroup(const Image& image, const std::vector<Broker>& replaced) {
  const auto& members = image.metadata_group;
  if (!members.wish) return false;
  return std::ranges::any_of(replaced, [&](const Broker& broker) {
    const raft::ReplicaId newest = members.ReplicaOf(broker.id);
    return newest.valid() && newest.incarnation.value > broker.replaced_at.value &&
           newest.incarnation.value == members.wish->metadata_index;
  });
}

// The wish for one group, if a replaced broker's replica in it is lost.
std::optional<MembershipWished> Renewal(const GroupMembers& members, GroupId group,
                                        const std::vector<Broker>& replaced) {
  MembershipWished target = Target(members, group);
  bool lost = false;
  for (const auto& broker : replaced) {
    if (!Lost(members, broker)) continue;
    Renew(target, broker.id);
    lost = true;
  }
  if (!lost) return std::nullopt;
  return target;
}

}  // namespace

Records FoundCluster(const Image& image, Uuid cluster, const std::vector<FoundingVoter>& voters) {
  if (image.format_version != 0) return {};
  return {ClusterFounded{.cluster = cluster, .voters = voters},
          FormatVersionSet{.version = kFormatVersion}};
}

Result<Records> RegisterBroker(const Image& image, const BrokerRegistered& registration) {
  const auto id = registration.broker;
  const Broker* known = image.FindBroker(id);
  if (known) KRONIKA_TRY(CheckClaim(*known, ClaimOf(registration)));
  std::optional<BrokerId> owner;
  image.brokers.ForEach([&](BrokerId other, const Broker& broker) {
    if (other != id && broker.directory == registration.directory) owner = other;
  });
  if (owner) {
    return Fenced(fmt::format("data directory {} belongs to broker {}: this one is a copy",
                              registration.directory.ToString(), owner->value));
  }
  Records records;
  const bool same = known && known->registered && known->boot_epoch == registration.boot_epoch &&
                    known->format_nonce == registration.format_nonce &&
                    known->process_nonce == registration.process_nonce &&
                    known->listeners == registration.listeners &&
                    known->peer == registration.peer && known->rack == registration.rack;
  if (!same) records.emplace_back(registration);
  if (!image.metadata_group.ReplicaOf(id).valid()) {
    MembershipWished target = Target(image.metadata_group, kMetadataGroup);
    target.learners.push_back({.broker = id, .incarnation = kPlacedHere});
    records.emplace_back(std::move(target));
  }
  return records;
}

Result<Records> ReplaceBroker(const Image& image, BrokerId broker, Uuid directory) {
  const Broker* known = image.FindBroker(broker);
  if (!known) return Fail(ErrorCode::kNotFound, fmt::format("there is no broker {}", broker.value));
  if (known->directory == directory) {
    return Fail(ErrorCode::kAlreadyExists,
                fmt::format("broker {} already is the one with directory {}", broker.value,
                            directory.ToString()));
  }
  std::optional<BrokerId> owner;
  image.brokers.ForEach([&](BrokerId other, const Broker& candidate) {
    if (candidate.directory == directory) owner = other;
  });
  if (owner || directory.IsZero()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("directory {} belongs to another broker", directory.ToString()));
  }
  return Records{BrokerReplaced{.broker = broker, .directory = directory}};
}

Records PlanReplacements(const Image& image, std::size_t groups_max) {
  const auto replaced = ReplacedBrokers(image);
  if (replaced.empty()) return {};
  if (auto wish = Renewal(image.metadata_group, kMetadataGroup, replaced))
    return {std::move(*wish)};
  if (AwaitsMetadataGroup(image, replaced)) return {};
  Records records;
  image.topics.ForEach([&](const Uuid&, const TopicPtr& topic) {
    for (const auto& partition : topic->partitions) {
      if (records.size() >= groups_max) return;
      auto wish = Renewal(partition->members, partition->group, replaced);
      if (wish) records.emplace_back(std::move(*wish));
    }
  });
  return records;
}

Result<Records> ReplaceReplica(const Image& image, GroupId group, raft::ReplicaId damaged) {
  const GroupMembers* members = image.FindMembers(group);
  if (!members) return Fail(ErrorCode::kNotFound, fmt::format("there is no group {}", group.value));
  if (members->ReplicaOf(damaged.broker) != damaged) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("replica {} is not a current one of group {}", damaged.Describe(),
                            group.value));
  }
  MembershipWished target = Target(*members, group);
  Renew(target, damaged.broker);
  return Records{std::move(target)};
}

Records ConfirmMembership(const Image& image, GroupId group, std::uint64_t metadata_index) {
  const GroupMembers* members = image.FindMembers(group);
  if (!members || !members->wish || members->wish->metadata_index != metadata_index) return {};
  return {MembershipDone{.group = group, .metadata_index = metadata_index}};
}

}  // namespace kronika::metadata
