#include "raft/core/writes.h"

#include <algorithm>
#include <limits>

#include "base/planted.h"

namespace kronika::raft {

Writes::Writes(HardState hard_state, Index last)
    : issued_state_(hard_state),
      durable_state_(hard_state),
      issued_index_(last),
      durable_index_(last) {}

bool Writes::Pending(const Log& log, const HardState& hard_state) const {
  return cut_from_.has_value() || log.last() > issued_index_ || !(hard_state == issued_state_);
}

void Writes::OnCut(Index from) {
  ++cuts_;
  if (!KRONIKA_PLANTED("cut-keeps-durable-index")) {
    durable_index_ = std::min(durable_index_, from - 1);
  }
  if (from > issued_index_) return;
  cut_from_ = std::min(cut_from_.value_or(from), from);
  issued_index_ = from - 1;
}

void Writes::OnInstalled(Index start, bool kept) {
  if (kept) {
    durable_index_ = std::max(durable_index_, start);
    issued_index_ = std::max(issued_index_, start);
    return;
  }
  ++cuts_;
  cut_from_.reset();
  durable_index_ = start;
  issued_index_ = start;
}

Write Writes::Take(const Log& log, const HardState& hard_state) {
  Write write;
  if (!Pending(log, hard_state)) return write;
  write.id = next_id_++;
  write.leader_term = hard_state.term;
  if (!(hard_state == issued_state_)) write.hard_state = hard_state;
  write.truncate_from = cut_from_;
  if (log.last() > issued_index_) {
    write.entries =
        log.Range(issued_index_ + 1, log.last(), std::numeric_limits<std::size_t>::max());
  }
  cut_from_.reset();
  issued_state_ = hard_state;
  issued_index_ = log.last();
  in_flight_.push_back({write.id, cuts_, hard_state, issued_index_});
  return write;
}

bool Writes::OnWritten(std::uint64_t id, Term term) {
  bool news = false;
  while (!in_flight_.empty() && in_flight_.front().id <= id) {
    const InFlight& done = in_flight_.front();
    news = true;
    durable_state_ = done.hard_state;
    const bool counts = done.cuts == cuts_ && done.hard_state.term == term;
    if (counts || KRONIKA_PLANTED("aba-durable-mark")) {
      durable_index_ = std::max(durable_index_, done.last);
    }
    in_flight_.pop_front();
  }
  return news;
}

}  // namespace kronika::raft
