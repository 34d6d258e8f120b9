// See preferred_returns.h.
#include "broker/cluster/preferred_returns.h"

#include <algorithm>
#include <utility>

namespace kronika::broker {
namespace {

constexpr Duration kLookMin = std::chrono::milliseconds(100);
constexpr Duration kLookMax = std::chrono::seconds(1);

}  // namespace

PreferredReturns::PreferredReturns(Environment environment)
    : environment_(std::move(environment)),
      look_every_(std::clamp(environment_.interval / 10, kLookMin, kLookMax)) {}

void PreferredReturns::Start() {
  timer_ = environment_.loop.RunAfter(look_every_, [this] { Look(); });
}

void PreferredReturns::Stop() {
  environment_.loop.Cancel(timer_);
}

void PreferredReturns::OnPeerLost(BrokerId peer) {
  std::erase_if(candidates_, [&](const auto& item) { return item.second.preferred == peer; });
}

std::map<GroupId, BrokerId> PreferredReturns::Fit() const {
  std::map<GroupId, BrokerId> out;
  const auto image = environment_.image();
  const auto rules = environment_.transfers.rules();
  environment_.groups.ForEach([&](raft::Group& group) {
    if (group.id() == kMetadataGroup || !group.status().serving) return;
    const auto place = image->FindGroup(group.id());
    if (!place) return;
    const BrokerId preferred = place.partition->members.voters.front().broker;
    if (preferred == environment_.self) return;
    if (JudgeSuccessor(group.node().status(), preferred, rules) == Fitness::kFit)
      out.emplace(group.id(), preferred);
  });
  return out;
}

void PreferredReturns::Look() {
  timer_ = environment_.loop.RunAfter(look_every_, [this] { Look(); });
  const auto fit = Fit();
  const Instant now = environment_.loop.Now();
  std::erase_if(candidates_, [&](const auto& item) {
    const auto still = fit.find(item.first);
    return still == fit.end() || still->second != item.second.preferred;
  });
  std::vector<ReturnCandidate> waiting;
  for (const auto& [group, preferred] : fit) {
    candidates_.try_emplace(group, ReturnCandidate{group, preferred, now});
    if (!environment_.transfers.UnderWay(group)) waiting.push_back(candidates_.at(group));
  }
  const ReturnRules rules{.settle = environment_.interval, .at_once_max = kAtOnceMax};
  for (const auto& next :
       PlanReturns(std::move(waiting), environment_.transfers.under_way(TransferReason::kReturn),
                   rules, now)) {
    const auto answer =
        environment_.transfers.Start(next.group, next.preferred, TransferReason::kReturn);
    if (answer != TransferAnswer::kStarted) continue;
    // Should it end badly, it settles anew.
    candidates_[next.group].fit_since = now;
    environment_.log.Debug("group {}: its leadership returns to broker {}", next.group.value,
                           next.preferred.value);
  }
}

}  // namespace kronika::broker
