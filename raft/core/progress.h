// Progress: what a leader knows of one other replica, and how it may send to it.
//
//            accepted                       refused, new stream
//   probe ─────────────▶ replicate ───────────────────────────▶ probe
//     │  one append at a time        many in flight, up to the window
//     │  the log store no longer has what it needs
//     └─────────────────▶ install ─── done or failed ──▶ probe
//
// Called by the replica's one owner. match < next, and nothing counts but match (SAFETY C9).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "raft/core/options.h"
#include "raft/core/types.h"

namespace kronika::raft {

// How long ago a replica was caught up that never was: longer than any limit.
inline constexpr std::int64_t kNeverCaughtUpTicks = 1'000'000'000;

// Appends sent and not acknowledged, bounded by count and bytes. The last one may exceed the bound
// of bytes, so that an entry of any size can be sent.
class Window {
 public:
  void Add(Index last, std::size_t bytes);
  void FreeTo(Index index);
  void Clear();
  bool Full(const Options& options) const;
  std::size_t count() const { return sent_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Sent {
    Index last;
    std::size_t bytes = 0;
  };
  std::deque<Sent> sent_;
  std::size_t bytes_ = 0;
};

enum class ProgressState : std::uint8_t { kProbe, kReplicate, kInstall };
std::string_view Name(ProgressState state);

struct Progress {
  ProgressState state = ProgressState::kProbe;
  Index match;      // durable there, acknowledged in this term
  Index next{1};    // what to send next
  Index received;   // in its memory, as far as it said
  Index committed;  // its commit index, as far as it said
  Index told_commit;
  Window window;
  bool probe_sent = false;  // kProbe: an append is unanswered
  int paused_ticks = 0;     // it said "busy", or an install failed

  std::int64_t last_answer_tick = 0;
  bool answered = false;  // since the leader's lease was reset (SAFETY B7)

  std::optional<Index> wanted;  // entries from here on were asked of the log store
  struct Known {
    Index index;
    Term term;
  };
  std::optional<Known> known_previous;  // an entry that was read from the log store

  // Kafka's rule of the last time caught up: it had everything that the leader had at mark_tick.
  Index mark;
  std::int64_t mark_tick = 0;
  std::int64_t caught_up_tick = 0;

  void BecomeProbe(Index next_index);
  void BecomeReplicate();
  void BecomeInstall();
  bool CanSend(const Options& options) const;
  // Durable there up to `index`. True if that is news.
  bool Acknowledge(Index index);
  void NoteCaughtUp(Index leader_last, std::int64_t now);
};

}  // namespace kronika::raft
