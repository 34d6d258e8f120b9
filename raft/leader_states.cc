#include "raft/leader_states.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace kronika::raft {

bool LeaderStates::Take(const LeaderState& state) {
  auto [known, inserted] = states_.try_emplace(state.group, state);
  if (!inserted) {
    auto rank = [](const LeaderState& s) { return std::pair(s.term, s.version); };
    if (rank(state) <= rank(known->second)) return false;
    known->second = state;
  }
  if (observer_) observer_(known->second);
  return true;
}

void LeaderStates::Publish(LeaderState state, bool leading) {
  state.version = leading ? 1 : 0;  // a leader is newer than whoever only saw the term
  auto known = states_.find(state.group);
  if (known != states_.end() && !leading) {
    const LeaderState& before = known->second;
    const bool has_leader = before.term == state.term && before.leader != kNoBroker;
    if (has_leader && !KRONIKA_PLANTED("candidate-outranks-leader")) {
      led_.erase(state.group);
      return;
    }
    state.leader_epoch = std::max(state.leader_epoch, before.leader_epoch);
  }
  if (known != states_.end() && known->second.term == state.term) {
    const LeaderState& before = known->second;
    bool same = before.leader == state.leader && before.isr == state.isr &&
                before.leader_epoch == state.leader_epoch;
    state.version = before.version + (same ? 0 : 1);
  }
  bool goes_on = false;
  if (leading) {
    goes_on = led_.insert_or_assign(state.group, state).second;
  } else {
    led_.erase(state.group);
  }
  const bool is_new = Take(state);
  if (leading && (is_new || goes_on)) changed_.push_back(state.group);
}

void LeaderStates::Learn(const LeaderState& state) {
  Take(state);
}

void LeaderStates::Withdraw(GroupId group) {
  led_.erase(group);
  states_.erase(group);
}

const LeaderState* LeaderStates::Find(GroupId group) const {
  auto known = states_.find(group);
  return known == states_.end() ? nullptr : &known->second;
}

std::vector<LeaderState> LeaderStates::TakeChanges() {
  std::vector<LeaderState> out;
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (GroupId group : changed_) {
    if (auto led = led_.find(group); led != led_.end()) out.push_back(led->second);
  }
  changed_.clear();
  return out;
}

std::vector<LeaderState> LeaderStates::Led() const {
  std::vector<LeaderState> out;
  for (const auto& [group, state] : led_) out.push_back(state);
  // The planted bug: a bound on a frame, and nobody asks for what is beyond it.
  if (KRONIKA_PLANTED("leader-states-cut-short") && out.size() > 256) out.resize(256);
  return out;
}

}  // namespace kronika::raft
