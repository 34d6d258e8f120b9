// The load of a simulated cluster: its topics, and the producers, readers and probers on them.
//
// One thread. 1. Topics are created through any broker, again until one says that they are there.
// 2. After Finish() nothing new is sent; what is under way is repeated until it is acknowledged,
// and readers go on to the end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_client.h"
#include "cmd/kronika_sim/cluster_groups.h"
#include "cmd/kronika_sim/cluster_keyed.h"
#include "cmd/kronika_sim/cluster_producer.h"
#include "cmd/kronika_sim/cluster_reader.h"
#include "cmd/kronika_sim/cluster_recycler.h"

namespace kronika::sim {

struct TopicPlan {
  std::string name;
  std::int32_t partitions = 1;
  std::int16_t replicas = 3;
  std::string min_insync = "2";
};

struct SimTopic {
  TopicPlan plan;
  Uuid id;  // zero: not created yet
};

class ClusterLoad {
 public:
  explicit ClusterLoad(ClientWorld world);
  ~ClusterLoad() { Stop(); }

  void CreateTopics();
  bool created() const;
  void Start();
  void Finish();
  void Stop();
  // Every producer was answered.
  bool settled() const;
  // Every reader of the log has read up to `end`.
  bool ReadersAt(const LogId& log, std::int64_t end) const;
  std::string Describe() const;
  // Of the topics that are there.
  std::vector<LogId> Logs() const;
  // What a broker says of committed offsets; nothing where it does not coordinate.
  void AskGroups(broker::GroupCoordinator& broker) {
    if (groups_) groups_->Ask(broker);
  }
  // The compacted topic; none in some seeds.
  const SimKeyed* keyed() const { return keyed_.get(); }

 private:
  void Create(std::size_t number);
  void FindId(std::size_t number);
  void AddProducers(const SimTopic& topic, std::int32_t partition);
  void AddReaders(const SimTopic& topic, std::int32_t partition);

  ClientWorld world_;
  SimClient admin_;
  std::vector<SimTopic> topics_;
  std::vector<std::unique_ptr<SimProducer>> producers_;
  std::vector<std::unique_ptr<SimReader>> readers_;
  std::vector<std::unique_ptr<SimProber>> probers_;
  SimRecycler recycler_;
  std::unique_ptr<SimGroups> groups_;  // once there are topics
  std::unique_ptr<SimKeyed> keyed_;
};

}  // namespace kronika::sim
