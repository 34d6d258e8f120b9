// The removal horizon: which part of a log a reader may take from a later state of it and still see
// every deletion (SAFETY C7).
//
// Pure. Compaction keeps a key's deletion (a tombstone) for a while and then drops it, together
// with nothing else of that key: everything older of the key went before. Whoever holds the log
// below an offset E from before that, and takes what follows from after it, holds the deleted key
// and is never told.
//
//   held from before:   K@120 ...        | E = 150
//   the log, compacted:       ... (K's tombstone @200 is gone) ...   horizon 200: not from 150 on
//
// So a log remembers the highest offset of a tombstone that it dropped. What follows E may be taken
// from it only if that lies below E: then every deletion from E on is still there. All else is
// given whole.
#pragma once

#include <cstdint>

namespace kronika::wal {

inline constexpr std::int64_t kNothingRemoved = -1;

constexpr bool MayContinueAt(std::int64_t removal_horizon, std::int64_t offset) {
  return removal_horizon < offset;
}

}  // namespace kronika::wal
