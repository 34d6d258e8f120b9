// Who may lead a group in its leader's place, and which leaders return to their preferred replicas:
// pure decisions of the leader's broker.
//
// Any thread. No safety property rests on them: a transfer ends well only if the other replica has
// everything (raft/core), and whoever else is elected has it, too.
// 1. A replica takes over only if it is a voter, its broker is alive and not about to stop, and it
//    was level with the leader within the last moments: handing over to one that lags keeps
//    producers waiting for as long as it lags.
// 2. Of several the first in assignment order takes over, so that what was spread stays spread.
// 3. A leader returns to its preferred replica only after that one could have led for `settle`
//    without a break, and few do at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/loop.h"
#include "raft/core/node.h"

namespace kronika::broker {

struct SuccessorRules {
  // Level: caught up with its leader's end within so many ticks, and no more entries behind it than
  // `entries_behind_max`. A new leader gives its voters the benefit of the doubt as to the first.
  std::int64_t level_ticks = 0;
  std::uint64_t entries_behind_max = 256;  // as many as may be on their way
  // Connected and not stopping.
  std::function<bool(BrokerId)> reachable;
  // Alive as the controller says, too: for moments it says so of nobody, while it is new or slow.
  std::function<bool(BrokerId)> may_lead;
};

enum class Fitness : std::uint8_t {
  kFit,
  kLags,   // it may become fit while one waits
  kUnfit,  // no voter, or its broker does not lead
};

// `status` is the leader's own.
Fitness JudgeSuccessor(const raft::NodeStatus& status, BrokerId broker,
                       const SuccessorRules& rules);

struct Successor {
  BrokerId broker = kNoBroker;
  bool later = false;  // none now, but some voter may become fit
};
// `tried` was asked last and did not take over: somebody else comes first.
Successor ChooseSuccessor(const raft::NodeStatus& status, BrokerId tried,
                          const SuccessorRules& rules);

struct ReturnRules {
  Duration settle;
  std::size_t at_once_max = 0;
};
struct ReturnCandidate {
  GroupId group;
  BrokerId preferred = kNoBroker;
  Instant fit_since;  // its preferred replica is fit, without a break
};
// What returns now, the longest fit first; `under_way` is how many returns of this broker are.
std::vector<ReturnCandidate> PlanReturns(std::vector<ReturnCandidate> candidates,
                                         std::size_t under_way, const ReturnRules& rules,
                                         Instant now);

}  // namespace kronika::broker
