#include "raft/core/quorum.h"

#include <algorithm>

#include "base/planted.h"

namespace kronika::raft {
namespace {

using Half = std::vector<ReplicaId>;

std::size_t Majority(const Half& half) {
  if (KRONIKA_PLANTED("half-is-a-majority")) return std::max<std::size_t>(1, half.size() / 2);
  return half.size() / 2 + 1;
}

Index HalfIndex(const Half& half, const std::function<Index(ReplicaId)>& match) {
  std::vector<Index> indexes;
  indexes.reserve(half.size());
  for (const ReplicaId& id : half) indexes.push_back(match(id));
  std::sort(indexes.begin(), indexes.end(), std::greater<>());
  return indexes[Majority(half) - 1];
}

bool HalfAgrees(const Half& half, const std::function<bool(ReplicaId)>& counts) {
  const auto agreeing = std::count_if(half.begin(), half.end(), counts);
  return static_cast<std::size_t>(agreeing) >= Majority(half);
}

VoteOutcome HalfVotes(const Half& half, const std::function<Vote(ReplicaId)>& vote) {
  std::size_t granted = 0;
  std::size_t missing = 0;
  for (const ReplicaId& id : half) {
    const Vote given = vote(id);
    granted += given == Vote::kGranted ? 1 : 0;
    missing += given == Vote::kMissing ? 1 : 0;
  }
  if (granted >= Majority(half)) return VoteOutcome::kWon;
  return granted + missing < Majority(half) ? VoteOutcome::kLost : VoteOutcome::kPending;
}

bool CountsOutgoing(const Membership& membership) {
  return membership.joint() && !KRONIKA_PLANTED("joint-counts-incoming-only");
}

}  // namespace

Index QuorumIndex(const Membership& membership, const std::function<Index(ReplicaId)>& match) {
  if (membership.voters.empty()) return {};
  const Index incoming = HalfIndex(membership.voters, match);
  if (!CountsOutgoing(membership)) return incoming;
  return std::min(incoming, HalfIndex(membership.outgoing, match));
}

bool HasQuorum(const Membership& membership, const std::function<bool(ReplicaId)>& counts) {
  if (membership.voters.empty()) return false;
  if (!HalfAgrees(membership.voters, counts)) return false;
  return !CountsOutgoing(membership) || HalfAgrees(membership.outgoing, counts);
}

VoteOutcome CountVotes(const Membership& membership, const std::function<Vote(ReplicaId)>& vote) {
  if (membership.voters.empty()) return VoteOutcome::kLost;
  const VoteOutcome incoming = HalfVotes(membership.voters, vote);
  if (!CountsOutgoing(membership) || incoming == VoteOutcome::kLost) return incoming;
  const VoteOutcome outgoing = HalfVotes(membership.outgoing, vote);
  if (outgoing == VoteOutcome::kLost) return VoteOutcome::kLost;
  return incoming == VoteOutcome::kWon ? outgoing : incoming;
}

}  // namespace kronika::raft
