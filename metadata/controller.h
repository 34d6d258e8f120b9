// The controller's decisions: (image, who is alive, request) → records, or a refusal. The metadata
// group's leader proposes the records; nothing here has an effect.
//
// Pure functions; any thread. Random values (topic ids) are drawn by the caller and passed in.
// Rules that they hold:
// 1. A decision is made from the newest image of a leader that has applied an entry of its own
//    term, and the next one only after the records of the last are applied: else they may be void.
// 2. Records that come back always apply to the image that they were made from. Source: Kafka's
//    CreateTopics, DeleteTopics, InitProducerId; safety rules A4, A12, A13, B15, C10, D-8.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metadata/broker_configs.h"
#include "metadata/image.h"

namespace kronika::metadata {

// Why a topic was refused. Each is one error code of Kafka's.
enum class RefusalCode : std::uint8_t {
  kInvalidTopicName,
  kTopicExists,
  kUnknownTopic,
  kUnknownTopicId,
  kInvalidPartitions,
  kInvalidReplicationFactor,
  kInvalidReplicaAssignment,
  kInvalidConfig,
  kInvalidRequest,
  kPolicyViolation,  // more than one entry of the metadata log takes
};

struct Refusal {
  RefusalCode code = RefusalCode::kInvalidRequest;
  std::string text;  // for the client
};

// What decisions are made from.
struct ControllerView {
  const Image& image;
  std::vector<BrokerId> live;  // brokers that the metadata leader has heard of lately (liveness.h)
  BrokerSettings settings;
  std::uint64_t entry_bytes_max = 2 << 20;
};

// --- topics

struct TopicRequest {
  std::string name;
  Uuid id;                                        // drawn by the caller
  std::int32_t partitions = -1;                   // -1 = num.partitions
  std::int32_t replication_factor = -1;           // -1 = default.replication.factor
  std::vector<std::vector<BrokerId>> assignment;  // by partition number; empty = placed here
  std::vector<std::pair<std::string, std::optional<std::string>>> configs;
};

struct TopicResult {
  std::string name;
  Uuid id;
  std::int32_t partitions = -1;
  std::int32_t replication_factor = -1;
  std::optional<Refusal> refusal;
};

struct TopicPlan {
  Records records;                   // of the topics that were not refused
  std::vector<TopicResult> results;  // one a request, in order
};

// A plan for validate_only is the same plan, not proposed.
TopicPlan CreateTopics(const ControllerView& view, std::span<const TopicRequest> requests);

struct DeleteRequest {
  std::string name;  // empty: by id
  Uuid id;
  // The highest that the caller has heard of for any of its partitions (safety rule C10).
  Term highest_leader_epoch;
};

TopicPlan DeleteTopics(const Image& image, std::span<const DeleteRequest> requests);

inline constexpr std::int32_t kProducerIdBlock = 1000;
Records AllocateProducerIds(const Image& image, BrokerId broker);

// --- brokers and membership

// The first decision in a new cluster; empty once it was made.
Records FoundCluster(const Image& image, Uuid cluster, const std::vector<FoundingVoter>& voters);

// A broker says hello. kFenced: another directory is registered under this id, this one belongs to
// another id, or its boot epoch went back (D-8). Nothing new: no records. A broker
// that the metadata group does not have yet becomes a learner of it.
Result<Records> RegisterBroker(const Image& image, const BrokerRegistered& registration);

// The operator's word that broker `broker` lost its disk and is now the one with `directory`.
Result<Records> ReplaceBroker(const Image& image, BrokerId broker, Uuid directory);

// The next wishes on behalf of replaced brokers, `groups_max` at most: the metadata group's alone
// first, the partitions' after that one is done. Nothing left to do: no records. To be asked after
// each image until then.
Records PlanReplacements(const Image& image, std::size_t groups_max);

// A new incarnation for one replica that was fenced (safety rule A4). kNotFound; kInvalidArgument
// if `damaged` is not that broker's newest incarnation in the group.
Result<Records> ReplaceReplica(const Image& image, GroupId group, raft::ReplicaId damaged);

// The group's leader reports its configuration: empty unless it is the newest wish's.
Records ConfirmMembership(const Image& image, GroupId group, std::uint64_t metadata_index);

}  // namespace kronika::metadata
