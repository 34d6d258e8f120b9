// One Kafka record batch, format version 2: its header, the checks that a broker makes before it
// appends, and the fields that a broker stamps. The records inside: record_reader.h; making
// batches: record_builder.h.
//
// Pure functions on byte views, callable from any thread. All integers are big-endian.
// 1. The CRC covers [21, end): base offset, length, leader epoch and magic lie outside it and are
//    stamped in place; attributes and timestamps lie inside, so changing them computes the CRC
//    again (SAFETY C10: only after the producer's own CRC was checked).
// 2. `total_bytes` is at least kBatchHeaderBytes in every header that ParseBatchHeader returns.
//
//   0        8      12     16 17   21   23     27      35      43       51  53    57    61
//   |base    |length|leader|m |crc |attr|last  |base   |max    |producer|pr |base |count|records...
//   |offset  |      |epoch |  |    |    |delta |time   |time   |id      |ep |seq  |     |
//
// Source: https://kafka.apache.org/documentation/#recordbatch
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"

namespace kronika::wal {

inline constexpr std::size_t kBatchHeaderBytes = 61;
// Base offset and length: what the length field does not count.
inline constexpr std::size_t kBatchLengthOverhead = 12;
inline constexpr std::int64_t kNoTimestamp = -1;
inline constexpr std::int64_t kNoProducerId = -1;
inline constexpr std::int32_t kNoSequence = -1;
inline constexpr std::int16_t kDeleteHorizonBit = 0x40;

enum class Codec : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
std::string_view Name(Codec codec);

enum class TimestampType : std::uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

struct BatchHeader {
  std::int64_t base_offset = 0;
  std::size_t total_bytes = 0;  // of the whole batch, header included
  std::int32_t leader_epoch = -1;
  std::int8_t magic = 2;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp = kNoTimestamp;
  std::int64_t max_timestamp = kNoTimestamp;
  std::int64_t producer_id = kNoProducerId;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = kNoSequence;
  std::int32_t record_count = 0;

  std::int64_t last_offset() const { return base_offset + last_offset_delta; }
  std::int64_t next_offset() const { return last_offset() + 1; }
  bool has_known_codec() const { return (attributes & 7) <= 4; }
  // Only if has_known_codec().
  Codec codec() const { return static_cast<Codec>(attributes & 7); }
  TimestampType timestamp_type() const { return static_cast<TimestampType>((attributes >> 3) & 1); }
  bool transactional() const { return (attributes & 0x10) != 0; }
  bool control() const { return (attributes & 0x20) != 0; }
  // Compaction saw tombstones in it: they go once this time (ms since 1970) is past. It stands
  // where the base timestamp stands, so the records' times count from it.
  bool has_delete_horizon() const { return (attributes & kDeleteHorizonBit) != 0; }
  std::int64_t delete_horizon_ms() const { return base_timestamp; }
  bool has_producer_id() const { return producer_id != kNoProducerId; }
  // Of the last record; sequences wrap from 2^31 - 1 to 0. kNoSequence if base_sequence is.
  std::int32_t last_sequence() const;
  bool operator==(const BatchHeader&) const = default;
};

// The header at the front of `bytes`, of which only the first 61 need be there. kCorruption: too
// short, or a length that no batch has. Neither magic nor CRC is looked at.
Result<BatchHeader> ParseBatchHeader(Bytes bytes);

// The header of a batch that lies whole in `bytes` at its front, with its CRC, magic and counts
// checked: what every read from a segment and every append asserts (SAFETY C10). kCorruption names
// what is wrong.
Result<BatchHeader> ParseCheckedBatch(Bytes bytes);

// `batch` is exactly one whole batch.
std::uint32_t ComputeBatchCrc(Bytes batch);

// What is wrong with a batch that a client sent. The Produce handler maps each to a Kafka error.
enum class BatchVerdict : std::uint8_t {
  kOk,
  kNotOneBatch,        // INVALID_RECORD: nothing, a part of a batch, or more than one
  kMagic,              // INVALID_RECORD: not format 2
  kBaseOffset,         // INVALID_RECORD: not 0
  kTooLarge,           // MESSAGE_TOO_LARGE: more than max.message.bytes, as sent
  kCrc,                // CORRUPT_MESSAGE
  kCount,              // INVALID_RECORD: no records, or last offset delta + 1 is not their number
  kControl,            // INVALID_RECORD: control batches are the broker's
  kSequence,           // INVALID_RECORD: a producer id without a base sequence, or the reverse
  kCodec,              // UNSUPPORTED_COMPRESSION_TYPE: codec 5 to 7
  kLargerThanSegment,  // RECORD_LIST_TOO_LARGE: more than segment.bytes
  kLogAppendTime,      // INVALID_TIMESTAMP: the bit is the broker's
  kRecords,            // INVALID_RECORD: records malformed, more or fewer than declared, or not
                       // decompressible
  kOffsetDeltas,       // INVALID_RECORD: not 0, 1, 2, ...
  kKeyMissing,         // INVALID_RECORD with record indexes: a compacted topic's record without key
  kTimestamp,          // INVALID_TIMESTAMP with record indexes: outside of what the topic allows
};
std::string_view Name(BatchVerdict verdict);

struct BatchLimits {
  std::size_t message_bytes_max = 1048588;
  std::size_t segment_bytes = 1073741824;
};

// The checks on one partition's bytes of a Produce request that need only the header and the CRC,
// in Kafka's order. The checks of the records follow by CheckRecords (record_reader.h).
BatchVerdict CheckBatch(Bytes bytes, const BatchLimits& limits);

// Outside the CRC: done by the leader on its own copy, before the bytes are shared.
void StampBatch(MutableBytes batch, std::int64_t base_offset, std::int32_t leader_epoch);

// Sets type and largest timestamp and computes the CRC again; does nothing if both are as wanted.
// With kLogAppendTime every record of the batch has `max_timestamp` as its time.
void StampTimestamp(MutableBytes batch, TimestampType type, std::int64_t max_timestamp);

// Writes all fields of `header` (crc as given) to the first 61 bytes of `to`.
void StoreBatchHeader(MutableBytes to, const BatchHeader& header);

}  // namespace kronika::wal
