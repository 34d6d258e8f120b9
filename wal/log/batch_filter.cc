// See batch_filter.h.
#include "wal/log/batch_filter.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "wal/compression.h"
#include "wal/record_builder.h"
#include "wal/record_reader.h"

namespace kronika::wal {
namespace {

// The record as it stands in a batch whose times count from `base_timestamp`.
void AppendRecord(std::string& out, std::string& body, const RecordView& record,
                  std::int64_t base_timestamp) {
  body.assign(1, '\0');
  // Unsigned, because a client chose the time and the difference may wrap.
  AppendVarint(body, static_cast<std::int64_t>(static_cast<std::uint64_t>(record.timestamp) -
                                               static_cast<std::uint64_t>(base_timestamp)));
  AppendVarint(body, record.offset_delta);
  for (const auto& field : {record.key, record.value}) {
    AppendVarint(body, field ? static_cast<std::int64_t>(field->size()) : -1);
    if (field) body.append(AsText(*field));
  }
  AppendVarint(body, record.header_count);
  body.append(AsText(record.header_bytes));
  AppendVarint(out, static_cast<std::int64_t>(body.size()));
  out += body;
}

Slice MakeBatch(BatchHeader header, std::string_view records) {
  header.total_bytes = kBatchHeaderBytes + records.size();
  Slice out = Slice::Allocate(header.total_bytes);
  StoreBatchHeader(out.mutable_bytes(), header);
  std::memcpy(out.mutable_bytes().data() + kBatchHeaderBytes, records.data(), records.size());
  header.crc = ComputeBatchCrc(out.bytes());
  StoreBatchHeader(out.mutable_bytes(), header);
  return out;
}

// Invariant 2. Nothing is of its time: searches by time pass over it.
Slice WithoutRecords(BatchHeader header) {
  header.attributes = static_cast<std::int16_t>(header.attributes & ~(kDeleteHorizonBit | 7));
  header.base_timestamp = header.max_timestamp = kNoTimestamp;
  header.record_count = 0;
  return MakeBatch(header, {});
}

class BatchRun {
 public:
  BatchRun(const Slice& batch, const BatchHeader& header, const FilterRules& rules)
      : batch_(batch), header_(header), rules_(rules) {}

  Status Choose(Filtered& out) {
    RecordReader reader(batch_.bytes(), header_);
    while (true) {
      auto record = reader.Next();
      if (!record) return std::unexpected(std::move(record).error());
      if (*record == nullptr) return {};
      ++seen_;
      if (!Keeps(**record, out)) continue;
      ++kept_;
      tombstones_ = tombstones_ || !(*record)->value;
      max_timestamp_ =
          kept_ == 1 ? (*record)->timestamp : std::max(max_timestamp_, (*record)->timestamp);
    }
  }

  // At least one record is kept.
  Result<Slice> Rebuild(Filtered& out) {
    BatchHeader header = header_;
    if (NotesTime()) {
      header.attributes = static_cast<std::int16_t>(header.attributes | kDeleteHorizonBit);
      header.base_timestamp = rules_.now_ms + rules_.delete_retention_ms;
    }
    if (header.timestamp_type() == TimestampType::kCreateTime)
      header.max_timestamp = max_timestamp_;
    header.record_count = static_cast<std::int32_t>(kept_);
    std::string records, body;
    RecordReader reader(batch_.bytes(), header_);
    while (true) {
      auto record = reader.Next();
      if (!record) return std::unexpected(std::move(record).error());
      if (*record == nullptr) break;
      if (Keeps(**record, out)) AppendRecord(records, body, **record, header.base_timestamp);
    }
    return MakeBatch(header, header.codec() == Codec::kNone
                                 ? records
                                 : Compress(header.codec(), AsBytes(records)));
  }

  bool unchanged() const { return kept_ == seen_ && !NotesTime(); }
  std::uint64_t seen() const { return seen_; }
  std::uint64_t kept() const { return kept_; }

 private:
  // A pass that does not cover the whole batch leaves that to the next one (invariant 3).
  bool NotesTime() const {
    return tombstones_ && !header_.has_delete_horizon() && header_.last_offset() < rules_.map_end;
  }

  bool Keeps(const RecordView& record, Filtered& out) const {
    const bool too_early = KRONIKA_PLANTED("tombstone-dropped-too-early") && !record.value;
    if (record.offset >= rules_.map_end && !too_early) return true;
    if (!record.key || rules_.map.Find(*record.key) > record.offset) return false;
    if (record.value) return true;
    const bool time_is_up =
        header_.has_delete_horizon() && rules_.now_ms >= header_.delete_horizon_ms();
    if (!time_is_up && !too_early) return true;
    out.tombstone_removed = std::max(out.tombstone_removed, record.offset);
    return false;
  }

  const Slice& batch_;
  const BatchHeader& header_;
  const FilterRules& rules_;
  std::uint64_t seen_ = 0;
  std::uint64_t kept_ = 0;
  bool tombstones_ = false;
  std::int64_t max_timestamp_ = kNoTimestamp;
};

Status FilterOne(const Slice& batch, const BatchHeader& header, const FilterRules& rules,
                 Filtered& out) {
  if (header.control() || (header.record_count == 0 && header.base_offset >= rules.map_end)) {
    out.batches.push_back(batch);
    return {};
  }
  BatchRun run(batch, header, rules);
  KRONIKA_TRY(run.Choose(out));
  out.records_seen += run.seen();
  out.records_kept += run.kept();
  if (run.kept() > 0 && run.unchanged()) {
    out.batches.push_back(batch);
    return {};
  }
  out.changed = true;
  if (run.kept() > 0) {
    auto rebuilt = run.Rebuild(out);
    if (!rebuilt) return std::unexpected(std::move(rebuilt).error());
    out.batches.push_back(std::move(*rebuilt));
    return {};
  }
  const auto last = rules.last_batches.find(header.producer_id);
  if (header.has_producer_id() && last != rules.last_batches.end() &&
      last->second == header.base_offset)
    out.batches.push_back(WithoutRecords(header));
  return {};
}

// A few batches of a run would hold the memory of all of it.
void LetGoOf(const Slice& run, std::size_t first, Slices& batches) {
  const auto inside = [&](const Slice& batch) {
    return batch.data() >= run.data() && batch.data() < run.data() + run.size();
  };
  std::size_t bytes = 0;
  for (std::size_t i = first; i < batches.size(); ++i)
    bytes += inside(batches[i]) ? batches[i].size() : 0;
  if (bytes * 2 >= run.size()) return;
  for (std::size_t i = first; i < batches.size(); ++i) {
    if (inside(batches[i])) batches[i] = Slice::CopyOf(batches[i].bytes());
  }
}

}  // namespace

Status FilterBatches(const Slice& run, const FilterRules& rules, Filtered& out) {
  const std::size_t first = out.batches.size();
  for (std::size_t at = 0; at < run.size();) {
    const auto header = ParseBatchHeader(run.bytes().subspan(at));
    KRONIKA_CHECK(header && header->total_bytes <= run.size() - at, "runs hold whole batches");
    const Slice batch = run.Sub(at, header->total_bytes);
    KRONIKA_TRY(FilterOne(batch, *header, rules, out));
    at += header->total_bytes;
  }
  LetGoOf(run, first, out.batches);
  return {};
}

Result<bool> MapKeys(const Slice& run, std::int64_t& next, OffsetMap& map) {
  for (std::size_t at = 0; at < run.size();) {
    const auto header = ParseBatchHeader(run.bytes().subspan(at));
    KRONIKA_CHECK(header && header->total_bytes <= run.size() - at, "runs hold whole batches");
    const Bytes batch = run.bytes().subspan(at, header->total_bytes);
    at += header->total_bytes;
    if (header->next_offset() <= next) continue;
    if (!header->control()) {
      RecordReader reader(batch, *header);
      while (true) {
        auto record = reader.Next();
        if (!record) return std::unexpected(std::move(record).error());
        if (*record == nullptr) break;
        if ((*record)->offset < next) continue;
        if ((*record)->key && !map.Put(*(*record)->key, (*record)->offset)) return false;
        next = (*record)->offset + 1;
      }
    }
    next = header->next_offset();
  }
  return true;
}

}  // namespace kronika::wal
