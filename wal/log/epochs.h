// The (leader epoch, first offset) list of a partition, and Kafka's OffsetForLeaderEpoch on it.
//
// Pure; used from the partition's loop. Follows from the committed log alone, the no-op that opens
// a term included, so every replica has the same (SAFETY C10).
// 1. Epochs and start offsets are strictly ascending: an epoch in which nothing was written
// vanishes when the next
//    begins, as in Kafka.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kronika::wal {

struct EpochStart {
  std::int32_t epoch = 0;
  std::int64_t start_offset = 0;
  bool operator==(const EpochStart&) const = default;
};

struct EpochEnd {
  std::int32_t epoch = -1;
  std::int64_t end_offset = -1;
  bool operator==(const EpochEnd&) const = default;
};

class LeaderEpochs {
 public:
  LeaderEpochs() = default;
  explicit LeaderEpochs(std::vector<EpochStart> starts) : starts_(std::move(starts)) {}

  // The epoch begins at `start_offset`, the log's end; does nothing if it is not above the latest.
  void Begin(std::int32_t epoch, std::int64_t start_offset);
  // The log starts at `offset` from now on.
  void CutFront(std::int64_t log_start_offset);

  // -1 = none yet.
  std::int32_t latest() const { return starts_.empty() ? -1 : starts_.back().epoch; }
  // The end of `epoch`: (epoch, log end) for the latest; the start of the next known one for those
  // between;
  // (-1, -1) above all, and where nothing is known.
  EpochEnd EndOf(std::int32_t epoch, std::int64_t log_end_offset) const;
  // The epoch of the record at `offset`; -1 if none is known.
  std::int32_t EpochAt(std::int64_t offset) const;
  const std::vector<EpochStart>& starts() const { return starts_; }

  // The text of Kafka's `leader-epoch-checkpoint`.
  std::string ToCheckpointText() const;

 private:
  std::vector<EpochStart> starts_;
};

}  // namespace kronika::wal
