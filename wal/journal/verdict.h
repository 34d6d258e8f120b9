// What an open found out about the journal: where its chain ends, and what is damaged.
//
// Values only. Source: docs/formats.md, "The chain, and what a damaged one means"; SAFETY A11, E.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "wal/journal/records.h"

namespace kronika::wal {

enum class JournalTail { kClean, kTorn };
// Whether the store of the checkpoints and the journal belong together.
enum class JournalMatch { kReplay, kBelowOldest, kAboveEnd, kIdTooHigh };

// Damage to acknowledged bytes.
struct JournalDamage {
  std::string file;
  std::uint32_t block = 0;
  std::uint64_t sequence =
      0;                    // the first group commit that is missing there; 0: the file as a whole
  bool all_groups = false;  // which groups it concerns cannot be known
  std::set<GroupId> groups;
  std::string what;
  std::string Describe() const;
};

struct JournalVerdict {
  JournalMatch match = JournalMatch::kReplay;
  JournalTail tail = JournalTail::kClean;
  JournalPosition replay_from;
  std::uint64_t last_sequence = 0;  // of the last group commit taken; 0: none
  std::vector<JournalDamage> damages;

  // Whether damage concerns `group`; such a replica answers nothing until it has a new incarnation.
  bool Concerns(GroupId group) const;
  // The sequence at which a group was last created or removed: damage before it no longer concerns
  // that group.
  std::map<GroupId, std::uint64_t> begun_anew;
  std::string Describe() const;
};

}  // namespace kronika::wal
