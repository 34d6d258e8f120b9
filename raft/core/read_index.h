// ReadRounds: reads that wait for a quorum to confirm the leadership after they arrived (thesis
// §6.4).
//
// Called by the replica's one owner, only while it leads. Reads that arrive between two Readies
// share a round; a round's number travels in heartbeats as read_context, and an answer to a later
// round confirms the earlier ones.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "raft/core/node.h"

namespace kronika::raft {

class ReadRounds {
 public:
  void Add(std::uint64_t context) { arrived_.push_back(context); }
  bool HasArrived() const { return !arrived_.empty(); }
  bool HasOpenRound() const { return !rounds_.empty(); }
  // Puts what arrived into a new round at commit index `commit`, and returns its number.
  std::uint64_t Begin(Index commit);
  std::uint64_t last_round() const { return last_round_; }
  void OnAnswer(ReplicaId from, std::uint64_t round);
  // Grants the rounds that a quorum (of `membership`, `self` counting) has confirmed.
  std::vector<ReadGrant> TakeConfirmed(const Membership& membership, ReplicaId self);
  // Leadership was lost: every read is refused.
  std::vector<ReadGrant> Refuse();

 private:
  struct Round {
    std::uint64_t number = 0;
    Index commit;
    std::vector<std::uint64_t> contexts;
  };
  std::vector<std::uint64_t> arrived_;
  std::deque<Round> rounds_;
  std::uint64_t last_round_ = 0;
  std::map<ReplicaId, std::uint64_t> answered_;
};

}  // namespace kronika::raft
