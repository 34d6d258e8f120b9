// What is asked of a group's coordinator, and what it answers: the words between the Kafka handlers
// and the state machine.
//
// Plain values. A ticket names a question; its answer carries it. Source: Kafka's classic group
// protocol (KIP-62, KIP-345, KIP-394), offset commits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "broker/group/records.h"
#include "broker/kafka_error.h"

namespace kronika::broker {

using Ticket = std::uint64_t;

// Both clocks of the leader: the first for time limits, without what its process stood still; the
// second for what is written.
struct GroupTime {
  std::int64_t steady_ms = 0;
  std::int64_t wall_ms = 0;
};

struct GroupProtocol {
  std::string name;
  std::string metadata;
  bool operator==(const GroupProtocol&) const = default;
};

struct JoinCall {
  std::string group;
  std::string member;  // empty: a new one
  std::optional<std::string> instance;
  std::string new_member;  // the id that a new member gets
  std::string client_id;
  std::string client_host;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;
  bool id_required = false;          // a new dynamic member has to join again with its id (v4)
  bool may_skip_assignment = false;  // v9
};

struct JoinedMember {
  std::string id;
  std::optional<std::string> instance;
  std::string metadata;
};

struct JoinAnswer {
  KafkaError error = KafkaError::kNone;
  std::string member;
  std::int32_t generation = -1;
  std::string protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  bool skip_assignment = false;
  std::vector<JoinedMember> members;  // for the leader alone
};

// The part of SyncGroup, Heartbeat and OffsetCommit that says who asks.
struct MemberRef {
  std::string group;
  std::int32_t generation = -1;
  std::string member;
  std::optional<std::string> instance;
};

struct SyncCall {
  MemberRef from;
  std::optional<std::string> protocol_type;  // nothing: not said
  std::optional<std::string> protocol;
  std::vector<std::pair<std::string, std::string>> assignments;  // by member id
};

struct SyncAnswer {
  KafkaError error = KafkaError::kNone;
  std::string protocol_type;
  std::optional<std::string> protocol;
  std::string assignment;
};

struct LeavingMember {
  std::string member;
  std::optional<std::string> instance;
};

struct LeaveCall {
  std::string group;
  std::vector<LeavingMember> members;
};

struct OffsetToCommit {
  std::string topic;
  std::int32_t partition = 0;
  StoredOffset offset;  // its times are the coordinator's
};

struct CommitCall {
  MemberRef from;
  std::optional<std::int64_t> retention_ms;  // nothing: as long as the option says
  std::vector<OffsetToCommit> offsets;       // none of it refused already
};

struct DeleteOffsetsCall {
  std::string group;
  std::vector<std::pair<std::string, std::int32_t>> partitions;
};

// Of Leave and DeleteOffsets: one for each that was named, and one for all of them.
struct ManyAnswer {
  KafkaError error = KafkaError::kNone;
  std::vector<KafkaError> each = {};
};

// Of Heartbeat, Commit and DeleteGroup an error is the whole answer.
struct GroupAnswer {
  Ticket ticket = 0;
  std::variant<KafkaError, JoinAnswer, SyncAnswer, ManyAnswer> what;
  // It rests on a committed record. Others rest on what this replica believed: a quorum has to
  // confirm its leadership before they leave (safety rule C1).
  bool committed = false;
};

// Records to be written as one batch.
struct GroupProposal {
  std::uint64_t id = 0;
  std::string group;
  std::vector<GroupRecord> records;
};

struct GroupOutput {
  std::vector<GroupProposal> proposals;
  std::vector<GroupAnswer> answers;
};

}  // namespace kronika::broker
