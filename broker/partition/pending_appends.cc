#include "broker/partition/pending_appends.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker {

void PendingAppends::Add(Pending pending) {
  KRONIKA_CHECK(pending_.empty() || pending_.back().index <= pending.index);
  KRONIKA_CHECK(pending.acks != Acks::kNone);
  pending_.push_back(std::move(pending));
}

void PendingAppends::AddRetry(Pending pending) {
  auto behind =
      std::upper_bound(pending_.begin(), pending_.end(), pending.index,
                       [](Index wanted, const Pending& item) { return wanted < item.index; });
  pending_.insert(behind, std::move(pending));
}

void PendingAppends::Advance(const AppendProgress& progress) {
  const Index all = KRONIKA_PLANTED("acks-all-like-one")
                        ? progress.durable
                        : std::min(progress.applied, progress.replicated);
  const Index one = KRONIKA_PLANTED("acks-one-before-sync") ? Index{UINT64_MAX} : progress.durable;
  auto ready = [&](const Pending& pending) {
    return pending.index <= (pending.acks == Acks::kAll ? all : one);
  };
  std::vector<Pending> answered;
  auto left = pending_.begin();  // where the next one that must wait goes
  auto at = left;
  for (; at != pending_.end() && at->index <= std::max(all, one); ++at) {
    if (ready(*at)) {
      answered.push_back(std::move(*at));
    } else if (left != at) {
      *left++ = std::move(*at);
    } else {
      ++left;
    }
  }
  pending_.erase(left, at);
  for (auto& pending : answered) pending.done(std::move(pending.result));
}

void PendingAppends::FailAll(KafkaError error, std::string_view text) {
  std::deque<Pending> failed;
  std::swap(failed, pending_);
  for (auto& pending : failed)
    pending.done({.error = error, .text = std::string(text), .may_be_in_log = true});
}

}  // namespace kronika::broker
