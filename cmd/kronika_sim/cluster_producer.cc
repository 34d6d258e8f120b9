// Batches, repetitions and answers; see cluster_producer.h.
#include "cmd/kronika_sim/cluster_producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/kafka/init_producer_id.h"
#include "wal/record_builder.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr Duration kRetryPause = milliseconds(40);
constexpr std::int32_t kRequestMs = 1000;
constexpr std::size_t kWindow = 5;
constexpr double kPauseChance = 0.4;
constexpr std::uint64_t kPauseMs = 400;
constexpr std::size_t kCrowdWindow = 16;
constexpr std::uint64_t kCrowdRush = 6000;  // values without a pause between them
constexpr std::int64_t kCrowdIds = std::int64_t{1} << 40;

}  // namespace

SimProducer::SimProducer(ClientWorld& world, ProducerPlan plan, std::uint64_t number)
    : client_(world, fmt::format("producer-{}", number)),
      plan_(std::move(plan)),
      number_(number),
      version_(world.Version(3, 11)),
      window_(plan_.crowd ? kCrowdWindow : 1 + world.rng.Below(kWindow)) {}

void SimProducer::Start() {
  if (plan_.idempotent) return AskIdentity();
  RetryLater();
}

void SimProducer::AskIdentity() {
  auto& world = client_.world();
  if (finishing_) {
    settled_ = true;
    return;
  }
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  client_.Ask<kafka::InitProducerIdRequest>(
      world.AnyBroker(), request, world.Version(0, 5),
      [this](Result<kafka::InitProducerIdResponse> answer) {
        auto& shared = client_.world();
        if (!answer || answer->error_code != KafkaError::kNone) {
          timer_ = shared.loop.RunAfter(kRetryPause, [this] { AskIdentity(); });
          return;
        }
        id_ = answer->producer_id;
        epoch_ = answer->producer_epoch;
        if (!shared.oracle.TakeProducerId(id_))
          return shared.Violation(fmt::format("producer id {} is given twice", id_));
        RetryLater();
      });
}

void SimProducer::GiveUp() {
  client_.world().loop.Cancel(timer_);
  client_.Stop();
  batches_.clear();
  settled_ = true;
}

bool SimProducer::Quiet() const {
  return std::ranges::none_of(batches_, [](const auto& batch) { return batch->in_flight; });
}

void SimProducer::Pump() {
  if (settled_ || waiting_) return;
  if (repeating_) {
    if (!Quiet()) return;
    repeating_ = false;
    return RetryLater();
  }
  const std::size_t window = known_ || !plan_.idempotent ? window_ : 1;
  // A broker remembers five batches of a producer, so one that is acknowledged before an earlier
  // one still takes its place (KIP-98, max.in.flight 5).
  const auto open = [&] {
    return batches_.empty() ? 0 : batches_made_ - batches_.front()->number + 1;
  };
  while (!finishing_ && open() < window) batches_.push_back(NewBatch());
  SendUnsent();
}

void SimProducer::SendUnsent() {
  const std::size_t window = known_ || !plan_.idempotent ? window_ : 1;
  const auto batches = batches_;
  std::size_t sent = 0;
  for (const auto& batch : batches) {
    if (++sent > window) break;
    if (!batch->in_flight && !Send(batch)) return RetryLater();
  }
}

// Asks for the leader first, as a client with stale metadata does.
void SimProducer::RetryLater() {
  if (std::exchange(waiting_, true)) return;
  timer_ = client_.world().loop.RunAfter(kRetryPause, [this] {
    client_.Refresh(plan_.topic, [this] {
      waiting_ = false;
      // Requests name the topic, so what is shown must be the topic that is meant.
      if (client_.topic_id() != plan_.topic_id) return RetryLater();
      Pump();
    });
  });
}

SimProducer::BatchPtr SimProducer::NewBatch() {
  auto& world = client_.world();
  auto batch = std::make_shared<Batch>();
  batch->sequence = next_sequence_;
  batch->number = ++batches_made_;
  for (std::uint64_t left = 1 + world.rng.Below(3); left > 0; --left) {
    batch->values.push_back(
        fmt::format("{}{}:{}", plan_.idempotent ? 'i' : 'o', number_, next_value_++));
    world.oracle.Sent(batch->values.back());
  }
  next_sequence_ += static_cast<std::int32_t>(batch->values.size());
  return batch;
}

Slice SimProducer::Build(const Batch& batch) {
  auto& world = client_.world();
  wal::RecordBuilder::Options options;
  if (plan_.idempotent) {
    options.producer_id = id_;
    options.producer_epoch = epoch_;
    options.base_sequence = batch.sequence;
  }
  if (plan_.crowd) {
    options.producer_id = kCrowdIds + (static_cast<std::int64_t>(number_) << 24) + batch.sequence;
    options.producer_epoch = 0;
    options.base_sequence = 0;
  }
  wal::RecordBuilder builder(options);
  for (const auto& value : batch.values) {
    const std::string key(world.rng.Below(plan_.value_bytes_max), 'k');
    builder.Add({.timestamp = world.loop.WallNowMs(), .key = key, .value = value});
  }
  return builder.Build();
}

bool SimProducer::Send(const BatchPtr& batch) {
  const BrokerId leader = client_.Leader(plan_.partition).broker;
  if (leader.value < 1) return false;
  kafka::ProduceRequest request;
  request.transactional_id = std::nullopt;
  request.acks = plan_.idempotent ? -1 : 1;
  request.timeout_ms = kRequestMs;
  auto& topic = request.topic_data.emplace_back();
  topic.name = plan_.topic;
  auto& partition = topic.partition_data.emplace_back();
  partition.index = plan_.partition;
  partition.records = Build(*batch);
  batch->in_flight = true;
  client_.Ask<kafka::ProduceRequest>(
      leader, request, version_,
      [this, batch](Result<kafka::ProduceResponse> answer) { Answered(batch, std::move(answer)); });
  return true;
}

void SimProducer::Answered(const BatchPtr& batch, Result<kafka::ProduceResponse> answer) {
  auto& world = client_.world();
  batch->in_flight = false;
  if (!answer) {
    world.Count("produce: no answer");
    Failed(batch, answer.error().Describe());
    return Pump();
  }
  if (answer->responses.size() != 1 || answer->responses[0].partition_responses.size() != 1)
    return world.Violation("a Produce answer without its partition");
  const auto& partition = answer->responses[0].partition_responses[0];
  if (partition.error_code == KafkaError::kNone) {
    Acknowledge(batch, partition.base_offset);
    return Pump();
  }
  const std::string name(kafka::Name(partition.error_code));
  world.Count("refused " + name);
  const bool in_turn = !batches_.empty() && batches_.front() == batch;
  const bool fatal = partition.error_code == KafkaError::kInvalidProducerEpoch ||
                     (partition.error_code == KafkaError::kOutOfOrderSequenceNumber && in_turn);
  if (plan_.idempotent && fatal) {
    return world.Violation(fmt::format("producer {} of {}-{}: {} at {}", number_, plan_.topic,
                                       plan_.partition, name, batch->values.front()));
  }
  Failed(batch, name);
  Pump();
}

void SimProducer::Acknowledge(const BatchPtr& batch, std::int64_t base_offset) {
  auto& world = client_.world();
  known_ = true;
  world.Count(plan_.idempotent ? "acknowledged" : "acknowledged, acks=1");
  if (plan_.promised) {
    std::int64_t offset = base_offset;
    for (const auto& value : batch->values) {
      const auto wrong =
          world.oracle.Acknowledged({plan_.topic_id, plan_.partition}, offset++, value);
      if (!wrong.empty())
        world.Violation(fmt::format("{}-{}: {}", plan_.topic, plan_.partition, wrong));
    }
  }
  Forget(batch);
  if (waiting_ || repeating_) return;
  // Bursts with pauses between them, so that logs come to rest, too.
  if (plan_.crowd && next_value_ < kCrowdRush) return;
  if (!world.rng.Chance(kPauseChance)) return;
  waiting_ = true;
  timer_ = world.loop.RunAfter(milliseconds(world.rng.Below(kPauseMs)), [this] {
    waiting_ = false;
    Pump();
  });
}

void SimProducer::Failed(const BatchPtr& batch, const std::string& why) {
  last_failure_ = why;
  repeating_ = true;
  if (!plan_.idempotent) Forget(batch);
}

void SimProducer::Forget(const BatchPtr& batch) {
  std::erase(batches_, batch);
}

std::string SimProducer::Describe() const {
  return fmt::format("producer {} of {}-{}: {} batches wait, the first from {}; last failure: {}{}",
                     number_, plan_.topic, plan_.partition, batches_.size(),
                     batches_.empty() ? std::string("-") : batches_.front()->values.front(),
                     last_failure_, waiting_ ? "; pauses" : "");
}

}  // namespace kronika::sim
