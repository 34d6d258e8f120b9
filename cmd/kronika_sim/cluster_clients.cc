// The clients of a simulated cluster: idempotent producers, and readers of single replicas.
#include <fmt/format.h>

#include "cmd/kronika_sim/cluster_producer.h"
#include "cmd/kronika_sim/cluster_world.h"
#include "wal/record_builder.h"
#include "wal/record_reader.h"

namespace kronika::sim {

using std::chrono::milliseconds;

constexpr Duration kRetryPause = milliseconds(40);
constexpr Duration kPatience = milliseconds(1500);

void ClusterWorld::StartProducers() {
  producing_ = true;
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    for (int i = 0; i < 2; ++i) {
      auto producer = std::make_unique<Producer>();
      producer->id = 1000 + static_cast<std::int64_t>(producers_.size());
      producer->partition = partition;
      producers_.push_back(std::move(producer));
      Next(*producers_.back());
    }
  }
}

void ClusterWorld::Next(Producer& producer) {
  producer.settled = !producing_;
  if (!producing_) return;
  ++producer.sequence;
  producer.value = fmt::format("{}:{}", producer.id, producer.sequence);
  oracle_.Sent(producer.partition, producer.value);
  SendAgain(producer);
}

void ClusterWorld::Retry(Producer& producer) {
  clients_->Cancel(producer.timer);
  producer.timer = clients_->RunAfter(kRetryPause, [this, &producer] { SendAgain(producer); });
}

// To the broker that a random other one names as the leader, as a client with fresh metadata would.
void ClusterWorld::SendAgain(Producer& producer) {
  std::uint64_t attempt = ++producer.attempt;
  SimBroker* asked = AnyRunning();
  if (!asked) return Retry(producer);
  BrokerId leader = asked->broker().leadership().Find(topic_, producer.partition).leader;
  if (leader == kNoBroker) return Retry(producer);
  SimBroker& broker = BrokerOf(leader);
  if (!broker.running()) return Retry(producer);
  // A client that is not answered gives up on the connection and asks again.
  clients_->Cancel(producer.timer);
  producer.timer = clients_->RunAfter(kPatience, [this, &producer] { SendAgain(producer); });
  Slice batch =
      wal::RecordBuilder({.producer_id = producer.id,
                          .producer_epoch = 0,
                          .base_sequence = static_cast<std::int32_t>(producer.sequence - 1)})
          .Add({.timestamp = broker.loop().WallNowMs(), .value = producer.value})
          .Build();
  auto answered = [this, &producer, attempt](broker::AppendResult result) {
    clients_->Post([this, &producer, attempt, result = std::move(result)] {
      if (attempt != producer.attempt) return;  // answered too late, and asked again since
      if (result.error != broker::KafkaError::kNone) {
        Count("refused " + std::string(kafka::Name(result.error)));
        if (result.error == broker::KafkaError::kOutOfOrderSequenceNumber ||
            result.error == broker::KafkaError::kInvalidProducerEpoch) {
          return Violation(fmt::format("producer {} of partition {}: {} at {}", producer.id,
                                       producer.partition, kafka::Name(result.error),
                                       producer.value));
        }
        return Retry(producer);
      }
      clients_->Cancel(producer.timer);
      oracle_.Acknowledged(producer.partition, result.base_offset, producer.value);
      Count("acknowledged");
      producer.timer =
          clients_->RunAfter(milliseconds(rng_.Below(20)), [this, &producer] { Next(producer); });
    });
  };
  broker.loop().Post([this, &broker, partition = producer.partition, batch = std::move(batch),
                      answered = std::move(answered)]() mutable {
    auto* replica = broker.running() ? broker.broker().replicas().Find(topic_, partition) : nullptr;
    if (!replica) return answered({.error = broker::KafkaError::kNotLeaderOrFollower});
    replica->Append({.batch = std::move(batch), .acks = broker::Acks::kAll, .produce_version = 9},
                    std::move(answered));
  });
}

std::optional<std::vector<OracleRecord>> ClusterWorld::ReadReplica(SimBroker& broker,
                                                                   std::int32_t partition) {
  std::vector<OracleRecord> records;
  std::int64_t next = 0;
  for (;;) {
    auto* replica = broker.broker().replicas().Find(topic_, partition);
    if (!replica) return std::nullopt;
    std::optional<broker::ReadResult> read;
    replica->Read({.offset = next, .bytes_max = 64 << 10, .first_batch_whole = true},
                  [&](broker::ReadResult result) { read = std::move(result); });
    if (!scheduler_.RunUntilTrue([&] { return read.has_value(); }, std::chrono::seconds(10)))
      return std::nullopt;
    if (read->error != broker::KafkaError::kNone) return std::nullopt;
    if (read->records.empty()) return records;
    Slice bytes = Flatten(read->records);
    for (std::size_t at = 0; at < bytes.size();) {
      auto header = wal::ParseCheckedBatch(bytes.bytes().subspan(at));
      if (!header) return std::nullopt;
      wal::RecordReader reader(bytes.bytes().subspan(at, header->total_bytes), *header);
      for (auto record = reader.Next(); record && *record; record = reader.Next()) {
        if ((*record)->offset >= next) {
          records.push_back(
              {(*record)->offset, std::string(AsText((*record)->value.value_or(Bytes{})))});
        }
      }
      at += header->total_bytes;
      next = header->next_offset();
    }
  }
}

}  // namespace kronika::sim
