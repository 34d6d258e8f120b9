// The vocabulary of the Raft core: replicas, entries, hard state, membership.
//
// raft/core is a pure library (decision D2): no I/O, clock, thread, randomness of its own or
// protobuf.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/ids.h"

namespace kronika::raft {

// One replica of a group. A broker that lost its disk comes back as the same broker with a new
// incarnation, which is a different replica: both may stand in one joint configuration (SAFETY A4,
// A13).
struct ReplicaId {
  BrokerId broker = kNoBroker;
  Incarnation incarnation;
  auto operator<=>(const ReplicaId&) const = default;
  bool valid() const { return broker != kNoBroker; }
  std::string Describe() const;  // "2#17"
};

enum class EntryType : std::uint8_t {
  kNoOp = 0,     // a new leader's first entry; empty
  kConfig = 1,   // payload: an encoded Membership (membership.h)
  kData = 2,     // payload: exactly one Kafka record batch, or one metadata record group
  kControl = 3,  // payload: a state machine's own record that is not client data
};

struct Entry {
  Index index;
  Term term;
  EntryType type = EntryType::kNoOp;
  std::int64_t append_time_ms =
      0;  // the leader's wall clock, non-decreasing within a log (SAFETY C11)
  Slice payload;
};

// No client's data: what leaders and changes of the membership need themselves.
inline bool IsProtocolOwn(const Entry& entry) {
  return entry.type == EntryType::kNoOp || entry.type == EntryType::kConfig;
}

// What a replica must not forget of its own behaviour. Synced before any message that follows from
// it.
struct HardState {
  Term term;
  ReplicaId vote;  // !valid() = no vote in this term
  // At least this much is committed. Written only when the commit index passes a configuration
  // entry: a replica that forgot it at a restart could be elected, or commit, under a configuration
  // that the group has left.
  Index commit;
  bool operator==(const HardState&) const = default;
};

// Who belongs to a group. Joint while `outgoing` is not empty: then a quorum of both `voters`
// (incoming) and `outgoing` decides (Raft §6). `metadata_index` is the index of the metadata record
// that wished for it; an entry whose value is not above the applied one is void (SAFETY A13).
struct Membership {
  std::vector<ReplicaId> voters;  // assignment order: the first is the preferred leader
  std::vector<ReplicaId> outgoing;
  std::vector<ReplicaId> learners;
  std::uint64_t metadata_index = 0;
  bool operator==(const Membership&) const = default;
  bool joint() const { return !outgoing.empty(); }
  bool IsVoter(ReplicaId id) const;   // of either half
  bool Contains(ReplicaId id) const;  // voter or learner
  std::string Describe() const;
};

// Where a log begins: everything up to `index` is in the state machine, and `membership` was in
// force there.
struct LogStart {
  Index index;
  Term term;
  Membership membership;
};

}  // namespace kronika::raft
