// ProducerState: what a partition knows of its idempotent producers: a pure state machine over
// committed batches, and the leader's overlay of batches that are appended and not applied yet.
//
// On the partition's loop. No clock: time is the append time of the entries (SAFETY R7, C11).
// 1. The applied state follows from the log alone and is identical on every replica; followers
//    check nothing.
// 2. The leader checks, proposes and calls Append() in one turn. A refused proposal leaves no
//    trace, because Append() is not called; losing leadership drops the whole overlay (SAFETY C3).
// 3. A producer epoch in the overlay fences older ones until its entry is applied or dropped;
//    dropped, it never fenced anybody.
// 4. A producer without a batch for `expiration_ms` of log time is forgotten by the leader that
//    checks its next one: any sequence is accepted then, as Kafka does. That is the leader's own
//    decision (brokers may be configured differently); the log tells it to the others, by a batch
//    that does not follow the last one. The oldest beyond `producers_max` are forgotten by all.
//
// Source: Kafka's idempotent producer (KIP-98, KIP-360), its ProducerStateManager as described
// there.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "broker/kafka_error.h"
#include "wal/record_batch.h"

namespace kronika::broker {

struct ProducerStateOptions {
  std::size_t producers_max = 50'000;
};

// A batch that came before: the answer is the first one's.
struct ProducerDuplicate {
  std::int64_t base_offset = -1;
  std::int64_t timestamp = -1;  // the batch's largest
  // Set while the first one is only appended: the retry shares its fate.
  std::optional<Index> appended_at;
  bool operator==(const ProducerDuplicate&) const = default;
};

// Nothing: append it. kInvalidProducerEpoch: an older epoch; kOutOfOrderSequenceNumber: a gap, or a
// new epoch that does not begin at 0.
using ProducerVerdict = std::variant<std::monostate, ProducerDuplicate, KafkaError>;

class ProducerState {
 public:
  explicit ProducerState(ProducerStateOptions options = {}) : options_(options) {}

  // Against the applied state and the overlay; a producer that was silent for longer than
  // `expiration_ms` of log time is unknown. Batches without a producer id are always accepted.
  ProducerVerdict Check(const wal::BatchHeader& batch, std::int64_t expiration_ms) const;
  // The batch (its base offset stamped) was taken into the log as entry `index`.
  void Append(Index index, const wal::BatchHeader& batch);
  // This replica leads no more, or begins to: what was only appended counts for nothing.
  void DropAppended();

  // Entry `index` holds this committed batch.
  void Apply(Index index, const wal::BatchHeader& batch, std::int64_t append_time_ms);

  // The applied state; equal on replicas that applied the same entries.
  std::string Encode() const;
  // kCorruption, kUnsupported (another version).
  static Result<ProducerState> Decode(std::string_view bytes, ProducerStateOptions options = {});
  // One line a producer, for scripts and people.
  std::string Describe() const;
  std::size_t producer_count() const { return applied_.size(); }
  // Producer id → the base offset of its last applied batch.
  std::map<std::int64_t, std::int64_t> LastBatches() const;

 private:
  struct Batch {
    std::int32_t first_sequence = 0;
    std::int32_t last_sequence = 0;
    std::int64_t base_offset = 0;
    std::int64_t timestamp = -1;
  };
  struct Producer {
    std::int16_t epoch = -1;
    std::int64_t last_append_time_ms = 0;
    std::int64_t transaction_first_offset =
        -1;  // of an open transaction; none until transactions exist
    std::int32_t coordinator_epoch = -1;
    std::deque<Batch> batches;  // the last kBatchesKept, ascending
  };
  struct Appended {
    Index index;
    std::int16_t epoch = -1;
    Batch batch;
  };
  static Batch ToBatch(const wal::BatchHeader& header);
  static void Record(Producer& producer, const wal::BatchHeader& header);
  void Shrink();

  ProducerStateOptions options_;
  std::int64_t now_ms_ = 0;  // the largest append time applied
  std::map<std::int64_t, Producer> applied_;
  std::map<std::int64_t, std::deque<Appended>> appended_;
};

}  // namespace kronika::broker
