#include "broker/partition/pending_appends.h"

#include <algorithm>
#include <iterator>
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
  auto end = pending_.begin();
  while (end != pending_.end() && end->index <= std::max(all, one)) ++end;
  auto first_left = std::stable_partition(pending_.begin(), end, ready);
  std::vector<Pending> answered(std::make_move_iterator(pending_.begin()),
                                std::make_move_iterator(first_left));
  pending_.erase(pending_.begin(), first_left);
  for (auto& pending : answered) pending.done(std::move(pending.result));
}

void PendingAppends::FailAll(KafkaError error, std::string_view text) {
  std::deque<Pending> failed;
  std::swap(failed, pending_);
  for (auto& pending : failed) pending.done({.error = error, .text = std::string(text)});
}

}  // namespace kronika::broker
