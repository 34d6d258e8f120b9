// Makes record batches: the command line client, tests, and the broker's own control batches.
//
// Used from one thread at a time. The result is what a producer would send: base offset 0, leader
// epoch -1 unless set, CRC right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "wal/record_batch.h"

namespace kronika::wal {

struct NewRecord {
  std::int64_t timestamp = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

class RecordBuilder {
 public:
  struct Options {
    Codec codec = Codec::kNone;
    std::int64_t base_offset = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t producer_id = kNoProducerId;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = kNoSequence;
    bool transactional = false;
    bool control = false;
  };
  explicit RecordBuilder(Options options) : options_(options) {}

  RecordBuilder& Add(const NewRecord& record);
  std::size_t record_count() const { return static_cast<std::size_t>(count_); }
  // Bytes of the batch if it were built now without compression.
  std::size_t uncompressed_bytes() const { return kBatchHeaderBytes + records_.size(); }
  // At least one record was added. The builder is empty afterwards.
  Slice Build();

 private:
  Options options_;
  std::string records_;
  std::int32_t count_ = 0;
  std::int64_t base_timestamp_ = 0;
  std::int64_t max_timestamp_ = kNoTimestamp;
};

// Zigzag, as the fields of a record.
void AppendVarint(std::string& out, std::int64_t value);

// The marker that ends a transaction: one control record. `commit` false = abort.
Slice BuildTransactionMarker(RecordBuilder::Options options, std::int64_t timestamp, bool commit,
                             std::int32_t coordinator_epoch);

}  // namespace kronika::wal
