#include "wal/journal/verdict.h"

#include <fmt/format.h>

#include <algorithm>

namespace kronika::wal {

std::string JournalDamage::Describe() const {
  std::string concerned = "all groups";
  if (!all_groups) {
    concerned = groups.empty() ? "no group" : "groups";
    for (GroupId group : groups) concerned += fmt::format(" {}", group.value);
  }
  return fmt::format("{} block {} (group commit {}): {}; concerns {}", file, block, sequence, what,
                     concerned);
}

bool JournalVerdict::Concerns(GroupId group) const {
  const auto anew = begun_anew.find(group);
  return std::ranges::any_of(damages, [&](const JournalDamage& damage) {
    if (!damage.all_groups && !damage.groups.contains(group)) return false;
    return anew == begun_anew.end() || damage.sequence == 0 || anew->second <= damage.sequence;
  });
}

std::string JournalVerdict::Describe() const {
  std::string_view how = "replay";
  switch (match) {
    case JournalMatch::kReplay:
      break;
    case JournalMatch::kBelowOldest:
      how = "rolled back: its checkpoint lies below the oldest group commit kept; replay";
      break;
    case JournalMatch::kAboveEnd:
      how = "rolled back: its checkpoint lies above the journal's end; replay";
      break;
    case JournalMatch::kIdTooHigh:
      how = "rolled back: the journal does not know its checkpoint; replay";
      break;
  }
  std::string out = fmt::format("{} from {} to {}, {} end", how, replay_from.sequence,
                                last_sequence, tail == JournalTail::kTorn ? "torn" : "clean");
  for (const JournalDamage& damage : damages) out += "; damaged: " + damage.Describe();
  return out;
}

}  // namespace kronika::wal
