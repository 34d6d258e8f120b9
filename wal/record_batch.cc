// The header of a record batch: fixed positions, no allocation. See record_batch.h.
#include "wal/record_batch.h"

#include <limits>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kronika::wal {
namespace {

enum Position : std::size_t {
  kBaseOffsetAt = 0,
  kLengthAt = 8,
  kLeaderEpochAt = 12,
  kMagicAt = 16,
  kCrcAt = 17,
  kAttributesAt = 21,
  kLastOffsetDeltaAt = 23,
  kBaseTimestampAt = 27,
  kMaxTimestampAt = 35,
  kProducerIdAt = 43,
  kProducerEpochAt = 51,
  kBaseSequenceAt = 53,
  kCountAt = 57,
};

constexpr std::int16_t kTimestampTypeBit = 0x08;

std::unexpected<Error> Corrupt(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "record batch");
}

}  // namespace

std::string_view Name(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kGzip:
      return "gzip";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  std::unreachable();
}

std::string_view Name(BatchVerdict verdict) {
  switch (verdict) {
    case BatchVerdict::kOk:
      return "ok";
    case BatchVerdict::kNotOneBatch:
      return "not exactly one batch";
    case BatchVerdict::kMagic:
      return "not message format 2";
    case BatchVerdict::kBaseOffset:
      return "base offset is not 0";
    case BatchVerdict::kTooLarge:
      return "larger than max.message.bytes";
    case BatchVerdict::kCrc:
      return "CRC does not match";
    case BatchVerdict::kCount:
      return "record count contradicts the last offset";
    case BatchVerdict::kControl:
      return "control batch from a client";
    case BatchVerdict::kSequence:
      return "producer id without a base sequence";
    case BatchVerdict::kCodec:
      return "unknown compression codec";
    case BatchVerdict::kLargerThanSegment:
      return "larger than segment.bytes";
    case BatchVerdict::kLogAppendTime:
      return "log append time set by a client";
    case BatchVerdict::kRecords:
      return "records are malformed";
    case BatchVerdict::kOffsetDeltas:
      return "record offsets are not consecutive";
    case BatchVerdict::kKeyMissing:
      return "a record of a compacted topic has no key";
    case BatchVerdict::kTimestamp:
      return "a record's timestamp is out of range";
  }
  std::unreachable();
}

std::int32_t BatchHeader::last_sequence() const {
  if (base_sequence == kNoSequence) return kNoSequence;
  const std::int64_t last = static_cast<std::int64_t>(base_sequence) + last_offset_delta;
  return static_cast<std::int32_t>(last & std::numeric_limits<std::int32_t>::max());
}

Result<BatchHeader> ParseBatchHeader(Bytes bytes) {
  if (bytes.size() < kBatchHeaderBytes) return Corrupt("shorter than its header");
  const std::byte* from = bytes.data();
  const auto length = LoadBe<std::int32_t>(from + kLengthAt);
  if (length < static_cast<std::int32_t>(kBatchHeaderBytes - kBatchLengthOverhead)) {
    return Corrupt("impossible length field");
  }
  BatchHeader out;
  out.base_offset = LoadBe<std::int64_t>(from + kBaseOffsetAt);
  out.total_bytes = static_cast<std::size_t>(length) + kBatchLengthOverhead;
  out.leader_epoch = LoadBe<std::int32_t>(from + kLeaderEpochAt);
  out.magic = LoadBe<std::int8_t>(from + kMagicAt);
  out.crc = LoadBe<std::uint32_t>(from + kCrcAt);
  out.attributes = LoadBe<std::int16_t>(from + kAttributesAt);
  out.last_offset_delta = LoadBe<std::int32_t>(from + kLastOffsetDeltaAt);
  out.base_timestamp = LoadBe<std::int64_t>(from + kBaseTimestampAt);
  out.max_timestamp = LoadBe<std::int64_t>(from + kMaxTimestampAt);
  out.producer_id = LoadBe<std::int64_t>(from + kProducerIdAt);
  out.producer_epoch = LoadBe<std::int16_t>(from + kProducerEpochAt);
  out.base_sequence = LoadBe<std::int32_t>(from + kBaseSequenceAt);
  out.record_count = LoadBe<std::int32_t>(from + kCountAt);
  return out;
}

std::uint32_t ComputeBatchCrc(Bytes batch) {
  return crc32c::Value(batch.subspan(kAttributesAt));
}

Result<BatchHeader> ParseCheckedBatch(Bytes bytes) {
  auto header = ParseBatchHeader(bytes);
  if (!header) return header;
  if (header->magic != 2) return Corrupt("not message format 2");
  if (header->total_bytes > bytes.size()) return Corrupt("cut off");
  if (header->last_offset_delta < 0 || header->record_count < 0) return Corrupt("negative count");
  if (header->base_offset < 0) return Corrupt("negative base offset");
  if (header->base_offset >
      std::numeric_limits<std::int64_t>::max() - header->last_offset_delta - 1) {
    return Corrupt("offset overflows");
  }
  if (ComputeBatchCrc(bytes.first(header->total_bytes)) != header->crc) {
    return Corrupt("CRC does not match");
  }
  return header;
}

BatchVerdict CheckBatch(Bytes bytes, const BatchLimits& limits) {
  const auto header = ParseBatchHeader(bytes);
  if (!header || header->total_bytes != bytes.size()) return BatchVerdict::kNotOneBatch;
  if (header->magic != 2) return BatchVerdict::kMagic;
  if (header->base_offset != 0) return BatchVerdict::kBaseOffset;
  if (header->total_bytes > limits.message_bytes_max) return BatchVerdict::kTooLarge;
  if (ComputeBatchCrc(bytes) != header->crc && !KRONIKA_PLANTED("batch-crc-unchecked")) {
    return BatchVerdict::kCrc;
  }
  if (header->record_count <= 0) return BatchVerdict::kCount;
  if (header->last_offset_delta != header->record_count - 1) return BatchVerdict::kCount;
  if (header->control()) return BatchVerdict::kControl;
  if (header->has_producer_id() && (header->base_sequence < 0 || header->producer_epoch < 0)) {
    return BatchVerdict::kSequence;
  }
  if (!header->has_known_codec()) return BatchVerdict::kCodec;
  if (header->timestamp_type() == TimestampType::kLogAppendTime)
    return BatchVerdict::kLogAppendTime;
  if (header->total_bytes > limits.segment_bytes) return BatchVerdict::kLargerThanSegment;
  return BatchVerdict::kOk;
}

void StampBatch(MutableBytes batch, std::int64_t base_offset, std::int32_t leader_epoch) {
  KRONIKA_CHECK(batch.size() >= kBatchHeaderBytes);
  StoreBe(batch.data() + kBaseOffsetAt, base_offset);
  StoreBe(batch.data() + kLeaderEpochAt, leader_epoch);
}

void StampTimestamp(MutableBytes batch, TimestampType type, std::int64_t max_timestamp) {
  KRONIKA_CHECK(batch.size() >= kBatchHeaderBytes);
  const auto attributes = LoadBe<std::int16_t>(batch.data() + kAttributesAt);
  const auto wanted = static_cast<std::int16_t>(type == TimestampType::kLogAppendTime
                                                    ? attributes | kTimestampTypeBit
                                                    : attributes & ~kTimestampTypeBit);
  if (wanted == attributes &&
      LoadBe<std::int64_t>(batch.data() + kMaxTimestampAt) == max_timestamp) {
    return;
  }
  StoreBe(batch.data() + kAttributesAt, wanted);
  StoreBe(batch.data() + kMaxTimestampAt, max_timestamp);
  StoreBe(batch.data() + kCrcAt, ComputeBatchCrc(batch));
}

void StoreBatchHeader(MutableBytes to, const BatchHeader& header) {
  KRONIKA_CHECK(to.size() >= kBatchHeaderBytes && header.total_bytes >= kBatchHeaderBytes);
  std::byte* at = to.data();
  StoreBe(at + kBaseOffsetAt, header.base_offset);
  StoreBe(at + kLengthAt, static_cast<std::int32_t>(header.total_bytes - kBatchLengthOverhead));
  StoreBe(at + kLeaderEpochAt, header.leader_epoch);
  StoreBe(at + kMagicAt, header.magic);
  StoreBe(at + kCrcAt, header.crc);
  StoreBe(at + kAttributesAt, header.attributes);
  StoreBe(at + kLastOffsetDeltaAt, header.last_offset_delta);
  StoreBe(at + kBaseTimestampAt, header.base_timestamp);
  StoreBe(at + kMaxTimestampAt, header.max_timestamp);
  StoreBe(at + kProducerIdAt, header.producer_id);
  StoreBe(at + kProducerEpochAt, header.producer_epoch);
  StoreBe(at + kBaseSequenceAt, header.base_sequence);
  StoreBe(at + kCountAt, header.record_count);
}

}  // namespace kronika::wal
