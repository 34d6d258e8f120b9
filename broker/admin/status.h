// What the broker says of itself to people and tests: the values behind /readyz and /v1/status, and
// their JSON.
//
// Plain values, made on the broker's loop. The names in the JSON are documented (docs/status.md)
// and stay. Source: DESIGN part 8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace kronika::broker::admin {

struct BrokerSummary {
  BrokerId id = kNoBroker;
  Uuid directory;
  Uuid cluster;
  std::string version;
  std::string state;  // "starting", "running", "stopping", ...
};

struct PeerSummary {
  BrokerId id = kNoBroker;
  bool connected = false;
  std::int64_t last_beat_ms = -1;  // since the last sign of life; -1 = none yet
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t undecodable = 0;
  std::uint64_t damaged = 0;
  std::uint64_t misdirected = 0;
  std::uint64_t not_yet = 0;
};

struct MemberSummary {
  BrokerId id = kNoBroker;
  Incarnation incarnation;
  Index match;
  std::int64_t lag_ms =
      -1;  // since it was last caught up; -1 = not known here (only the leader knows)
  bool isr = false;
};

struct GroupSummary {
  GroupId id;
  std::string topic;            // empty for the metadata group
  std::int32_t partition = -1;  // -1 for the metadata group
  std::string role;             // "leader", "follower", "candidate", "learner", ...
  Term term;
  BrokerId leader = kNoBroker;
  Index last;
  Index commit;
  Index applied;
  Index durable;
  std::vector<MemberSummary> members;
};

struct JournalSummary {
  std::string io;             // "io_uring, O_DIRECT", ...
  std::uint64_t commits = 0;  // since the start; as many syncs
  std::uint64_t bytes_written = 0;
  std::uint64_t files = 0;
  std::uint64_t files_free = 0;
  std::uint64_t files_recycled = 0;
  std::uint64_t bytes_unreleased = 0;  // what only the journal has yet
};

struct CheckpointSummary {
  std::uint64_t completed = 0;
  std::uint64_t given_up = 0;
};

// A consumer group that this broker coordinates.
struct ConsumerGroupSummary {
  std::string id;
  std::string state;  // as clients are told: "Stable", ...
  std::string protocol_type;
  std::string protocol;
  std::int32_t generation = 0;
  std::size_t members = 0;
  std::size_t partitions = 0;        // with a committed offset
  std::size_t partitions_known = 0;  // of these, with a high watermark that is known here
  std::int64_t lag = 0;              // over the known ones
  std::int64_t lag_max = 0;          // of one partition
  std::int64_t lag_age_ms = -1;      // of the oldest high watermark in it; -1 = none is known
};

struct BrokerStatus {
  BrokerSummary broker;
  std::vector<BrokerId> brokers;  // whom this broker lists to clients, by id
  BrokerId controller = kNoBroker;
  JournalSummary journal;
  CheckpointSummary checkpoints;
  std::vector<PeerSummary> peers;                     // by id
  std::vector<GroupSummary> groups;                   // by id
  std::vector<ConsumerGroupSummary> consumer_groups;  // by id
};

std::string ToJson(const BrokerStatus& status);

}  // namespace kronika::broker::admin
