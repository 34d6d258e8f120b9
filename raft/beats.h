// Beats: evidence of life of many groups in one message, by exception (decision D9, SAFETY B5, B6).
//
// A leader vouches for each of its groups every heartbeat. What a follower confirmed before (term,
// commit, both incarnations) is not said again: the group's id is enough. The answer names only the
// groups it does not confirm, and a follower's own response is sent only where it differs from its
// last one on this stream. Pure; one sender and one receiver per peer, on the manager's loop.
//
// 1. `unchanged` refers to the last full state that the receiver took on the *same* stream; a new
//    stream forgets both sides (D-11).
// 2. An answer counts only for the groups, terms and read contexts that its own beat carried.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "raft/super_frame.h"

namespace kronika::raft {

inline constexpr std::size_t kUnansweredBeatsMax = 16;

class BeatSender {
 public:
  // A later one of the same turn takes the place of an earlier one, and answers for its read.
  void Add(const BeatGroup& group);
  bool empty() const { return pending_.empty(); }
  // Everything added since the last call, as one beat.
  std::optional<Beat> Seal();
  // Calls `confirmed` for every group of the answered beat that is not an exception.
  void OnAnswer(const BeatAnswer& answer, const std::function<void(const BeatGroup&)>& confirmed);
  // The follower's response arrived in full; ConfirmedResponse repeats it when a later answer
  // stands for it.
  void Remember(GroupId group, const Message& response) { responses_[group] = response; }
  // None before the first full response of that term and incarnation.
  std::optional<Message> ConfirmedResponse(const BeatGroup& beat) const;
  void Forget(GroupId group);
  void Reset();

 private:
  struct Sent {
    std::uint64_t sequence = 0;
    std::vector<BeatGroup> groups;
  };
  std::map<GroupId, BeatGroup> pending_;
  std::map<GroupId, BeatGroup> confirmed_;
  std::map<GroupId, Message> responses_;
  std::deque<Sent> unanswered_;
  std::uint64_t next_sequence_ = 1;
};

class BeatReceiver {
 public:
  // `accept` steps one group's beat and says whether it stands; a refused one becomes an exception.
  BeatAnswer Receive(const Beat& beat, const std::function<bool(const BeatGroup&)>& accept);
  // True if `response` repeats the last one sent, so that the beat's answer is enough.
  bool Repeats(GroupId group, const Message& response);
  void Forget(GroupId group);
  void Reset();

 private:
  std::map<GroupId, BeatGroup> known_;
  std::map<GroupId, Message> responses_;
};

}  // namespace kronika::raft
