// See index_builder.h.
#include "wal/log/index_builder.h"

#include "base/bytes.h"

namespace kronika::wal {
namespace {

template <std::integral T>
void AppendBe(std::string& out, T value) {
  std::byte raw[sizeof(T)];
  StoreBe(raw, value);
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}

}  // namespace

void IndexBuilder::Add(const BatchHeader& batch, std::uint32_t file_position, IndexBytes& out) {
  if (batch.max_timestamp > position_.max_timestamp) {
    position_.max_timestamp = batch.max_timestamp;
    position_.offset_of_max_timestamp = batch.last_offset();
  }
  if (bytes_since_entry_ > interval_bytes_) {
    AppendBe(out.index, static_cast<std::int32_t>(batch.last_offset() - base_offset_));
    AppendBe(out.index, static_cast<std::int32_t>(file_position));
    Finish(out);
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += batch.total_bytes;
}

void IndexBuilder::Finish(IndexBytes& out) {
  if (position_.max_timestamp <= position_.last_time_entry) return;
  AppendBe(out.time_index, position_.max_timestamp);
  AppendBe(out.time_index,
           static_cast<std::int32_t>(position_.offset_of_max_timestamp - base_offset_));
  position_.last_time_entry = position_.max_timestamp;
}

}  // namespace kronika::wal
