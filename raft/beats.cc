#include "raft/beats.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace kronika::raft {
namespace {

// A planted bug: of many groups that have nothing new some are in no beat.
bool LeftOut(const Beat& beat) {
  return beat.unchanged.size() >= 50 && KRONIKA_PLANTED("beats-leave-groups-out");
}

bool SameState(const BeatGroup& a, const BeatGroup& b) {
  return a.from == b.from && a.to == b.to && a.term == b.term && a.commit == b.commit;
}

}  // namespace

void BeatSender::Add(const BeatGroup& group) {
  auto [pending, first] = pending_.try_emplace(group.group, group);
  if (first) return;
  const BeatGroup before = std::exchange(pending->second, group);
  if (before.from != group.from || before.to != group.to || before.term != group.term) return;
  pending->second.read_context = std::max(before.read_context, group.read_context);
}

std::optional<Beat> BeatSender::Seal() {
  if (pending_.empty()) return std::nullopt;
  Beat beat{.sequence = next_sequence_++};
  Sent sent{.sequence = beat.sequence};
  for (const auto& [id, group] : pending_) {
    auto known = confirmed_.find(id);
    bool unchanged =
        group.read_context == 0 && known != confirmed_.end() && SameState(known->second, group);
    if (unchanged) {
      if (LeftOut(beat)) continue;
      beat.unchanged.push_back(id);
    } else {
      beat.full.push_back(group);
    }
    sent.groups.push_back(group);
  }
  pending_.clear();
  unanswered_.push_back(std::move(sent));
  if (unanswered_.size() > kUnansweredBeatsMax) unanswered_.pop_front();
  return beat;
}

void BeatSender::OnAnswer(const BeatAnswer& answer,
                          const std::function<void(const BeatGroup&)>& confirmed) {
  auto sent = std::find_if(unanswered_.begin(), unanswered_.end(),
                           [&](const Sent& beat) { return beat.sequence == answer.sequence; });
  if (sent == unanswered_.end()) return;
  std::vector<BeatGroup> groups = std::move(sent->groups);
  unanswered_.erase(sent);
  for (const auto& group : groups) {
    if (std::binary_search(answer.exceptions.begin(), answer.exceptions.end(), group.group)) {
      confirmed_.erase(group.group);
      continue;
    }
    confirmed_[group.group] = group;
    confirmed(group);
  }
}

std::optional<Message> BeatSender::ConfirmedResponse(const BeatGroup& beat) const {
  auto known = responses_.find(beat.group);
  if (known == responses_.end() || known->second.term != beat.term ||
      known->second.from.incarnation != beat.to) {
    return std::nullopt;
  }
  Message response = known->second;
  response.read_context = beat.read_context;
  return response;
}

void BeatSender::Forget(GroupId group) {
  pending_.erase(group);
  confirmed_.erase(group);
  responses_.erase(group);
}

void BeatSender::Reset() {
  confirmed_.clear();
  responses_.clear();
  unanswered_.clear();
}

BeatAnswer BeatReceiver::Receive(const Beat& beat,
                                 const std::function<bool(const BeatGroup&)>& accept) {
  BeatAnswer answer{.sequence = beat.sequence};
  for (const auto& group : beat.full) {
    if (accept(group)) {
      BeatGroup known = group;
      known.read_context = 0;
      known_[group.group] = known;
    } else {
      known_.erase(group.group);
      answer.exceptions.push_back(group.group);
    }
  }
  for (GroupId id : beat.unchanged) {
    auto known = known_.find(id);
    if (known != known_.end() && accept(known->second)) continue;
    if (known != known_.end()) known_.erase(known);
    answer.exceptions.push_back(id);
  }
  std::sort(answer.exceptions.begin(), answer.exceptions.end());
  return answer;
}

bool BeatReceiver::Repeats(GroupId group, const Message& response) {
  if (response.reject || response.busy) return false;
  auto [known, first] = responses_.try_emplace(group, response);
  const Message& before = known->second;
  bool same = !first && before.from == response.from && before.to == response.to &&
              before.term == response.term && before.log_index == response.log_index &&
              before.hint_index == response.hint_index && before.commit == response.commit;
  known->second = response;
  return same;
}

void BeatReceiver::Forget(GroupId group) {
  known_.erase(group);
  responses_.erase(group);
}

void BeatReceiver::Reset() {
  known_.clear();
  responses_.clear();
}

}  // namespace kronika::raft
