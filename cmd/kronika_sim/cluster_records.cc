// Takes batches apart; see cluster_records.h.
#include "cmd/kronika_sim/cluster_records.h"

#include <string>

#include "wal/record_batch.h"
#include "wal/record_reader.h"

namespace kronika::sim {

bool ParseRecords(const Slices& batches, std::int64_t from, std::vector<OracleRecord>& out) {
  const Slice bytes = Flatten(batches);
  for (std::size_t at = 0; at < bytes.size();) {
    auto header = wal::ParseCheckedBatch(bytes.bytes().subspan(at));
    if (!header) return false;
    wal::RecordReader reader(bytes.bytes().subspan(at, header->total_bytes), *header);
    for (std::int32_t left = header->record_count; left > 0; --left) {
      auto record = reader.Next();
      if (!record || !*record) return false;
      if ((*record)->offset < from) continue;
      out.push_back({(*record)->offset, header->leader_epoch,
                     std::string(AsText((*record)->value.value_or(Bytes{})))});
    }
    at += header->total_bytes;
  }
  return true;
}

}  // namespace kronika::sim
