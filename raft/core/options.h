// Tunables of one Raft replica, in ticks, entries and bytes. Defaults are DESIGN §5's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kronika::raft {

struct Options {
  int heartbeat_ticks = 3;
  int election_timeout_ticks = 20;
  int election_jitter_ticks_max = 6;  // added: 0..max, from the Rng that is passed in
  int busy_pause_ticks = 3;  // after a follower's "busy" nothing but beats goes to it for so long
  int pause_doublings_max =
      4;  // a pre-vote refused by "leader alive" waits 2, 4, .. 2^n timeouts (B8)
  bool beats_by_driver = false;  // Tick makes no kHeartbeat: the driver's coalesced beats stand in
  std::size_t append_bytes_max = 1 << 20;   // entries of one append, at least one entry
  std::size_t inflight_messages_max = 256;  // per follower
  std::size_t inflight_bytes_max = 8 << 20;
  std::size_t uncommitted_bytes_max =
      64 << 20;  // beyond: Propose answers kBusy (at least one entry is taken)
  std::size_t tail_bytes_max = 1 << 20;  // committed entries kept in memory for followers
};

}  // namespace kronika::raft
