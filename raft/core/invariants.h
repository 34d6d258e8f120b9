// Invariants: the properties that Raft rests on, checked after every step (habit of this code base:
// tests, the simulator, and a paranoid daemon for the local ones).
//
// Called by whoever owns the observed nodes. One object watches the replicas of one group:
//   election safety      at most one leader per term                                   (Raft §5.2)
//   log matching         one (index, term), one entry and one entry before it          (§5.3)
//   leader completeness  a leader holds what was committed in earlier terms            (§5.4.3)
//   commitment           a leader commits by counting only in its own term              (§5.4.2)
//   state machine safety one committed entry per index                                 (§5.4.3)
//   and of one replica: positions in order, marks that only rise, configurations that change by
//   joint steps.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "raft/core/node.h"

namespace kronika::raft {

class Invariants {
 public:
  // After every step of `node`.
  void Observe(const Node& node);
  // `id` crashed: what it had only in memory may go back.
  void OnCrash(ReplicaId id);
  // The first violation, as a sentence; empty while all holds.
  const std::string& violation() const { return violation_; }
  // The highest index that any replica has ever known to be committed.
  Index committed() const { return Index{committed_.size()}; }

  // What must hold of one replica by itself; empty if it does.
  static std::string CheckAlone(const Node& node);

 private:
  struct Fact {
    Term previous;
    std::uint64_t digest = 0;
  };
  struct Committed {
    Term term;
    Term leader_term;  // in which it was first known
    std::uint64_t digest = 0;
  };
  struct Seen {
    Index start;
    std::vector<Term> terms;  // of start + 1 ...
    Index commit;
    Index applied;
    Term term;
    Membership membership;
    Role role = Role::kFollower;
  };

  void Violate(const Node& node, std::string text);
  void ObserveLog(const Node& node, Seen& seen);
  void ObserveCommit(const Node& node, Seen& seen);
  void ObserveLeader(const Node& node);
  void ObserveMembership(const Node& node, const Seen& seen);

  std::string violation_;
  std::map<Term, ReplicaId> leaders_;
  std::unordered_map<std::uint64_t, Fact> facts_;  // looked up by (index, term), never walked
  std::vector<Committed> committed_;               // of index 1 ...
  std::map<ReplicaId, Seen> seen_;
};

}  // namespace kronika::raft
