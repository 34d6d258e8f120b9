// The metadata log's vocabulary: what the controller decides, as records.
//
// Called from any thread (plain values). Source: decisions D8 and D15; safety rules A3, A4, A13,
// C10, D-8.
//
// 1. A batch of records is one Raft entry. It is applied whole, or it is void: nothing of it is
//    applied.
// 2. Records are decisions. What is soft (who is live, who leads, ISR) is never a record.
// 3. A replica that a record places carries kPlacedHere; applying the record puts the entry's index
//    there.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/host_port.h"
#include "base/ids.h"
#include "raft/core/types.h"

namespace kronika::metadata {

// Stands in a record for "the index of the entry that holds this record" (safety rule A4).
inline constexpr Incarnation kPlacedHere{std::numeric_limits<std::uint64_t>::max()};

// The version of everything that is written to a metadata log; a broker refuses a newer one than
// its own.
inline constexpr std::uint32_t kFormatVersion = 1;

// One Kafka listener as clients are told to reach it.
struct Listener {
  std::string name;  // "PLAINTEXT"
  HostPort address;
  bool operator==(const Listener&) const = default;
};

// One of the brokers that a cluster was founded with, as `kronika format` wrote it (safety rule
// A12).
struct FoundingVoter {
  BrokerId broker = kNoBroker;
  HostPort peer;
  Uuid directory;
  bool operator==(const FoundingVoter&) const = default;
};

// The first decision of the first controller: repeats what every founder's identity file says, so
// that brokers that join later know it, too. Founding replicas of the metadata group have
// incarnation 0.
struct ClusterFounded {
  Uuid cluster;
  std::vector<FoundingVoter> voters;
  bool operator==(const ClusterFounded&) const = default;
};

struct FormatVersionSet {
  std::uint32_t version = 0;
  bool operator==(const FormatVersionSet&) const = default;
};

// A broker's addresses, repeated at every start: the newest boot epoch wins.
struct BrokerRegistered {
  BrokerId broker = kNoBroker;
  Uuid directory;
  std::uint64_t boot_epoch = 0;
  std::vector<Listener> listeners;
  HostPort peer;
  std::string rack;                 // empty = none
  std::uint64_t format_nonce = 0;   // metadata/directory_claim.h
  std::uint64_t process_nonce = 0;  // of the life that boot_epoch counts
  bool operator==(const BrokerRegistered&) const = default;
};

// From now on the broker is the one with `directory`. Its replicas get new incarnations by
// MembershipWished records that follow, the metadata group's first.
struct BrokerReplaced {
  BrokerId broker = kNoBroker;
  Uuid directory;
  bool operator==(const BrokerReplaced&) const = default;
};

struct ConfigValue {
  std::string name;  // Kafka's dotted name
  std::string value;
  bool operator==(const ConfigValue&) const = default;
};

struct PartitionPlaced {
  GroupId group;
  std::vector<raft::ReplicaId> replicas;  // assignment order: the first is the preferred leader
  bool operator==(const PartitionPlaced&) const = default;
};

struct TopicCreated {
  std::string name;
  Uuid topic;
  std::vector<PartitionPlaced> partitions;  // by partition number
  std::vector<ConfigValue> configs;         // sorted by name
  bool operator==(const TopicCreated&) const = default;
};

struct TopicDeleted {
  Uuid topic;
  // The highest leader epoch that the proposer had heard of for any of its partitions, plus 16
  // (safety rule C10).
  Term epoch_floor;
  bool operator==(const TopicDeleted&) const = default;
};

enum class ConfigScope : std::uint8_t {
  kTopic,   // subject: topic name
  kBroker,  // subject: broker id in decimal; empty = the default of all brokers
};

struct ConfigSet {
  ConfigScope scope = ConfigScope::kTopic;
  std::string subject;
  std::string name;
  std::optional<std::string> value;  // none = back to the default
  bool operator==(const ConfigSet&) const = default;
};

// The wish: who shall make up the group (safety rule A13). Its number is the index of the entry
// that holds it. Members that stay keep their incarnation; new ones carry kPlacedHere.
struct MembershipWished {
  GroupId group;
  std::vector<raft::ReplicaId> voters;    // assignment order
  std::vector<raft::ReplicaId> learners;  // only of the metadata group
  bool operator==(const MembershipWished&) const = default;
};

// The group reported that its own log has carried out the wish number `metadata_index`. Applying
// this record is what lets a replica that is no longer a member remove its data.
struct MembershipDone {
  GroupId group;
  std::uint64_t metadata_index = 0;
  bool operator==(const MembershipDone&) const = default;
};

// `broker` may hand out producer ids [first, first + count).
struct ProducerIdsAllocated {
  BrokerId broker = kNoBroker;
  std::int64_t first = 0;
  std::int32_t count = 0;
  bool operator==(const ProducerIdsAllocated&) const = default;
};

using Record =
    std::variant<ClusterFounded, FormatVersionSet, BrokerRegistered, BrokerReplaced, TopicCreated,
                 TopicDeleted, ConfigSet, MembershipWished, MembershipDone, ProducerIdsAllocated>;
using Records = std::vector<Record>;

// One line for logs and `kronika dump`.
std::string Describe(const Record& record);

}  // namespace kronika::metadata
