#include "raft/core/read_index.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "raft/core/quorum.h"

namespace kronika::raft {

std::uint64_t ReadRounds::Begin(Index commit) {
  rounds_.push_back({++last_round_, commit, std::exchange(arrived_, {})});
  return last_round_;
}

void ReadRounds::OnAnswer(ReplicaId from, std::uint64_t round) {
  std::uint64_t& newest = answered_[from];
  newest = std::max(newest, std::min(round, last_round_));
}

std::vector<ReadGrant> ReadRounds::TakeConfirmed(const Membership& membership, ReplicaId self) {
  std::vector<ReadGrant> grants;
  while (!rounds_.empty()) {
    const Round& round = rounds_.front();
    const auto confirms = [&](ReplicaId id) {
      const auto at = answered_.find(id);
      return id == self || (at != answered_.end() && at->second >= round.number);
    };
    if (!HasQuorum(membership, confirms) && !KRONIKA_PLANTED("read-without-quorum")) break;
    for (std::uint64_t context : round.contexts) grants.push_back({context, round.commit, true});
    rounds_.pop_front();
  }
  return grants;
}

std::vector<ReadGrant> ReadRounds::Refuse() {
  std::vector<ReadGrant> grants;
  for (const Round& round : rounds_) {
    for (std::uint64_t context : round.contexts) grants.push_back({context, {}, false});
  }
  for (std::uint64_t context : arrived_) grants.push_back({context, {}, false});
  rounds_.clear();
  arrived_.clear();
  return grants;
}

}  // namespace kronika::raft
