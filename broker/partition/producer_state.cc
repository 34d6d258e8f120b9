// See producer_state.h.
#include "broker/partition/producer_state.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "base/planted.h"

namespace kronika::broker {
namespace {

constexpr std::size_t kBatchesKept = 5;  // as many as a client may have in flight
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kProducerBytesMin = 31;

bool Follows(std::int32_t first, std::int32_t last) {
  if (last == std::numeric_limits<std::int32_t>::max()) return first == 0;
  return first == last + 1;
}

}  // namespace

ProducerState::Batch ProducerState::ToBatch(const wal::BatchHeader& header) {
  return {header.base_sequence, header.last_sequence(), header.base_offset, header.max_timestamp};
}

ProducerVerdict ProducerState::Check(const wal::BatchHeader& batch,
                                     std::int64_t expiration_ms) const {
  if (!batch.has_producer_id()) return {};
  const Batch wanted = ToBatch(batch);
  const auto same = [&](const Batch& other) {
    return other.first_sequence == wanted.first_sequence &&
           other.last_sequence == wanted.last_sequence;
  };
  std::int16_t epoch = -1;
  std::optional<std::int32_t> last;
  if (auto known = applied_.find(batch.producer_id);
      known != applied_.end() && now_ms_ - known->second.last_append_time_ms <= expiration_ms) {
    const Producer& producer = known->second;
    epoch = producer.epoch;
    if (!producer.batches.empty()) last = producer.batches.back().last_sequence;
    const auto first = std::ranges::find_if(producer.batches, same);
    if (first != producer.batches.end() && epoch == batch.producer_epoch &&
        !KRONIKA_PLANTED("duplicate-appended-twice")) {
      return ProducerDuplicate{first->base_offset, first->timestamp, std::nullopt};
    }
  }
  if (auto in_flight = appended_.find(batch.producer_id); in_flight != appended_.end()) {
    for (const Appended& appended : in_flight->second) {
      if (appended.epoch == batch.producer_epoch && same(appended.batch)) {
        return ProducerDuplicate{appended.batch.base_offset, appended.batch.timestamp,
                                 appended.index};
      }
    }
    epoch = in_flight->second.back().epoch;
    last = in_flight->second.back().batch.last_sequence;
  }
  if (batch.producer_epoch < epoch) return KafkaError::kInvalidProducerEpoch;
  if (!last) return {};
  const bool in_order = batch.producer_epoch > epoch ? wanted.first_sequence == 0
                                                     : Follows(wanted.first_sequence, *last);
  if (!in_order) return KafkaError::kOutOfOrderSequenceNumber;
  return {};
}

void ProducerState::Append(Index index, const wal::BatchHeader& batch) {
  if (!batch.has_producer_id()) return;
  appended_[batch.producer_id].push_back({index, batch.producer_epoch, ToBatch(batch)});
}

void ProducerState::DropAppended() {
  appended_.clear();
}

void ProducerState::Record(Producer& producer, const wal::BatchHeader& header) {
  if (header.producer_epoch != producer.epoch) {
    producer.epoch = header.producer_epoch;
    producer.batches.clear();
  }
  if (header.base_sequence == wal::kNoSequence) return;  // a marker
  // The leader had forgotten the producer: what came before answers no retry any more.
  const bool follows = producer.batches.empty() ||
                       Follows(header.base_sequence, producer.batches.back().last_sequence);
  if (!follows && !KRONIKA_PLANTED("expired-batches-come-back")) producer.batches.clear();
  producer.batches.push_back(ToBatch(header));
  if (producer.batches.size() > kBatchesKept) producer.batches.pop_front();
}

void ProducerState::Apply(Index index, const wal::BatchHeader& batch, std::int64_t append_time_ms) {
  now_ms_ = std::max(now_ms_, append_time_ms);
  if (!batch.has_producer_id()) return;
  if (auto in_flight = appended_.find(batch.producer_id); in_flight != appended_.end()) {
    auto& queue = in_flight->second;
    while (!queue.empty() && queue.front().index <= index) queue.pop_front();
    if (queue.empty()) appended_.erase(in_flight);
  }
  Producer& producer = applied_[batch.producer_id];
  producer.last_append_time_ms = append_time_ms;
  Record(producer, batch);
  if (applied_.size() > options_.producers_max) Shrink();
}

void ProducerState::Shrink() {
  std::vector<std::pair<std::int64_t, std::int64_t>> by_age;
  for (const auto& [id, producer] : applied_) by_age.emplace_back(producer.last_append_time_ms, id);
  std::ranges::sort(by_age);
  // An eighth at once, so that the sort is rare.
  const std::size_t drop = applied_.size() - options_.producers_max + options_.producers_max / 8;
  for (std::size_t i = 0; i < drop && i + 1 < by_age.size(); ++i) applied_.erase(by_age[i].second);
}

std::string ProducerState::Encode() const {
  LeWriter out;
  std::uint32_t count = 0;
  LeWriter producers;
  for (const auto& [id, producer] : applied_) {
    ++count;
    producers.Int(id).Int(producer.epoch).Int(producer.last_append_time_ms);
    producers.Int(producer.transaction_first_offset).Int(producer.coordinator_epoch);
    producers.Int(static_cast<std::uint8_t>(producer.batches.size()));
    for (const Batch& batch : producer.batches) {
      producers.Int(batch.first_sequence)
          .Int(batch.last_sequence)
          .Int(batch.base_offset)
          .Int(batch.timestamp);
    }
  }
  out.Int(kVersion).Int(now_ms_).Int(count).Raw(AsBytes(producers.out()));
  return out.Take();
}

Result<ProducerState> ProducerState::Decode(std::string_view bytes, ProducerStateOptions options) {
  auto corrupt = [](std::string text) {
    return Fail(ErrorCode::kCorruption, std::move(text), "producer state");
  };
  LeReader in(AsBytes(bytes));
  const auto version = in.Int<std::uint8_t>();
  ProducerState out(options);
  out.now_ms_ = in.Int<std::int64_t>();
  const auto count = in.Int<std::uint32_t>();
  if (!in.ok()) return corrupt("cut off");
  if (version != kVersion)
    return Fail(ErrorCode::kUnsupported, "unknown version", "producer state");
  if (count > in.left() / kProducerBytesMin) return corrupt("more producers than bytes");
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto id = in.Int<std::int64_t>();
    Producer producer;
    producer.epoch = in.Int<std::int16_t>();
    producer.last_append_time_ms = in.Int<std::int64_t>();
    producer.transaction_first_offset = in.Int<std::int64_t>();
    producer.coordinator_epoch = in.Int<std::int32_t>();
    const auto batches = in.Int<std::uint8_t>();
    if (batches > kBatchesKept) return corrupt("too many batches");
    for (std::uint8_t b = 0; b < batches; ++b) {
      Batch batch;
      batch.first_sequence = in.Int<std::int32_t>();
      batch.last_sequence = in.Int<std::int32_t>();
      batch.base_offset = in.Int<std::int64_t>();
      batch.timestamp = in.Int<std::int64_t>();
      producer.batches.push_back(batch);
    }
    if (!in.ok()) return corrupt("cut off");
    if (!out.applied_.empty() && id <= out.applied_.rbegin()->first)
      return corrupt("ids are not ascending");
    out.applied_.emplace(id, std::move(producer));
  }
  if (in.left() != 0) return corrupt("bytes behind the last producer");
  return out;
}

std::map<std::int64_t, std::int64_t> ProducerState::LastBatches() const {
  std::map<std::int64_t, std::int64_t> out;
  for (const auto& [id, producer] : applied_) {
    if (!producer.batches.empty())
      out.emplace_hint(out.end(), id, producer.batches.back().base_offset);
  }
  return out;
}

std::string ProducerState::Describe() const {
  std::string out;
  for (const auto& [id, producer] : applied_) {
    out += fmt::format("producer {} epoch {}:", id, producer.epoch);
    for (const Batch& batch : producer.batches) {
      out += fmt::format(" {}-{}@{}", batch.first_sequence, batch.last_sequence, batch.base_offset);
    }
    out += '\n';
  }
  for (const auto& [id, queue] : appended_) {
    for (const Appended& appended : queue) {
      out +=
          fmt::format("producer {} epoch {} appended: {}-{}@{} in entry {}\n", id, appended.epoch,
                      appended.batch.first_sequence, appended.batch.last_sequence,
                      appended.batch.base_offset, appended.index.value);
    }
  }
  return out;
}

}  // namespace kronika::broker
