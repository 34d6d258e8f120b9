// A wish for other members, step by step: learners first, then joint consensus, then done (safety
// rule A13).
//
//   wish W ──▶ incoming replicas are learners (2W) ──▶ level with the leader ──▶ joint, then as
//   wished (2W + 1) ──▶ report W
//
// Pure; any thread. A group's log refuses a configuration whose number is not above the applied
// one, so each wish has two numbers there: whoever leads goes on where the log is, and no older
// wish can follow a newer one's first step.
#pragma once

#include <cstdint>
#include <optional>

#include "metadata/image.h"
#include "raft/core/node.h"

namespace kronika::metadata {

// The numbers that a wish's configurations carry in the group's log.
constexpr std::uint64_t LearnerStepOf(std::uint64_t wish) {
  return 2 * wish;
}
constexpr std::uint64_t FinalStepOf(std::uint64_t wish) {
  return 2 * wish + 1;
}

struct WishStep {
  std::optional<raft::Membership> propose;  // none: wait
  bool done = false;                        // the group's log has carried out the wish
};

// What the leader with this status does next about its group's wish. A learner is level when it is
// live and was caught up within the last `lag_ticks_max` ticks.
WishStep NextWishStep(const GroupMembers& members, const raft::NodeStatus& leader,
                      int lag_ticks_max);

}  // namespace kronika::metadata
