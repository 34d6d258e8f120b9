// Making batches: records are appended as varints, compressed at the end. See record_builder.h.
#include "wal/record_builder.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "wal/compression.h"

namespace kronika::wal {
namespace {

void AppendNullable(std::string& out, const std::optional<std::string_view>& text) {
  AppendVarint(out, text ? static_cast<std::int64_t>(text->size()) : -1);
  if (text) out.append(*text);
}

template <std::integral T>
void AppendBe(std::string& out, T value) {
  std::byte raw[sizeof(T)];
  StoreBe(raw, value);
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}

}  // namespace

void AppendVarint(std::string& out, std::int64_t value) {
  auto raw = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  while (raw >= 0x80) {
    out.push_back(static_cast<char>((raw & 0x7f) | 0x80));
    raw >>= 7;
  }
  out.push_back(static_cast<char>(raw));
}

RecordBuilder& RecordBuilder::Add(const NewRecord& record) {
  if (count_ == 0) base_timestamp_ = max_timestamp_ = record.timestamp;
  max_timestamp_ = std::max(max_timestamp_, record.timestamp);
  std::string body(1, '\0');
  AppendVarint(body, record.timestamp - base_timestamp_);
  AppendVarint(body, count_);
  AppendNullable(body, record.key);
  AppendNullable(body, record.value);
  AppendVarint(body, static_cast<std::int64_t>(record.headers.size()));
  for (const auto& [key, value] : record.headers) {
    AppendNullable(body, key);
    AppendNullable(body, value);
  }
  AppendVarint(records_, static_cast<std::int64_t>(body.size()));
  records_ += body;
  ++count_;
  return *this;
}

Slice RecordBuilder::Build() {
  KRONIKA_CHECK(count_ > 0, "a batch has at least one record");
  const std::string records = Compress(options_.codec, AsBytes(records_));
  BatchHeader header;
  header.base_offset = options_.base_offset;
  header.total_bytes = kBatchHeaderBytes + records.size();
  header.leader_epoch = options_.leader_epoch;
  header.attributes = static_cast<std::int16_t>(static_cast<int>(options_.codec) |
                                                (options_.transactional ? 0x10 : 0) |
                                                (options_.control ? 0x20 : 0));
  header.last_offset_delta = count_ - 1;
  header.base_timestamp = base_timestamp_;
  header.max_timestamp = max_timestamp_;
  header.producer_id = options_.producer_id;
  header.producer_epoch = options_.producer_epoch;
  header.base_sequence = options_.base_sequence;
  header.record_count = count_;
  Slice out = Slice::Allocate(header.total_bytes);
  StoreBatchHeader(out.mutable_bytes(), header);
  std::memcpy(out.mutable_bytes().data() + kBatchHeaderBytes, records.data(), records.size());
  header.crc = ComputeBatchCrc(out.bytes());
  StoreBatchHeader(out.mutable_bytes(), header);
  records_.clear();
  count_ = 0;
  return out;
}

Slice BuildTransactionMarker(RecordBuilder::Options options, std::int64_t timestamp, bool commit,
                             std::int32_t coordinator_epoch) {
  options.control = true;
  options.transactional = true;
  std::string key, value;
  AppendBe(key, std::int16_t{0});
  AppendBe(key, static_cast<std::int16_t>(commit ? 1 : 0));
  AppendBe(value, std::int16_t{0});
  AppendBe(value, coordinator_epoch);
  RecordBuilder builder(options);
  builder.Add({.timestamp = timestamp, .key = key, .value = value});
  return builder.Build();
}

}  // namespace kronika::wal
