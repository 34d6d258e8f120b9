// FencedPartition: what the Kafka handlers see of a replica whose data is damaged: it refuses, and
// says why by its code. The partition's loop.
#pragma once

#include "broker/partition/partition.h"

namespace kronika::broker {

class FencedPartition final : public Partition {
 public:
  PartitionStatus Status() const override { return {}; }
  void Append(AppendRequest, AppendDone done) override {
    done({.error = KafkaError::kNotLeaderOrFollower, .text = "this replica is fenced"});
  }
  void Read(ReadRequest, ReadDone done) override {
    done({.error = KafkaError::kKafkaStorageError});
  }
  void FindOffset(OffsetQuery, OffsetDone done) override {
    done({.error = KafkaError::kNotLeaderOrFollower});
  }
  WaitList& waiters() override { return waiters_; }

 private:
  WaitList waiters_;
};

}  // namespace kronika::broker
