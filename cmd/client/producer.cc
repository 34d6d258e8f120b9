// Producer; see producer.h.
#include "cmd/client/producer.h"

#include <algorithm>

#include "proto/kafka/produce.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

constexpr Milliseconds kTellAfter{1'000};  // a batch that is younger does not count as waiting

// Sequences go on with 0 after 2^31 - 1.
std::int32_t Advance(std::int32_t sequence, std::size_t records) {
  const auto next = static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(records);
  return static_cast<std::int32_t>(next & 0x7fffffffU);
}

}  // namespace

Producer::Producer(Cluster& cluster, std::string topic, ProducerOptions options,
                   OnDelivery on_delivery)
    : cluster_(cluster),
      topic_(std::move(topic)),
      options_(options),
      on_delivery_(std::move(on_delivery)) {}

Status Producer::Start(Moment deadline) {
  auto info = cluster_.AwaitLeaders(topic_, deadline);
  if (!info) return std::unexpected(std::move(info).error());
  info_ = std::move(*info);
  if (!options_.idempotent) return {};
  auto identity = InitProducerId(cluster_, deadline);
  if (!identity) return std::unexpected(std::move(identity).error());
  identity_ = *identity;
  return {};
}

void Producer::Send(std::int32_t partition, std::span<const wal::NewRecord> records,
                    std::uint64_t tag) {
  PartitionQueue& of = queues_[partition];
  wal::RecordBuilder::Options options{.codec = options_.codec};
  if (options_.idempotent) {
    options.producer_id = identity_.id;
    options.producer_epoch = identity_.epoch;
    options.base_sequence = of.next_sequence;
    of.next_sequence = Advance(of.next_sequence, records.size());
  }
  wal::RecordBuilder builder(options);
  for (const auto& record : records) builder.Add(record);
  auto batch = std::make_shared<Batch>();
  batch->partition = partition;
  batch->tag = tag;
  batch->records = records.size();
  batch->bytes = builder.Build();
  batch->queued_at = Now();
  of.queue.push_back(std::move(batch));
  ++outstanding_;
}

std::size_t Producer::outstanding(std::int32_t partition) const {
  const auto found = queues_.find(partition);
  return found == queues_.end() ? 0 : found->second.queue.size();
}

Status Producer::Poll(Milliseconds wait) {
  if (!fatal_) Dispatch();
  if (!fatal_) Await(Now() + wait);
  if (!fatal_) EndOverdue();
  if (!fatal_) return {};
  const Error error = *fatal_;
  Abandon(error);
  return std::unexpected(error);
}

Status Producer::Flush() {
  while (outstanding_ > 0) KRONIKA_TRY(Poll(Milliseconds(100)));
  return {};
}

void Producer::Abandon(const Error& error) {
  for (auto& [broker, requests] : requests_) {
    if (!requests.empty()) cluster_.Drop(broker);
  }
  requests_.clear();
  for (auto& [index, of] : queues_) {
    while (!of.queue.empty()) {
      const BatchPtr batch = of.queue.front();
      Deliver(batch, -1, error);
    }
  }
}

void Producer::RefreshLeaders() {
  const Moment now = Now();
  if (!stale_ || now < refresh_at_) return;
  refresh_at_ = now + cluster_.options().retry_pause;
  auto info = cluster_.DescribeTopic(topic_);
  if (!info) return;
  info_ = std::move(*info);
  stale_ = std::ranges::any_of(info_.partitions, [](const auto& each) { return each.leader < 0; });
}

// Invariant 1.
Producer::BatchPtr Producer::NextOf(const PartitionQueue& of, Moment now) const {
  if (of.queue.empty()) return nullptr;
  const bool repeating =
      std::ranges::any_of(of.queue, [](const auto& batch) { return batch->failed; });
  const bool one_by_one = repeating || (options_.idempotent && !of.known);
  if (!one_by_one) {
    const auto found = std::ranges::find(of.queue, false, &Batch::in_flight);
    return found == of.queue.end() ? nullptr : *found;
  }
  const bool quiet =
      std::ranges::none_of(of.queue, [](const auto& batch) { return batch->in_flight; });
  const BatchPtr& front = of.queue.front();
  return quiet && front->not_before <= now ? front : nullptr;
}

std::vector<Producer::BatchPtr> Producer::CollectFor(std::int32_t broker, Moment now) {
  std::vector<BatchPtr> out;
  std::size_t bytes = 0;
  const std::size_t count = info_.partitions.size();
  for (std::size_t i = 0; i < count; ++i) {
    const PartitionInfo& partition = info_.partitions[(first_partition_ + i) % count];
    if (partition.leader != broker) continue;
    BatchPtr batch = NextOf(queues_[partition.index], now);
    if (!batch) continue;
    if (!out.empty() && bytes + batch->bytes.size() > options_.request_bytes_max) {
      first_partition_ = (first_partition_ + i) % count;
      break;
    }
    bytes += batch->bytes.size();
    out.push_back(std::move(batch));
  }
  return out;
}

void Producer::Dispatch() {
  RefreshLeaders();
  const Moment now = Now();
  std::vector<std::int32_t> leaders;
  for (const auto& partition : info_.partitions) {
    if (partition.leader >= 0) leaders.push_back(partition.leader);
  }
  std::ranges::sort(leaders);
  leaders.erase(std::ranges::unique(leaders).begin(), leaders.end());
  for (const auto broker : leaders) {
    while (requests_[broker].size() < options_.in_flight_max) {
      auto batches = CollectFor(broker, now);
      if (batches.empty() || !SendTo(broker, std::move(batches))) break;
    }
  }
}

bool Producer::SendTo(std::int32_t broker, std::vector<BatchPtr> batches) {
  auto connection = cluster_.To(broker);
  if (!connection) {
    LoseBroker(broker, connection.error());
    for (const auto& batch : batches) Failed(batch, connection.error(), true);
    return false;
  }
  kafka::ProduceRequest request;
  request.transactional_id = std::nullopt;
  request.acks = options_.acks;
  request.timeout_ms = static_cast<std::int32_t>(cluster_.options().request_timeout.count());
  auto& topic = request.topic_data.emplace_back();
  topic.name = topic_;
  for (const auto& batch : batches) {
    auto& partition = topic.partition_data.emplace_back();
    partition.index = batch->partition;
    partition.records = batch->bytes;
    ++batch->attempts;
    batch->in_flight = true;
  }
  const Moment deadline = Now() + cluster_.options().request_timeout;
  auto version = (*connection)->VersionOf(kafka::ApiKey::kProduce, {3, 127});
  if (!version) {
    fatal_ = std::move(version).error();
    return false;
  }
  const bool answered = options_.acks != 0;
  if (answered) requests_[broker].push_back({.batches = batches, .deadline = deadline});
  if (auto sent = (*connection)->Send(request, *version, deadline, answered); !sent) {
    LoseBroker(broker, sent.error());
    if (!answered) {
      for (const auto& batch : batches) Failed(batch, sent.error(), true);
    }
    return false;
  }
  if (!answered) {
    for (const auto& batch : batches) Deliver(batch, -1, std::nullopt);
  }
  return true;
}

void Producer::Await(Moment deadline) {
  std::vector<int> descriptors;
  std::vector<std::int32_t> brokers;
  for (const auto& [broker, requests] : requests_) {
    if (requests.empty()) continue;
    auto connection = cluster_.To(broker);
    if (!connection) continue;  // LoseBroker() has emptied its requests, or EndOverdue() will
    descriptors.push_back((*connection)->descriptor());
    brokers.push_back(broker);
    deadline = std::min(deadline, requests.front().deadline);
  }
  // What waits to be repeated is looked at again soon.
  if (stale_) deadline = std::min(deadline, std::max(refresh_at_, Now() + Milliseconds(1)));
  if (descriptors.empty()) {
    if (outstanding_ > 0) Pause(std::min(Left(deadline), cluster_.options().retry_pause));
    return;
  }
  for (const auto index : AwaitReadable(descriptors, deadline)) Receive(brokers[index]);
}

void Producer::Receive(std::int32_t broker) {
  auto connection = cluster_.To(broker);
  if (!connection) return LoseBroker(broker, connection.error());
  auto answer =
      (*connection)->Receive<kafka::ProduceResponse>(Now() + cluster_.options().request_timeout);
  if (!answer) return LoseBroker(broker, answer.error());
  auto& requests = requests_[broker];
  const Request request = std::move(requests.front());
  requests.pop_front();
  Take(*answer, request);
}

void Producer::Take(const kafka::ProduceResponse& answer, const Request& request) {
  std::vector<BatchPtr> left = request.batches;
  for (const auto& topic : answer.responses) {
    for (const auto& each : topic.partition_responses) {
      const auto found = std::ranges::find(left, each.index, &Batch::partition);
      if (found == left.end()) continue;
      const BatchPtr batch = *found;
      left.erase(found);
      Conclude(batch, each.error_code, each.base_offset);
    }
  }
  for (const auto& batch : left) {
    Failed(batch, {ErrorCode::kCorruption, "the broker's answer leaves the partition out"}, true);
  }
}

void Producer::LoseBroker(std::int32_t broker, const Error& error) {
  cluster_.Drop(broker);
  stale_ = true;
  const auto lost = std::exchange(requests_[broker], {});
  for (const auto& request : lost) {
    for (const auto& batch : request.batches) Failed(batch, error, true);
  }
}

void Producer::EndOverdue() {
  const Moment now = Now();
  std::vector<std::int32_t> late;
  for (const auto& [broker, requests] : requests_) {
    if (!requests.empty() && requests.front().deadline <= now) late.push_back(broker);
  }
  for (const auto broker : late) {
    LoseBroker(broker,
               {ErrorCode::kTimedOut, "no answer in time", "broker " + std::to_string(broker)});
  }
  for (auto& [index, of] : queues_) {
    if (of.queue.empty()) continue;
    const BatchPtr front = of.queue.front();
    const auto age = now - front->queued_at;
    const bool overdue = !front->in_flight && age >= options_.delivery_timeout;
    if (!overdue && (age < kTellAfter || !cluster_.options().waits)) continue;
    Error why = WhyNotAcknowledged(*front);
    if (!overdue) {
      cluster_.TellWaiting(why);
      continue;
    }
    why.text = "not acknowledged within " + std::to_string(options_.delivery_timeout.count()) +
               " ms: " + why.text;
    why.code = ErrorCode::kTimedOut;
    Failed(front, std::move(why), false);
  }
}

Error Producer::WhyNotAcknowledged(const Batch& batch) const {
  const PartitionInfo* partition = info_.Find(batch.partition);
  const std::string where = topic_ + "-" + std::to_string(batch.partition);
  if (partition == nullptr || partition->leader < 0)
    return {ErrorCode::kUnavailable, "the partition has no leader", where};
  const std::string leader = "its leader, broker " + std::to_string(partition->leader) + ",";
  if (!batch.last_error) return {ErrorCode::kUnavailable, leader + " has not answered", where};
  return {batch.last_error->code, leader + " last: " + batch.last_error->text, where};
}

void Producer::Conclude(const BatchPtr& batch, KafkaError error, std::int64_t base_offset) {
  if (error == KafkaError::kNone) return Deliver(batch, base_offset, std::nullopt);
  // The broker has it, and no longer knows where.
  if (options_.idempotent && error == KafkaError::kDuplicateSequenceNumber) {
    return Deliver(batch, -1, std::nullopt);
  }
  bool may_heal = kafka::IsRetriable(error);
  // Behind one that failed a sequence is missing; it is not once that one is stored.
  if (options_.idempotent && error == KafkaError::kOutOfOrderSequenceNumber) {
    may_heal = queues_[batch->partition].queue.front() != batch;
  }
  if (may_heal) stale_ = true;
  Failed(batch, FromKafka(error, topic_ + "-" + std::to_string(batch->partition)), may_heal);
}

void Producer::Failed(const BatchPtr& batch, Error error, bool may_heal) {
  batch->in_flight = false;
  batch->failed = true;
  batch->not_before = Now() + cluster_.options().retry_pause;
  batch->last_error = error;
  if (may_heal && options_.repeat) return;
  if (options_.idempotent && !fatal_) fatal_ = error;
  Deliver(batch, -1, std::move(error));
}

void Producer::Deliver(const BatchPtr& batch, std::int64_t base_offset,
                       std::optional<Error> error) {
  PartitionQueue& of = queues_[batch->partition];
  std::erase(of.queue, batch);
  if (!error) of.known = true;
  --outstanding_;
  const auto spent =
      std::chrono::duration_cast<std::chrono::microseconds>(Now() - batch->queued_at).count();
  on_delivery_({.partition = batch->partition,
                .tag = batch->tag,
                .records = batch->records,
                .base_offset = base_offset,
                .microseconds = static_cast<std::uint64_t>(spent),
                .attempts = batch->attempts,
                .error = std::move(error)});
}

}  // namespace kronika::client
