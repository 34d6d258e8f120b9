// The metadata image: what all records up to one index add up to. Immutable; handlers read it and
// never lock.
//
//   records ──Apply──> image ──Diff──> delta ──> groups are created, changed, removed; caches are
//   renewed
//
// Called from any thread: readers hold an ImagePtr as long as they like. Invariants:
// 1. An image is a function of the records alone: the same log gives equal images on every broker
//    (rule R7).
// 2. topics, topic_names and groups name the same topics and partitions; a group id or topic id
//    appears once, ever.
// 3. Images share what did not change (persistent_map.h); making the next one costs what the record
//    changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metadata/persistent_map.h"
#include "metadata/records.h"
#include "raft/core/types.h"

namespace kronika::metadata {

struct Broker {
  BrokerId id = kNoBroker;
  Uuid directory;
  std::uint64_t boot_epoch = 0;
  std::vector<Listener> listeners;
  HostPort peer;
  std::string rack;
  std::uint64_t format_nonce = 0;   // metadata/directory_claim.h
  std::uint64_t process_nonce = 0;  // of the life that boot_epoch counts
  bool registered = false;  // false: a founder or replacement that has not been heard of yet
  // The index at which `directory` became this broker's: its replicas of a lower incarnation are
  // lost and wait for a new one. 0 = since the founding or its first registration.
  Index replaced_at;
  bool operator==(const Broker&) const = default;

  const Listener* FindListener(std::string_view name) const;
};

// A change of membership that was decided and is not confirmed yet.
struct MembershipWish {
  std::uint64_t metadata_index = 0;  // the wish's number
  std::vector<raft::ReplicaId> voters;
  std::vector<raft::ReplicaId> learners;
  bool operator==(const MembershipWish&) const = default;
};

// The members of one Raft group, a partition's or the metadata group's.
struct GroupMembers {
  std::vector<raft::ReplicaId> founding;  // membership at index 0, the same for ever (decision D8)
  std::vector<raft::ReplicaId> voters;    // confirmed; assignment order
  std::vector<raft::ReplicaId> learners;  // confirmed; only of the metadata group
  std::uint64_t metadata_index =
      0;  // of the confirmed wish; for a partition as created: its creation
  std::optional<MembershipWish> wish;
  bool operator==(const GroupMembers&) const = default;

  // Confirmed or wished for.
  bool Contains(raft::ReplicaId replica) const;
  // This broker's newest incarnation in the group; not valid() if it has none.
  raft::ReplicaId ReplicaOf(BrokerId broker) const;
  // What a founding replica boots with, and what the wish asks the group to become.
  raft::Membership FoundingMembership() const;
  raft::Membership WishedMembership() const;  // wish must be there
};

// Distance of a deleted topic's highest known epoch to the floor: terms that the proposer of the
// deletion has not heard of yet.
inline constexpr std::uint64_t kEpochFloorMargin = 16;

struct Partition {
  GroupId group;
  std::int32_t number = 0;
  Index created_at;  // a replica whose incarnation equals it boots with the founding membership,
                     // all others empty
  Term epoch_floor;  // the term that the `created` record of a founding replica carries (safety
                     // rules A3, C10)
  GroupMembers members;
  bool operator==(const Partition&) const = default;
  bool BootsFounding(raft::ReplicaId replica) const {
    return replica.incarnation.value == created_at.value;
  }
};
using PartitionPtr = std::shared_ptr<const Partition>;

struct Topic {
  std::string name;
  Uuid id;
  Index created_at;
  std::vector<ConfigValue> configs;      // only what was set; sorted by name
  std::vector<PartitionPtr> partitions;  // by number
  bool operator==(const Topic& other) const;

  bool internal() const;  // __consumer_offsets and __transaction_state
  const std::string* Config(std::string_view config) const;
};
using TopicPtr = std::shared_ptr<const Topic>;

struct GroupPlace {
  Uuid topic;
  std::int32_t partition = 0;
  bool operator==(const GroupPlace&) const = default;
};

// A partition together with its topic; null members = not there.
struct PartitionRef {
  TopicPtr topic;
  PartitionPtr partition;
  explicit operator bool() const { return partition != nullptr; }
};

class Image;
using ImagePtr = std::shared_ptr<const Image>;

class Image {
 public:
  Uuid cluster;
  std::uint32_t format_version = 0;
  Index applied;  // the index of the last entry that is in this image
  Term epoch_floor;
  std::int64_t next_producer_id = 0;
  GroupId next_group{1};
  GroupMembers metadata_group;

  PersistentMap<BrokerId, Broker> brokers;
  PersistentMap<Uuid, TopicPtr> topics;
  PersistentMap<std::string, Uuid> topic_names;
  PersistentMap<GroupId, GroupPlace> groups;
  // Broker configs: (broker id in decimal, or empty for all brokers; name) → value.
  PersistentMap<std::pair<std::string, std::string>, std::string> broker_configs;

  TopicPtr FindTopic(std::string_view name) const;  // null = unknown
  TopicPtr FindTopic(Uuid id) const;
  PartitionRef FindGroup(GroupId group) const;  // not of the metadata group
  const Broker* FindBroker(BrokerId broker) const { return brokers.Find(broker); }
  const GroupMembers* FindMembers(
      GroupId group) const;  // also of the metadata group; valid as long as the image
  // Brokers that registered, by id.
  std::vector<BrokerId> RegisteredBrokers() const;

  // Compares everything but `applied`.
  bool SameContent(const Image& other) const;
};

// The image before the first record, from the founding text that every founder's identity file
// repeats.
ImagePtr FoundingImage(Uuid cluster, const std::vector<FoundingVoter>& voters);

// The image after the entry at `index` that holds `records`. kInvalidArgument: the batch
// contradicts the image and is void (rule 1 of records.h); the caller goes on with WithApplied().
// Depends on the arguments alone.
Result<ImagePtr> Apply(const Image& image, Index index, const Records& records);

// The same image at a later index, for entries that hold no records or void ones.
ImagePtr WithApplied(const Image& image, Index index);

}  // namespace kronika::metadata
