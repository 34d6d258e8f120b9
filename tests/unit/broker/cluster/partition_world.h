// Partitions of one topic as a broker sees them, in tests: who leads each, and what is here.
#pragma once

#include <map>

#include "broker/leadership_view.h"
#include "broker/partition/partition.h"

namespace kronika::broker {

class FakePartition final : public Partition {
 public:
  PartitionStatus Status() const override { return status; }
  void Append(AppendRequest, AppendDone) override {}
  void Read(ReadRequest, ReadDone) override {}
  void FindOffset(OffsetQuery, OffsetDone) override {}
  WaitList& waiters() override { return waiters_; }
  PartitionStatus status;

 private:
  WaitList waiters_;
};

// Leaders and local replicas by partition number; the topic is always the same.
class PartitionWorld final : public LeadershipView, public Partitions {
 public:
  PartitionLeadership Find(const Uuid&, std::int32_t partition) const override {
    const auto found = leaders.find(partition);
    return {.leader = found == leaders.end() ? kNoBroker : found->second};
  }
  bool IsLive(BrokerId) const override { return true; }
  BrokerId Controller() const override { return BrokerId{1}; }
  Partition* Find(const Uuid&, std::int32_t partition) override {
    const auto found = local.find(partition);
    return found == local.end() ? nullptr : &found->second;
  }
  std::map<std::int32_t, BrokerId> leaders;
  std::map<std::int32_t, FakePartition> local;
};

}  // namespace kronika::broker
