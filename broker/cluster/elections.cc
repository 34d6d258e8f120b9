// See elections.h.
#include "broker/cluster/elections.h"

#include <algorithm>
#include <utility>

namespace kronika::broker {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(50);
// Longer than a transfer takes until the leader gives it up.
constexpr Duration kAskAgain = std::chrono::milliseconds(1500);
constexpr Duration kPatience = std::chrono::seconds(2);

// Kafka's leader-election tool prints the text as it comes.
ElectionOutcome Told(KafkaError error) {
  const std::string_view text = error == KafkaError::kPreferredLeaderNotAvailable
                                    ? "The preferred leader was not available."
                                    : kafka::Text(error);
  return {.error = error, .text = std::string(text)};
}

}  // namespace

Elections::~Elections() {
  for (auto& [round, timer] : rounds_) environment_.loop.Cancel(timer);
}

void Elections::ElectPreferred(const std::vector<PartitionId>& partitions, Instant deadline,
                               Done done) {
  auto round = std::make_shared<Round>(Round{.deadline = deadline, .done = std::move(done)});
  for (const auto& partition : partitions) round->items.push_back({.partition = partition});
  auto look = [this, round] { Look(round, true); };
  rounds_[round] = environment_.loop.RunAfter(Duration{}, std::move(look));
}

void Elections::Judge(Item& item, bool first,
                      std::map<BrokerId, std::vector<std::size_t>>& by_leader,
                      std::size_t position) const {
  const auto topic = environment_.image()->FindTopic(item.partition.topic);
  const auto number = static_cast<std::size_t>(item.partition.number);
  if (!topic || number >= topic->partitions.size()) {
    item.outcome = Told(KafkaError::kUnknownTopicOrPartition);
    return;
  }
  const BrokerId preferred = topic->partitions[number]->members.voters.front().broker;
  const BrokerId leader =
      environment_.leadership.Find(item.partition.topic, item.partition.number).leader;
  if (leader == preferred) {
    item.outcome = first ? Told(KafkaError::kElectionNotNeeded) : ElectionOutcome{};
  } else if (!environment_.leadership.IsLive(preferred)) {
    item.outcome = Told(KafkaError::kPreferredLeaderNotAvailable);
  } else if (leader != kNoBroker &&
             (!item.ask_again || *item.ask_again <= environment_.loop.Now())) {
    by_leader[leader].push_back(position);
  }
}

void Elections::Look(const RoundPtr& round, bool first) {
  const Instant now = environment_.loop.Now();
  std::map<BrokerId, std::vector<std::size_t>> by_leader;
  for (std::size_t i = 0; i < round->items.size(); ++i) {
    Item& item = round->items[i];
    if (!item.outcome) Judge(item, first, by_leader, i);
    if (!item.outcome && now >= round->deadline) item.outcome = Told(KafkaError::kRequestTimedOut);
  }
  if (std::ranges::all_of(round->items,
                          [](const Item& item) { return item.outcome.has_value(); })) {
    rounds_.erase(round);
    std::vector<ElectionOutcome> outcomes;
    for (Item& item : round->items) outcomes.push_back(std::move(*item.outcome));
    return round->done(std::move(outcomes));
  }
  for (const auto& [leader, positions] : by_leader) Ask(round, leader, positions);
  auto look = [this, round] { Look(round, false); };
  rounds_[round] = environment_.loop.RunAt(std::min(now + kLook, round->deadline), std::move(look));
}

void Elections::Ask(const RoundPtr& round, BrokerId leader,
                    const std::vector<std::size_t>& positions) {
  std::vector<PartitionId> partitions;
  for (const auto position : positions) {
    round->items[position].ask_again = environment_.loop.Now() + kAskAgain;
    partitions.push_back(round->items[position].partition);
  }
  if (leader == environment_.self) {
    for (std::size_t i = 0; i < positions.size(); ++i)
      Take(round, positions[i], environment_.transfers.StartPreferred(partitions[i]));
    return;
  }
  environment_.calls.Start(
      leader, std::to_underlying(CallKind::kElectPreferred),
      Slice::CopyOf(EncodePartitions(partitions)), kPatience,
      [this, alive = std::weak_ptr(alive_), round, positions](Result<Slice> answer) {
        if (!alive.lock()) return;
        const auto answers = answer ? DecodeTransferAnswers(answer->bytes())
                                    : std::unexpected(std::move(answer).error());
        for (std::size_t i = 0; i < positions.size(); ++i) {
          const bool told = answers && i < answers->size();
          Take(round, positions[i], told ? (*answers)[i] : TransferAnswer::kNotLeader);
        }
      });
}

void Elections::Take(const RoundPtr& round, std::size_t position, TransferAnswer answer) const {
  Item& item = round->items[position];
  switch (answer) {
    case TransferAnswer::kStarted:
      return;
    case TransferAnswer::kBusy:
    case TransferAnswer::kNotLeader:
      item.ask_again.reset();
      return;
    case TransferAnswer::kNotAvailable:
      if (!item.outcome) item.outcome = Told(KafkaError::kPreferredLeaderNotAvailable);
      return;
  }
  std::unreachable();
}

}  // namespace kronika::broker
