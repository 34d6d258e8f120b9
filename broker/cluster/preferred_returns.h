// PreferredReturns: leaders go back to the first replica of their assignment by themselves, a few
// at a time (auto.leader.rebalance.enable, leader.imbalance.check.interval.seconds).
//
// On the worker's loop. Each broker looks at what it leads: it knows best who is level with it. A
// preferred replica that could have led for one check interval without a break gets its partition.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/log.h"
#include "broker/cluster/leader_transfers.h"

namespace kronika::broker {

class PreferredReturns {
 public:
  static constexpr std::size_t kAtOnceMax = 5;

  struct Environment {
    Loop& loop;
    Log& log;
    raft::GroupManager& groups;
    LeaderTransfers& transfers;
    std::function<metadata::ImagePtr()> image;
    BrokerId self;
    Duration interval;
  };

  explicit PreferredReturns(Environment environment);
  ~PreferredReturns() { Stop(); }

  void Start();
  void Stop();
  // What comes back of it has to settle anew.
  void OnPeerLost(BrokerId peer);

 private:
  void Look();
  // What is led here, is another's by preference, and could be led by that one.
  std::map<GroupId, BrokerId> Fit() const;

  Environment environment_;
  const Duration look_every_;
  std::map<GroupId, ReturnCandidate> candidates_;
  TimerId timer_;
};

}  // namespace kronika::broker
