// Compactor: which of a broker's logs is compacted next, one at a time.
//
// On the worker's loop. Looks every `log.cleaner.backoff.ms`, and again at once while there is
// something due: first the log with the largest share of dirty bytes.
// 1. One pass at a time in a broker: its memory and its reading are bounded by the two settings.
// 2. A pass that fails changes nothing; its log waits a minute, one whose records cannot be read an
//    hour.
// 3. While the disk is nearly full no pass begins: it needs room for a run of segments first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/log.h"
#include "base/rng.h"
#include "broker/partition/raft_partition.h"
#include "metadata/broker_configs.h"

namespace kronika::broker {

struct CompactionCounters {
  bool running = false;  // a pass is under way
  std::uint64_t passes = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_read = 0;  // of segments that were rewritten
  std::uint64_t bytes_kept = 0;
  std::uint64_t records_removed = 0;
};

class Compactor {
 public:
  struct Environment {
    Loop& loop;
    Log& log;
    Rng* rng = nullptr;                 // none: hashes have no secret
    const DiskReserve* disk = nullptr;  // none: room is not looked at
    metadata::BrokerSettings settings;
    std::function<void(const std::function<void(GroupId, RaftPartition&)>&)> each_partition;
  };
  explicit Compactor(Environment environment);
  ~Compactor();

  const CompactionCounters& counters() const { return counters_; }

 private:
  void LookAfter(Duration pause);
  void Look();
  void Ended(GroupId group, const std::string& directory, Instant began,
             const Result<wal::CompactionOutcome>& outcome);

  Environment environment_;
  CompactionCounters counters_;
  std::map<GroupId, Instant> not_before_;  // of logs that failed
  TimerId timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
