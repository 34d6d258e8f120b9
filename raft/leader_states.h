// LeaderStates: who leads each group, as soft state on every broker (DESIGN §5: leadership and ISR
// are spread by pushes; the newest term wins, a periodic digest repairs). Nothing in a log depends
// on it. On the manager's loop.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "raft/super_frame.h"

namespace kronika::raft {

class LeaderStates {
 public:
  // A group's known state became newer (own publications included).
  using Observer = std::function<void(const LeaderState&)>;

  void SetObserver(Observer observer) { observer_ = std::move(observer); }
  // The local replica's own view. A leader's view is pushed to all peers; a candidate's says only
  // that its term has no leader yet, and nothing once a leader of that term was heard of. `version`
  // is filled in here.
  void Publish(LeaderState state, bool leading);
  // The local replica no longer leads the group; what is known of it stays.
  void Yield(GroupId group) { led_.erase(group); }
  // From a peer.
  void Learn(const LeaderState& state);
  // The local replica left or lost the group.
  void Withdraw(GroupId group);

  const LeaderState* Find(GroupId group) const;
  // States that changed since the last call and are to be pushed to every peer.
  std::vector<LeaderState> TakeChanges();
  // All states of groups led here.
  std::vector<LeaderState> Led() const;

 private:
  bool Take(const LeaderState& state);

  Observer observer_;
  std::map<GroupId, LeaderState> states_;
  std::map<GroupId, LeaderState> led_;
  std::vector<GroupId> changed_;
};

}  // namespace kronika::raft
