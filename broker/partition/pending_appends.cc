#include "broker/partition/pending_appends.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker {

void PendingAppends::Add(Pending pending) {
  KRONIKA_CHECK(pending_.empty() || pending_.back().index <= pending.index);
  pending_.push_back(std::move(pending));
}

void PendingAppends::AddRetry(Pending pending) {
  auto behind =
      std::upper_bound(pending_.begin(), pending_.end(), pending.index,
                       [](Index wanted, const Pending& item) { return wanted < item.index; });
  pending_.insert(behind, std::move(pending));
}

void PendingAppends::Advance(const AppendProgress& progress) {
  if (pending_.empty()) return;
  std::vector<Pending> answered;
  std::deque<Pending> left;
  bool all_behind = true;  // an entry that is not on enough replicas has none behind it that is
  for (auto& pending : pending_) {
    bool ready = false;
    switch (pending.acks) {
      case Acks::kNone:
        ready = true;
        break;
      case Acks::kLeader:
        ready = pending.index <= progress.durable || KRONIKA_PLANTED("acks-one-before-sync");
        break;
      case Acks::kAll:
        ready = all_behind && pending.index <= progress.applied &&
                progress.durable_on(pending.index) >= progress.replicas_wanted;
        all_behind = ready;
        break;
    }
    (ready ? answered.emplace_back(std::move(pending)) : left.emplace_back(std::move(pending)));
  }
  pending_ = std::move(left);
  for (auto& pending : answered) pending.done(std::move(pending.result));
}

void PendingAppends::FailAll(KafkaError error, std::string_view text) {
  std::deque<Pending> failed;
  std::swap(failed, pending_);
  for (auto& pending : failed) pending.done({.error = error, .text = std::string(text)});
}

}  // namespace kronika::broker
