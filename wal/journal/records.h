// What the journal stores, in its own terms: group, index, term and bytes. Raft's types are
// translated in raft/journal_log_store.
//
// Values only; any thread. Source: docs/formats.md, "The journal".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/ids.h"

namespace kronika::wal {

struct JournalEntry {
  Index index;
  Term term;
  std::uint8_t type = 0;  // the user's; not interpreted
  std::int64_t append_time_ms = 0;
  Slice payload;
};

struct JournalHardState {
  Term term;
  BrokerId vote_broker = kNoBroker;
  Incarnation vote_incarnation;
  Index commit;  // at least this much is committed (of the last known change of the configuration)
  bool operator==(const JournalHardState&) const = default;
};

struct JournalCreated {
  Generation generation{1};
  BrokerId broker = kNoBroker;
  Incarnation incarnation;
  Term floor;
  std::string membership;  // the user's encoding
  bool operator==(const JournalCreated&) const = default;
};

struct JournalInstalled {
  Index index;
  Term term;
  std::string membership;  // the user's encoding
  std::string manifest;    // the state machine's encoding
  bool operator==(const JournalInstalled&) const = default;
};

// One group's write. Its parts take effect in the order of the members.
struct JournalWrite {
  GroupId group;
  bool removed = false;  // the group's records before this one no longer count
  std::optional<JournalCreated> created;
  std::optional<JournalInstalled> installed;
  std::optional<JournalHardState> hard_state;
  std::optional<Index> truncate_from;
  std::vector<JournalEntry> entries;  // ascending, without a gap
  // The entries are the protocol's own (no-ops, memberships): without them nothing would ever be
  // committed, so they may use the room that is kept for votes.
  bool protocol_only = false;
};

// A place in the chain: the sequence of a group commit.
struct JournalPosition {
  std::uint64_t sequence = 1;
  constexpr auto operator<=>(const JournalPosition&) const = default;
};

// What the store of the checkpoints holds durably: replay starts at `position`.
struct CheckpointMark {
  std::uint64_t id = 0;  // 0: no checkpoint yet
  JournalPosition position;
  bool operator==(const CheckpointMark&) const = default;
};

// A group as the journal knows it from the replay's start on.
struct RecoveredLog {
  std::optional<JournalCreated> created;
  std::optional<JournalInstalled> installed;  // the last one
  bool removed = false;                       // and not created again
  std::optional<JournalHardState> hard_state;
  std::vector<JournalEntry> entries;  // ascending, without a gap
};

}  // namespace kronika::wal
