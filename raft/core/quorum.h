// Decisions of a majority, joint or not (Raft §5.2, §5.3, §6).
//
// Pure functions of a membership and what is known of each replica; any thread. In a joint
// configuration both halves must agree, each by its own majority. Learners never count.
#pragma once

#include <functional>

#include "raft/core/types.h"

namespace kronika::raft {

// The highest index that a majority of each half has; `match` gives 0 for a replica of which
// nothing is known.
Index QuorumIndex(const Membership& membership, const std::function<Index(ReplicaId)>& match);

// Whether those for whom `counts` is true are a majority of each half.
bool HasQuorum(const Membership& membership, const std::function<bool(ReplicaId)>& counts);

enum class Vote : std::uint8_t { kMissing, kGranted, kRefused };
enum class VoteOutcome : std::uint8_t { kPending, kWon, kLost };
// Lost as soon as one half can no longer reach its majority.
VoteOutcome CountVotes(const Membership& membership, const std::function<Vote(ReplicaId)>& vote);

}  // namespace kronika::raft
