// Reading records: varints, one record at a time, over plain or decompressed bytes. See
// record_reader.h.
#include "wal/record_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace kronika::wal {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kLengthBytesMax = 5;

std::unexpected<Error> Malformed(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "record");
}

// Takes zigzag varints and byte strings from the front of a view; once short or wrong it stays so.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : left_(bytes) {}

  std::int64_t Varlong() { return Varint(10); }
  std::int32_t Varint32() {
    const std::int64_t value = Varint(kLengthBytesMax);
    if (value < INT32_MIN || value > INT32_MAX) ok_ = false;
    return static_cast<std::int32_t>(value);
  }
  Bytes Take(std::size_t size) {
    if (size > left_.size()) {
      ok_ = false;
      return {};
    }
    const Bytes out = left_.first(size);
    left_ = left_.subspan(size);
    return out;
  }
  // A length and that many bytes; -1 = null.
  std::optional<Bytes> Nullable() {
    const std::int32_t size = Varint32();
    if (size < -1) ok_ = false;
    if (!ok_ || size < 0) return std::nullopt;
    return Take(static_cast<std::size_t>(size));
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return left_.size(); }
  Bytes rest() const { return left_; }

 private:
  std::int64_t Varint(std::size_t bytes_max) {
    std::uint64_t raw = 0;
    for (std::size_t i = 0; i < bytes_max && i < left_.size(); ++i) {
      const auto byte = std::to_integer<std::uint64_t>(left_[i]);
      raw |= (byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) {
        left_ = left_.subspan(i + 1);
        return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
      }
    }
    ok_ = false;
    return 0;
  }
  Bytes left_;
  bool ok_ = true;
};

}  // namespace

std::vector<RecordHeader> ParseHeaders(const RecordView& record) {
  std::vector<RecordHeader> out;
  Cursor cursor(record.header_bytes);
  for (std::int32_t i = 0; i < record.header_count; ++i) {
    const auto key = cursor.Nullable();
    KRONIKA_CHECK(key && cursor.ok(), "only records that the reader checked");
    out.push_back({AsText(*key), cursor.Nullable()});
  }
  return out;
}

RecordReader::RecordReader(Bytes batch, const BatchHeader& header,
                           const DecompressionLimits& limits)
    : header_(header) {
  KRONIKA_CHECK(batch.size() == header.total_bytes && header.total_bytes >= kBatchHeaderBytes);
  unread_ = batch.subspan(kBatchHeaderBytes);
  if (!header.has_known_codec() || header.codec() == Codec::kNone) {
    end_of_input_ = true;
    return;
  }
  decompressor_ = MakeDecompressor(header.codec(), unread_, limits);
  unread_ = {};
}

RecordReader::~RecordReader() = default;

Status RecordReader::Fill(std::size_t want) {
  while (unread_.size() < want && !end_of_input_) {
    // The buffer grows with what was really produced, never with what a record declares.
    const std::size_t kept = unread_.size();
    if (kept > 0) std::memmove(buffer_.data(), unread_.data(), kept);
    if (buffer_.size() < kept + kReadBytes)
      buffer_.resize(std::max(kReadBytes, 2 * kept) + kReadBytes);
    auto size = decompressor_->Read(MutableBytes(buffer_).subspan(kept));
    if (!size) return std::unexpected(std::move(size).error());
    end_of_input_ = *size == 0;
    unread_ = Bytes(buffer_).first(kept + *size);
  }
  return {};
}

Result<Bytes> RecordReader::TakeRecord() {
  if (auto status = Fill(kLengthBytesMax); !status) return std::unexpected(status.error());
  Cursor cursor(unread_);
  const std::int32_t size = cursor.Varint32();
  if (!cursor.ok() || size < 0) return Malformed("impossible record length");
  const std::size_t prefix = unread_.size() - cursor.left();
  const std::size_t whole = prefix + static_cast<std::size_t>(size);
  if (auto status = Fill(whole); !status) return std::unexpected(status.error());
  if (unread_.size() < whole) return Malformed("record is cut off");
  const Bytes body = unread_.subspan(prefix, static_cast<std::size_t>(size));
  unread_ = unread_.subspan(whole);
  return body;
}

Status RecordReader::Parse(Bytes body) {
  Cursor cursor(body);
  cursor.Take(1);  // attributes, unused in format 2
  const std::int64_t timestamp_delta = cursor.Varlong();
  record_.offset_delta = cursor.Varint32();
  record_.key = cursor.Nullable();
  record_.value = cursor.Nullable();
  record_.header_count = cursor.Varint32();
  if (!cursor.ok() || record_.header_count < 0) return Malformed("fields do not fit the record");
  record_.header_bytes = cursor.rest();
  for (std::int32_t i = 0; i < record_.header_count && cursor.ok(); ++i) {
    if (!cursor.Nullable()) return Malformed("header without a key");
    cursor.Nullable();
  }
  if (!cursor.ok() || cursor.left() != 0) return Malformed("fields do not fit the record");
  record_.offset = header_.base_offset + record_.offset_delta;
  // Unsigned, because a client chooses both and the sum may wrap.
  record_.timestamp = static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.base_timestamp) +
                                                static_cast<std::uint64_t>(timestamp_delta));
  if (header_.timestamp_type() == TimestampType::kLogAppendTime) {
    record_.timestamp = header_.max_timestamp;
  }
  return {};
}

Result<const RecordView*> RecordReader::Next() {
  if (!header_.has_known_codec()) return Malformed("unknown compression codec");
  if (taken_ == header_.record_count) {
    if (auto status = Fill(1); !status) return std::unexpected(status.error());
    if (!unread_.empty()) return Malformed("bytes behind the last record");
    return nullptr;
  }
  auto body = TakeRecord();
  if (!body) return std::unexpected(std::move(body).error());
  if (auto status = Parse(*body); !status) return std::unexpected(std::move(status).error());
  ++taken_;
  return &record_;
}

RecordsCheck CheckRecords(Bytes batch, const BatchHeader& header, const RecordRules& rules,
                          const DecompressionLimits& limits) {
  RecordsCheck out;
  auto blame = [&out](BatchVerdict verdict, std::int32_t record) {
    if (out.verdict == BatchVerdict::kOk) out.verdict = verdict;
    if (out.verdict == verdict && out.bad_records.size() < kNamedRecordsMax) {
      out.bad_records.push_back(record);
    }
  };
  RecordReader reader(batch, header, limits);
  for (std::int32_t i = 0;; ++i) {
    auto record = reader.Next();
    if (!record) return {.verdict = BatchVerdict::kRecords};
    if (*record == nullptr) break;
    const RecordView& it = **record;
    if (it.offset_delta != i) return {.verdict = BatchVerdict::kOffsetDeltas, .bad_records = {i}};
    if (rules.key_required && !it.key) blame(BatchVerdict::kKeyMissing, i);
    if (it.timestamp < rules.timestamp_min || it.timestamp > rules.timestamp_max) {
      blame(BatchVerdict::kTimestamp, i);
    }
    if (i == 0 || it.timestamp > out.max_timestamp) {
      out.max_timestamp = it.timestamp;
      out.offset_of_max_timestamp = it.offset;
    }
  }
  return out;
}

Result<std::optional<OffsetAndTimestamp>> FindTimestamp(Bytes batch, const BatchHeader& header,
                                                        std::int64_t at_least,
                                                        std::int64_t offset_min) {
  RecordReader reader(batch, header);
  while (true) {
    auto record = reader.Next();
    if (!record) return std::unexpected(std::move(record).error());
    if (*record == nullptr) return std::nullopt;
    if ((*record)->timestamp >= at_least && (*record)->offset >= offset_min) {
      return OffsetAndTimestamp{(*record)->offset, (*record)->timestamp};
    }
  }
}

Result<OffsetAndTimestamp> FindMaxTimestamp(Bytes batch, const BatchHeader& header,
                                            std::int64_t offset_min) {
  RecordReader reader(batch, header);
  OffsetAndTimestamp out;
  while (true) {
    auto record = reader.Next();
    if (!record) return std::unexpected(std::move(record).error());
    if (*record == nullptr) return out;
    if ((*record)->offset < offset_min) continue;
    if (out.offset < 0 || (*record)->timestamp > out.timestamp) {
      out = {(*record)->offset, (*record)->timestamp};
    }
  }
}

}  // namespace kronika::wal
