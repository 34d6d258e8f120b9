// Writes: what of the log and hard state was handed to the log store, and what of it is known to be
// durable.
//
// Called by the replica's one owner.
// 1. Writes of one replica become durable in the order of their ids.
// 2. durable_index() never exceeds what a finished write of this term, issued after the last cut,
//    covered: a cut lowers it at once, and reports of writes from before the cut or from an older
//    term never raise it (SAFETY A2). Nothing sticks: each cut and each new term is followed by a
//    write of its own.
#pragma once

#include <deque>
#include <optional>

#include "raft/core/log.h"
#include "raft/core/node.h"

namespace kronika::raft {

class Writes {
 public:
  // At start-up everything that was found is durable.
  Writes(HardState hard_state, Index last);

  Index durable_index() const { return durable_index_; }
  const HardState& durable_state() const { return durable_state_; }
  Index issued_index() const { return issued_index_; }
  bool Pending(const Log& log, const HardState& hard_state) const;

  void OnCut(Index from);
  // The log was replaced by an install that is durable up to `start`; `kept`: the entries after it
  // stay.
  void OnInstalled(Index start, bool kept);
  Write Take(const Log& log, const HardState& hard_state);
  // `term` is the replica's now. False if `id` was reported before or was never issued.
  bool OnWritten(std::uint64_t id, Term term);

 private:
  struct InFlight {
    std::uint64_t id = 0;
    std::uint64_t cuts = 0;  // cuts_ when it was issued
    HardState hard_state;
    Index last;  // the log's last index that it or a write before it carried
  };

  std::deque<InFlight> in_flight_;
  std::uint64_t next_id_ = 1;
  std::uint64_t cuts_ = 0;
  std::optional<Index> cut_from_;
  HardState issued_state_;
  HardState durable_state_;
  Index issued_index_;
  Index durable_index_;
};

}  // namespace kronika::raft
