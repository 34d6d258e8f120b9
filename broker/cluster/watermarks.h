// Watermarks: the high watermarks of partitions that other brokers lead, asked of their leaders, so
// that a coordinator's broker can tell a consumer group's lag.
//
// On the worker's loop. Reporting only: nothing is decided by what stands here.
// 1. A leader is asked at most once in kEvery, for all its partitions together (kPerCall in one
//    call), over the data lane. Nobody is asked while nothing is wanted.
// 2. What is known carries the time at which its leader said it; a partition that is not wanted any
//    more is forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/loop.h"
#include "broker/cluster/calls.h"
#include "broker/leadership_view.h"
#include "broker/partition/partition.h"
#include "raft/calls.h"

namespace kronika::broker {

struct KnownWatermark {
  std::int64_t high_watermark = 0;
  Instant at;
};

class Watermarks {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(10);
  static constexpr Duration kPatience = std::chrono::seconds(5);
  static constexpr std::size_t kPerCall = 10'000;

  struct Environment {
    Loop& loop;
    raft::Calls& calls;
    BrokerId self;
    const LeadershipView& leadership;
    Partitions& partitions;
    // The partitions whose high watermarks matter here at present.
    std::function<std::vector<PartitionId>()> wanted;
  };

  explicit Watermarks(Environment environment) : environment_(std::move(environment)) {}
  ~Watermarks() { Stop(); }

  // Answers other brokers, and asks them from now on.
  void Start();
  void Stop();
  // Null: nobody has said it yet.
  const KnownWatermark* Find(const PartitionId& partition) const;

 private:
  void OnTimer();
  void Ask(BrokerId leader, std::vector<PartitionId> partitions);
  void Take(const std::vector<PartitionId>& partitions, const Slice& answer);
  // -1 where this broker does not lead.
  std::int64_t Local(const PartitionId& partition) const;

  Environment environment_;
  std::map<PartitionId, KnownWatermark> known_;
  TimerId timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
