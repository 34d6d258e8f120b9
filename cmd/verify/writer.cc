// Writer; see writer.h.
#include "cmd/verify/writer.h"

#include "cmd/verify/value.h"

namespace kronika::verify {
namespace {

constexpr std::size_t kOutstandingBatchesMax = 64;
constexpr client::Milliseconds kRestartPause{200};

}  // namespace

void Writer::Run() {
  began_ = client::Now();
  client::Cluster cluster(options_.client);
  while (client::Now() < options_.end && RunProducer(cluster)) client::Pause(kRestartPause);
  --counters_.writers_left;
}

void Writer::SendBatch(client::Producer& producer, std::int32_t partition) {
  std::int64_t& next = next_sequence_[partition];
  std::vector<std::string> values;
  for (std::size_t i = 0; i < options_.batch_records; ++i) {
    values.push_back(MakeValue({.run = options_.run,
                                .producer = number_,
                                .partition = partition,
                                .sequence = next + static_cast<std::int64_t>(i)},
                               options_.value_bytes));
  }
  std::vector<wal::NewRecord> records;
  for (const auto& value : values) {
    records.push_back({.timestamp = client::WallMilliseconds(), .value = value});
  }
  const auto count = static_cast<std::int64_t>(records.size());
  history_.Add(EventLine({.kind = EventKind::kInvoke,
                          .time_us = client::WallMicroseconds(),
                          .producer = number_,
                          .partition = partition,
                          .first = next,
                          .last = next + count - 1}));
  producer.Send(partition, records, static_cast<std::uint64_t>(next));
  next += count;
  records_sent_ += static_cast<double>(count);
}

void Writer::WaitForTurn(client::Producer& producer) {
  if (options_.records_per_second <= 0) return;
  const std::chrono::duration<double> due(records_sent_ / options_.records_per_second);
  const auto turn = began_ + std::chrono::duration_cast<client::Moment::duration>(due);
  while (client::Now() < turn) {
    const auto wait = std::min(client::Left(turn), client::Milliseconds(10));
    if (producer.outstanding() == 0) {
      client::Pause(wait);
    } else if (!producer.Poll(wait)) {
      return;
    }
  }
}

bool Writer::RunProducer(client::Cluster& cluster) {
  number_ = counters_.next_producer++;
  next_sequence_.clear();
  const auto on_delivery = [this](const client::Delivery& delivery) {
    const auto first = static_cast<std::int64_t>(delivery.tag);
    history_.Add(EventLine({.kind = delivery.error ? EventKind::kUnknown : EventKind::kAck,
                            .time_us = client::WallMicroseconds(),
                            .producer = number_,
                            .partition = delivery.partition,
                            .first = first,
                            .last = first + static_cast<std::int64_t>(delivery.records) - 1,
                            .offset = delivery.base_offset}));
    if (delivery.attempts > 1) counters_.repeated += delivery.attempts - 1;
    if (delivery.error) {
      counters_.unknown += delivery.records;
      return;
    }
    counters_.acknowledged += delivery.records;
    counters_.bytes += delivery.records * options_.value_bytes;
  };
  client::Producer producer(cluster, options_.topic, options_.producer, on_delivery);
  // Without a leader for each partition there is nothing to start with; the next round asks again.
  if (!producer.Start(client::Now() + options_.client.request_timeout)) return true;
  history_.Add(ProducerLine(number_, options_.producer.idempotent));
  const auto& partitions = producer.topic().partitions;
  // Each begins elsewhere, so that few producers touch many partitions.
  std::vector<std::int32_t> order;
  for (const auto& each : partitions) order.push_back(each.index);
  std::size_t turn = static_cast<std::size_t>(number_) * 7;
  Status status;
  while (status && client::Now() < options_.end) {
    WaitForTurn(producer);
    SendBatch(producer, order[turn++ % order.size()]);
    do {
      status = producer.Poll(
          client::Milliseconds(producer.outstanding() >= kOutstandingBatchesMax ? 100 : 0));
    } while (status && producer.outstanding() >= kOutstandingBatchesMax);
  }
  if (status) status = producer.Flush();
  if (!status) ++counters_.ended_producers;
  return !status;
}

}  // namespace kronika::verify
