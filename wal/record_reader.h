// The records inside a batch: reading them one by one, and the checks that a broker makes on each.
//
// Pure, callable from any thread; an object is used from one thread at a time.
// 1. An uncompressed batch is read in place, without a copy. Of a compressed one only as much is
//    decompressed at a time as the largest record needs, within DecompressionLimits.
// 2. A declared length is believed only as far as bytes are there.
//
// Source: https://kafka.apache.org/documentation/#record
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "wal/compression.h"
#include "wal/record_batch.h"

namespace kronika::wal {

// One record. The views last until the next call of Next().
struct RecordView {
  std::int64_t offset = 0;
  std::int64_t timestamp = kNoTimestamp;  // the batch's for log append time
  std::int32_t offset_delta = 0;
  std::optional<Bytes> key;    // none = null
  std::optional<Bytes> value;  // none = null
  // Checked, but not taken apart: see ParseHeaders.
  std::int32_t header_count = 0;
  Bytes header_bytes;
};

struct RecordHeader {
  std::string_view key;
  std::optional<Bytes> value;  // none = null
};
// The headers of a record that a RecordReader returned; they view the record.
std::vector<RecordHeader> ParseHeaders(const RecordView& record);

class RecordReader {
 public:
  // `batch` is one whole batch and outlives the reader; `header` is its parsed header.
  RecordReader(Bytes batch, const BatchHeader& header, const DecompressionLimits& limits = {});
  ~RecordReader();

  // The next record; none after the last. kCorruption: malformed, fewer or more records than
  // declared, bytes left over; kInvalidArgument: decompresses to more than is allowed.
  Result<const RecordView*> Next();

 private:
  Result<Bytes> TakeRecord();
  // Makes at least `want` unread bytes available, fewer only at the end.
  Status Fill(std::size_t want);
  Status Parse(Bytes body);

  BatchHeader header_;
  std::unique_ptr<Decompressor>
      decompressor_;  // none: uncompressed, `unread_` is the rest of the batch
  std::vector<std::byte> buffer_;
  Bytes unread_;
  bool end_of_input_ = false;
  std::int32_t taken_ = 0;
  RecordView record_;
};

struct RecordRules {
  bool key_required = false;               // cleanup.policy contains compact
  std::int64_t timestamp_min = INT64_MIN;  // inclusive; Kafka's bounds around now
  std::int64_t timestamp_max = INT64_MAX;
};

struct RecordsCheck {
  BatchVerdict verdict = BatchVerdict::kOk;
  // Records that are to blame, for the response; at most kNamedRecordsMax of them.
  std::vector<std::int32_t> bad_records;
  std::int64_t max_timestamp = kNoTimestamp;
  std::int64_t offset_of_max_timestamp = -1;  // of the first record that has it
};
inline constexpr std::size_t kNamedRecordsMax = 100;

// Checks every record of a batch that passed CheckBatch. One bad record refuses the whole batch.
// Batches whose offset deltas are not 0, 1, 2, ... are refused, where Kafka would rebuild them.
RecordsCheck CheckRecords(Bytes batch, const BatchHeader& header, const RecordRules& rules,
                          const DecompressionLimits& limits = {});

// The first record of a stored batch with timestamp >= `at_least`: its offset and timestamp; none
// if there is none. kCorruption as RecordReader.
struct OffsetAndTimestamp {
  std::int64_t offset = -1;
  std::int64_t timestamp = kNoTimestamp;
  bool operator==(const OffsetAndTimestamp&) const = default;
};
Result<std::optional<OffsetAndTimestamp>> FindTimestamp(Bytes batch, const BatchHeader& header,
                                                        std::int64_t at_least,
                                                        std::int64_t offset_min = 0);
// The record with the largest timestamp (the first of several) from `offset_min` on; offset -1 if
// there is none. kCorruption as RecordReader.
Result<OffsetAndTimestamp> FindMaxTimestamp(Bytes batch, const BatchHeader& header,
                                            std::int64_t offset_min = 0);

}  // namespace kronika::wal
