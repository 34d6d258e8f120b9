// See leader_transfers.h.
#include "broker/cluster/leader_transfers.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/partition/isr.h"

namespace kronika::broker {
namespace {

// While something is under way.
constexpr Duration kLook = std::chrono::milliseconds(20);
constexpr Duration kStoppingPatience = std::chrono::seconds(1);

}  // namespace

std::string_view Name(TransferReason reason) {
  switch (reason) {
    case TransferReason::kElection:
      return "election";
    case TransferReason::kReturn:
      return "return";
    case TransferReason::kStop:
      return "stop";
  }
  std::unreachable();
}

void LeaderTransfers::Serve() {
  auto& calls = environment_.groups.calls();
  calls.SetHandler(std::to_underlying(CallKind::kElectPreferred),
                   [this](BrokerId, const raft::Call& call, Done<Slice> answer) {
                     auto partitions = DecodePartitions(call.payload.bytes());
                     if (!partitions) return answer(std::unexpected(std::move(partitions).error()));
                     std::vector<TransferAnswer> answers;
                     for (const auto& each : *partitions) answers.push_back(StartPreferred(each));
                     answer(Slice::CopyOf(EncodeTransferAnswers(answers)));
                   });
  calls.SetHandler(std::to_underlying(CallKind::kStopping),
                   [this](BrokerId from, const raft::Call&, Done<Slice> answer) {
                     stopping_.insert(from);
                     answer(Slice());
                   });
}

void LeaderTransfers::Stop() {
  if (timer_) environment_.loop.Cancel(*timer_);
  timer_.reset();
}

bool LeaderTransfers::Reachable(BrokerId broker) const {
  return environment_.groups.IsLive(broker) && !stopping_.contains(broker);
}

bool LeaderTransfers::MayLead(BrokerId broker) const {
  return Reachable(broker) && environment_.leadership.IsLive(broker);
}

SuccessorRules LeaderTransfers::rules() const {
  return {.level_ticks = environment_.groups.LevelTicks(),
          .reachable = [this](BrokerId broker) { return Reachable(broker); },
          .may_lead = [this](BrokerId broker) { return MayLead(broker); }};
}

std::size_t LeaderTransfers::under_way(TransferReason reason) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      under_way_, [&](const auto& item) { return item.second.reason == reason; }));
}

TransferAnswer LeaderTransfers::Start(GroupId id, BrokerId to, TransferReason reason) {
  if (UnderWay(id)) return TransferAnswer::kStarted;
  raft::Group* group = environment_.groups.Find(id);
  if (group == nullptr) return TransferAnswer::kNotLeader;
  const raft::NodeStatus status = group->node().status();
  if (status.role != raft::Role::kLeader) return TransferAnswer::kNotLeader;
  switch (JudgeSuccessor(status, to, rules())) {
    case Fitness::kUnfit:
      return TransferAnswer::kNotAvailable;
    case Fitness::kLags: {
      const auto in_sync = InSyncReplicas(status, environment_.in_sync_ticks);
      const bool soon = std::ranges::find(in_sync, to) != in_sync.end();
      return soon ? TransferAnswer::kBusy : TransferAnswer::kNotAvailable;
    }
    case Fitness::kFit:
      break;
  }
  if (under_way_.size() >= kAtOnceMax || !group->TransferLeadership(to))
    return TransferAnswer::kBusy;
  under_way_.emplace(id, Transfer{to, reason, environment_.loop.Now() + kPatience});
  LookLater();
  return TransferAnswer::kStarted;
}

TransferAnswer LeaderTransfers::StartPreferred(const PartitionId& partition) {
  const auto topic = environment_.image()->FindTopic(partition.topic);
  if (!topic || partition.number < 0 ||
      static_cast<std::size_t>(partition.number) >= topic->partitions.size())
    return TransferAnswer::kNotLeader;
  const auto& place = topic->partitions[static_cast<std::size_t>(partition.number)];
  const BrokerId preferred = place->members.voters.front().broker;
  // Who is asked leads, but for the moments between two leaders.
  if (preferred == environment_.self) return TransferAnswer::kNotLeader;
  return Start(place->group, preferred, TransferReason::kElection);
}

void LeaderTransfers::LookLater() {
  if (!timer_) timer_ = environment_.loop.RunAfter(kLook, [this] { Look(); });
}

void LeaderTransfers::Look() {
  timer_.reset();
  std::erase_if(under_way_, [this](const auto& item) { return Ended(item.first, item.second); });
  if (!under_way_.empty()) LookLater();
}

bool LeaderTransfers::Ended(GroupId id, const Transfer& transfer) {
  const raft::Group* group = environment_.groups.Find(id);
  const bool leads = group != nullptr && group->status().role == raft::Role::kLeader;
  const bool led_elsewhere = group != nullptr && !leads && group->status().leader.valid();
  if (led_elsewhere && group->status().leader.broker == transfer.to) {
    ++counters_.completed[std::to_underlying(transfer.reason)];
    return true;
  }
  const bool given_up = leads && !environment_.groups.Find(id)->node().status().transfer_to.valid();
  // Whoever stops or dies over it leads nothing; who does is not this transfer's business.
  const bool lost = !MayLead(transfer.to) && !KRONIKA_PLANTED("lost-successor-waited-for");
  if (group != nullptr && !given_up && !led_elsewhere && !lost &&
      environment_.loop.Now() < transfer.until)
    return false;
  ++counters_.failed;
  return true;
}

void LeaderTransfers::SayStopping() {
  environment_.groups.StandAside();
  if (KRONIKA_PLANTED("stops-in-silence")) return;
  for (const auto& peer : environment_.groups.Peers()) {
    if (!peer.connected) continue;
    environment_.groups.calls().Start(peer.id, std::to_underlying(CallKind::kStopping), Slice(),
                                      kStoppingPatience, [](Result<Slice>) {});
  }
}

}  // namespace kronika::broker
