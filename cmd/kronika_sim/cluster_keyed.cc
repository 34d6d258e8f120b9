// See cluster_keyed.h.
#include "cmd/kronika_sim/cluster_keyed.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "proto/kafka/create_topics.h"
#include "proto/kafka/init_producer_id.h"
#include "wal/record_builder.h"
#include "wal/record_reader.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr Duration kPause = milliseconds(60);
constexpr std::int32_t kRequestMs = 1000;
constexpr std::int64_t kRetentions[] = {0, 1500, 86'400'000};

std::string Shown(const std::optional<std::string>& value) {
  return value ? value->substr(0, value->find('.')) : std::string("a deletion");
}

}  // namespace

bool ParseKeyed(const Slices& batches, std::int64_t& next, std::vector<KeyedWrite>& out) {
  const Slice bytes = Flatten(batches);
  for (std::size_t at = 0; at < bytes.size();) {
    const auto header = wal::ParseCheckedBatch(bytes.bytes().subspan(at));
    if (!header) return false;
    wal::RecordReader reader(bytes.bytes().subspan(at, header->total_bytes), *header);
    while (true) {
      auto record = reader.Next();
      if (!record) return false;
      if (*record == nullptr) break;
      if ((*record)->offset < next) continue;
      KeyedWrite write{(*record)->offset,
                       std::string(AsText((*record)->key.value_or(Bytes{}))),
                       std::nullopt,
                       {}};
      if ((*record)->value) write.value = AsText(*(*record)->value);
      out.push_back(std::move(write));
    }
    at += header->total_bytes;
    next = std::max(next, header->next_offset());
  }
  return true;
}

SimKeyed::SimKeyed(ClientWorld& world, std::string topic)
    : world_(world),
      topic_(std::move(topic)),
      client_(world, "keyed"),
      version_(world.Version(3, 11)),
      delete_retention_ms_(kRetentions[world.rng.Below(3)]),
      keys_(1 + world.rng.Below(40)) {}

void SimKeyed::Stop() {
  world_.loop.Cancel(timer_);
  client_.Stop();
}

void SimKeyed::Later(Duration pause, void (SimKeyed::*next)()) {
  timer_ = world_.loop.RunAfter(pause, [this, next] { (this->*next)(); });
}

void SimKeyed::Create() {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = kRequestMs;
  auto& topic = request.topics.emplace_back();
  topic.name = topic_;
  topic.num_partitions = 1;
  topic.replication_factor = 3;
  topic.configs.push_back({.name = "cleanup.policy", .value = "compact"});
  topic.configs.push_back({.name = "min.insync.replicas", .value = "2"});
  topic.configs.push_back({.name = "segment.ms", .value = "100"});
  topic.configs.push_back({.name = "min.cleanable.dirty.ratio", .value = "0.01"});
  const std::string retention = std::to_string(delete_retention_ms_);
  topic.configs.push_back({.name = "delete.retention.ms", .value = retention});
  client_.Ask<kafka::CreateTopicsRequest>(
      world_.AnyBroker(), request, world_.Version(2, 7),
      [this](Result<kafka::CreateTopicsResponse> answer) {
        const bool known = answer && answer->topics.size() == 1 &&
                           (answer->topics[0].error_code == KafkaError::kNone ||
                            answer->topics[0].error_code == KafkaError::kTopicAlreadyExists);
        Later(kPause, known ? &SimKeyed::FindId : &SimKeyed::Create);
      });
}

void SimKeyed::FindId() {
  client_.Refresh(topic_, [this] {
    if (client_.topic_error() != KafkaError::kNone || client_.topic_id().IsZero())
      return Later(kPause, &SimKeyed::FindId);
    topic_id_ = client_.topic_id();
    AskIdentity();
  });
}

void SimKeyed::AskIdentity() {
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  client_.Ask<kafka::InitProducerIdRequest>(
      world_.AnyBroker(), request, world_.Version(0, 5),
      [this](Result<kafka::InitProducerIdResponse> answer) {
        if (!answer || answer->error_code != KafkaError::kNone)
          return Later(kPause, &SimKeyed::AskIdentity);
        producer_ = answer->producer_id;
        epoch_ = answer->producer_epoch;
        if (!world_.oracle.TakeProducerId(producer_))
          return world_.Violation(fmt::format("producer id {} is given twice", producer_));
        creating_ = false;
        Next();
      });
}

void SimKeyed::Next() {
  if (batch_.empty() && finishing_) return;
  if (batch_.empty()) {
    for (std::uint64_t left = 1 + world_.rng.Below(4); left > 0; --left) {
      KeyedWrite write{.key = fmt::format("k{}", world_.rng.Below(keys_))};
      if (!world_.rng.Chance(0.25)) {
        // A batch has room in the smallest journals, too.
        const std::size_t padding = world_.rng.Chance(0.1)
                                        ? std::min<std::size_t>(12'000, world_.batch_bytes_max / 5)
                                        : 800;
        write.value = fmt::format("{}.{}", ++values_, std::string(world_.rng.Below(padding), 'v'));
      }
      batch_.push_back(std::move(write));
    }
  }
  client_.Refresh(topic_, [this] { Send(); });
}

void SimKeyed::Send() {
  const BrokerId leader = client_.Leader(0).broker;
  if (leader.value < 1 || client_.topic_id() != topic_id_) return Later(kPause, &SimKeyed::Next);
  wal::RecordBuilder builder(
      {.producer_id = producer_, .producer_epoch = epoch_, .base_sequence = sequence_});
  for (const auto& write : batch_)
    builder.Add({.timestamp = world_.loop.WallNowMs(), .key = write.key, .value = write.value});
  kafka::ProduceRequest request;
  request.transactional_id = std::nullopt;
  request.acks = -1;
  request.timeout_ms = kRequestMs;
  auto& topic = request.topic_data.emplace_back();
  topic.name = topic_;
  auto& partition = topic.partition_data.emplace_back();
  partition.index = 0;
  partition.records = builder.Build();
  client_.Ask<kafka::ProduceRequest>(
      leader, request, version_,
      [this](Result<kafka::ProduceResponse> answer) { Answered(std::move(answer)); });
}

void SimKeyed::Answered(Result<kafka::ProduceResponse> answer) {
  if (!answer) {
    last_failure_ = answer.error().Describe();
    return Later(kPause, &SimKeyed::Next);
  }
  if (answer->responses.size() != 1 || answer->responses[0].partition_responses.size() != 1)
    return world_.Violation("a Produce answer without its partition");
  const auto& partition = answer->responses[0].partition_responses[0];
  if (partition.error_code != KafkaError::kNone) {
    last_failure_ = kafka::Name(partition.error_code);
    return Later(kPause, &SimKeyed::Next);
  }
  const auto expected = static_cast<std::int64_t>(written_.size());
  if (partition.base_offset != expected) {
    return world_.Violation(fmt::format("{}-0: a batch is acknowledged at {} and not {}", topic_,
                                        partition.base_offset, expected));
  }
  for (auto& write : batch_) {
    write.offset = static_cast<std::int64_t>(written_.size());
    write.acknowledged = world_.loop.Now();
    written_.push_back(std::move(write));
  }
  sequence_ += static_cast<std::int32_t>(batch_.size());
  batch_.clear();
  world_.Count("keyed batches");
  Later(world_.rng.Chance(0.2) ? milliseconds(world_.rng.Below(300)) : Duration{}, &SimKeyed::Next);
}

std::string SimKeyed::CheckReplica(const std::vector<KeyedWrite>& records, Instant now) const {
  std::map<std::string, const KeyedWrite*> model, found;
  for (const auto& write : written_) model[write.key] = &write;
  for (const auto& record : records) {
    const auto number = static_cast<std::size_t>(record.offset);
    if (number >= written_.size()) return fmt::format("offset {} was never written", record.offset);
    const KeyedWrite& write = written_[number];
    if (record.key != write.key || record.value != write.value) {
      return fmt::format("offset {} has {} of {}, and {} of {} was written", record.offset,
                         Shown(record.value), record.key, Shown(write.value), write.key);
    }
    found[record.key] = &write;
  }
  for (const auto& [key, last] : model) {
    const auto known = found.find(key);
    const bool gone = known == found.end();
    if (!gone && known->second == last) continue;
    const bool kept_long_enough = now - last->acknowledged >= milliseconds(delete_retention_ms_);
    if (gone && !last->value && kept_long_enough) continue;
    return fmt::format(
        "{} ends with {} at {}, and a reader knows {}", key, Shown(last->value), last->offset,
        gone ? std::string("nothing of it")
             : fmt::format("{} at {}", Shown(known->second->value), known->second->offset));
  }
  return "";
}

std::string SimKeyed::Describe() const {
  return fmt::format("\n  keyed writer of {}: {} written, {} under way; last failure: {}", topic_,
                     written_.size(), batch_.size(), last_failure_);
}

}  // namespace kronika::sim
