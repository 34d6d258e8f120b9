// DiskReserve: whether the disk of a data directory has room for more records, asked once a second.
// On the broker's loop.
//
//   free < reserve ──▶ low ── free >= reserve + an eighth ──▶ not low
//   free < half of it ──▶ nearly full ── half + an eighth ──▶ not nearly full
//
// 1. While it is low partitions led here refuse to produce, with KAFKA_STORAGE_ERROR; reading goes
//    on, and so do votes, metadata and following: the journal was allocated when it was made.
// 2. What followers take goes to segments in the end. While the disk is nearly full they refuse
//    appends as busy: the others commit without them, and they leave the in-sync replicas. Leaders
//    stop earlier, so that what brokers with one disk have proposed is still committed.
// 3. A question that fails changes nothing: what is broken there shows at the next write.
// 4. A reserve of 0 asks nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"

namespace kronika::broker {

class DiskReserve {
 public:
  DiskReserve(Loop& loop, Files& files, Log& log, std::uint64_t reserve_bytes)
      : loop_(loop), files_(files), log_(log), reserve_bytes_(reserve_bytes) {}
  ~DiskReserve();

  void Start();
  bool low() const { return low_; }
  bool nearly_full() const { return nearly_full_; }

 private:
  void Ask();
  void OnAnswer(std::uint64_t free_bytes);

  Loop& loop_;
  Files& files_;
  Log& log_;
  const std::uint64_t reserve_bytes_;
  bool low_ = false;
  bool nearly_full_ = false;
  TimerId timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
