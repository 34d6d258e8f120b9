// Log: the replica's entries in memory, and how far they are committed, handed out and applied.
//
// Called by the replica's one owner; no I/O.
// 1. start() <= applied() <= delivered() <= commit() <= last(); start() is the newest entry that
//    memory forgot (or what the state machine held at the beginning); its term is known.
// 2. Everything above applied() is in memory. Indexes are contiguous, terms never fall.
// 3. Nothing at or below commit() is ever cut: that is a CHECK, as it would take back an
//    acknowledged entry (SAFETY D-12).
// Source: Raft §5.3, §5.4.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "raft/core/types.h"

namespace kronika::raft {

class Log {
 public:
  // `entries` follow `start` without a gap.
  Log(Index start, Term start_term, std::vector<Entry> entries);

  Index start() const { return start_; }
  Index last() const { return start_ + entries_.size(); }
  Term last_term() const { return entries_.empty() ? start_term_ : entries_.back().term; }
  Index commit() const { return commit_; }
  Index delivered() const { return delivered_; }
  Index applied() const { return applied_; }

  // Unknown below start() and above last().
  std::optional<Term> TermAt(Index index) const;
  bool Matches(Index index, Term term) const;
  // The entry at `index`, which lies in (start(), last()].
  const Entry& At(Index index) const;
  // Entries [first, ...] up to `last` or `bytes_max` of payload, at least one; first > start().
  std::vector<Entry> Range(Index first, Index last, std::size_t bytes_max) const;
  // Payload bytes of (after, last()].
  std::size_t BytesAfter(Index after) const { return BytesOf(after, last()); }
  // The highest known index not above `index` whose term is not above `term`: where a probe goes
  // next.
  Index LastNotAbove(Index index, Term term) const;

  // Whether a candidate whose last entry is (index, term) is at least as new as this log (§5.4.1).
  bool IsUpToDate(Index index, Term term) const;

  void Append(Entry entry);
  // Takes entries that begin right after a matching one. Returns where the old suffix was cut, if
  // it was.
  struct Taken {
    std::optional<Index> cut;
    bool appended = false;
  };
  Taken TakeFromLeader(std::vector<Entry> entries);

  void CommitTo(Index index);
  std::vector<Entry> Deliver();
  void ApplyTo(Index index);
  // A full install: everything is replaced by `start`, or, where the entry there matches, only the
  // part before it. True if the entries after it stay.
  bool Install(Index start, Term start_term);
  // Forgets applied entries up to `index` except the newest `tail_bytes_max` bytes of them.
  void Forget(Index index, std::size_t tail_bytes_max);

  // The first configuration entry in (after, up_to], if there is one.
  std::optional<Index> ConfigIn(Index after, Index up_to) const;
  // The last one at or below `up_to`.
  std::optional<Index> LastConfigTo(Index up_to) const;

 private:
  void CutFrom(Index index);
  // Payload bytes of (after, last].
  std::size_t BytesOf(Index after, Index last) const;

  Index start_;
  Term start_term_;
  std::deque<Entry> entries_;
  std::deque<Index> configs_;  // configuration entries in memory, ascending
  Index commit_;
  Index delivered_;
  Index applied_;
  std::size_t applied_bytes_ = 0;  // payload of (start_, applied_]
};

}  // namespace kronika::raft
