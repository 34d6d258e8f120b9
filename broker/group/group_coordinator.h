// GroupCoordinator: this broker's part in coordinating groups: which partition of
// __consumer_offsets a group belongs to, and the doors of the Kafka handlers to it.
//
// The broker's loop. A group belongs to the partition that Java's hash of its id names; whoever
// leads that partition answers.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "broker/group/offsets_partition.h"
#include "metadata/broker_configs.h"
#include "metadata/delta.h"

namespace kronika::broker {

GroupOptions ToGroupOptions(const metadata::BrokerSettings& settings);

class GroupCoordinator {
 public:
  struct Environment {
    Loop& loop;
    Log& log;
    Rng& rng;
    std::function<metadata::ImagePtr()> image;
    std::function<Partition*(const Uuid& topic, std::int32_t partition)> partition;
    std::function<Duration()> stood_still;  // as OffsetsEnvironment's
    metadata::BrokerSettings settings;
  };
  explicit GroupCoordinator(Environment environment) : environment_(std::move(environment)) {}

  // What a replica of `place` keeps beside its log; null if it is of another topic.
  std::unique_ptr<PartitionState> MakeState(const metadata::PartitionRef& place);
  // Offsets of topics that were deleted go.
  void OnImage(const metadata::Delta& delta);

  // As OffsetsPartition's, for the group's partition.
  void Call(std::string_view group, OffsetsPartition::Ask ask, GroupDone done);
  // For commits and whatever else is only a record: with offsets.commit.timeout.ms.
  void CallInTime(std::string_view group, OffsetsPartition::Ask ask, GroupDone done);
  void Confirmed(std::string_view group, OffsetsPartition::Read read);
  // Every partition that this broker coordinates.
  std::vector<OffsetsPartition*> Led() const;
  // As counted in partitions that have a replica here.
  CoordinatorCounters counters() const;
  // Whether some partition is led here and not ready yet.
  bool Loading() const;

  // A fresh id for a new member: `prefix`-UUID.
  std::string NewMemberId(std::string_view prefix);
  const metadata::BrokerSettings& settings() const { return environment_.settings; }

 private:
  using Place = std::pair<Uuid, std::int32_t>;
  // Null with an error.
  OffsetsPartition* Find(std::string_view group, KafkaError& error) const;

  Environment environment_;
  std::map<Place, OffsetsPartition*> partitions_;  // owned by their replicas
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
