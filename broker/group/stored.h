// What __consumer_offsets says of groups: the values that its records stand for.
//
// Plain values; any thread. Source: Kafka's record schemas of the group coordinator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace kronika::broker {

struct StoredMember {
  std::string id;
  std::optional<std::string> instance;  // of a static member (KIP-345)
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = -1;
  std::int32_t session_timeout_ms = 0;
  std::string subscription;  // its metadata for the group's protocol
  std::string assignment;
  bool operator==(const StoredMember&) const = default;
};

// The state of a classic group, as its last record has it.
enum class GroupPhase : std::uint8_t {
  kEmpty,       // no members
  kAssigning,   // a generation began, and its leader's assignments are not written yet
  kUnbalanced,  // members went since the assignments were made: they have to join again
  kStable,
};

struct StoredGroup {
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;  // a member id
  // When the group became what it is; kUnfinished while a rebalance is under way (Phase()).
  std::int64_t state_timestamp_ms = -1;
  std::vector<StoredMember> members;  // by id
  bool operator==(const StoredGroup&) const = default;

  static constexpr std::int64_t kUnfinished = -1;
  GroupPhase Phase() const;
};

struct StoredOffset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  std::int64_t commit_timestamp_ms = -1;
  std::int64_t expire_timestamp_ms = -1;  // whoever committed it chose this; -1: as long as others
  Uuid topic;            // the offset is nobody's once its name belongs to another topic
  Index metadata_index;  // of an image in which the name belonged to it; 0: not written down
  bool operator==(const StoredOffset&) const = default;
};

struct GroupKey {
  std::string group;
  auto operator<=>(const GroupKey&) const = default;
};

struct OffsetKey {
  std::string group;
  std::string topic;  // its name, as in Kafka's records
  std::int32_t partition = 0;
  auto operator<=>(const OffsetKey&) const = default;
};

}  // namespace kronika::broker
