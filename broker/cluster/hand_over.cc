// See hand_over.h.
#include "broker/cluster/hand_over.h"

#include <algorithm>
#include <utility>

namespace kronika::broker {
namespace {

constexpr Duration kRound = std::chrono::milliseconds(20);

}  // namespace

HandOver::~HandOver() {
  environment_.loop.Cancel(timer_);
}

void HandOver::Begin(Duration limit, Thunk done) {
  began_ = environment_.loop.Now();
  until_ = began_ + limit;
  done_ = std::move(done);
  environment_.transfers.SayStopping();
  environment_.groups.ForEach([this](raft::Group& group) {
    led_at_first_ += group.status().role == raft::Role::kLeader ? 1 : 0;
  });
  // The others hear of it first: of several that stop together none hands over to another.
  timer_ = environment_.loop.RunAfter(kRound, [this] { Round(); });
}

void HandOver::Offer(raft::Group& group, BrokerId to) {
  const auto answer = environment_.transfers.Start(group.id(), to, TransferReason::kStop);
  if (answer == TransferAnswer::kStarted) tried_[group.id()] = to;
}

HandOver::Led HandOver::Look() {
  Led out;
  const auto rules = environment_.transfers.rules();
  std::optional<BrokerId> metadata_to;
  environment_.groups.ForEach([&](raft::Group& group) {
    // What the turn's end tells may be older: who has just stepped down knows of no replica.
    const raft::NodeStatus status = group.node().status();
    if (status.role != raft::Role::kLeader) return;
    const auto tried = tried_.find(group.id());
    const auto next =
        ChooseSuccessor(status, tried == tried_.end() ? kNoBroker : tried->second, rules);
    const bool somebody = next.broker != kNoBroker || next.later;
    if (!somebody) {
      ++out.stay;
    } else if (group.id() == kMetadataGroup) {
      out.metadata = true;
      if (next.broker != kNoBroker) metadata_to = next.broker;
    } else {
      ++out.partitions;
      if (next.broker != kNoBroker && !environment_.transfers.UnderWay(group.id()))
        Offer(group, next.broker);
    }
  });
  // Last: until then the controller stays who it is.
  if (metadata_to && out.partitions == 0 && !environment_.transfers.UnderWay(kMetadataGroup))
    Offer(*environment_.groups.Find(kMetadataGroup), *metadata_to);
  return out;
}

void HandOver::Round() {
  const Led led = Look();
  const bool done = led.partitions == 0 && !led.metadata &&
                    environment_.transfers.under_way(TransferReason::kStop) == 0;
  if (done || environment_.loop.Now() >= until_) return End(led);
  timer_ = environment_.loop.RunAfter(kRound, [this] { Round(); });
}

void HandOver::End(const Led& led) {
  const std::size_t left = led.partitions + led.stay + (led.metadata ? 1 : 0);
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(environment_.loop.Now() - began_);
  environment_.log.Info(
      "handed over {} of {} leaderships in {} ms; {} stay, for {} of which no other replica can "
      "lead",
      led_at_first_ - std::min(led_at_first_, left), led_at_first_, took.count(), left, led.stay);
  std::exchange(done_, nullptr)();
}

}  // namespace kronika::broker
