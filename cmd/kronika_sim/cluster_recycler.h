// A topic that is deleted and created again under its name, while producers and readers use it.
//
//   create ─▶ learn its id ─▶ producers and readers for a while ─▶ delete by id ─▶ create ...
//
// One thread. 1. A deletion names the id: one that arrives late cannot remove a later topic.
// 2. Whoever works on a topic that is gone is stopped; what it had under way is nobody's promise.
// 3. A later topic of the name begins at offset 0, above its predecessor's leader epochs (C10).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_client.h"
#include "cmd/kronika_sim/cluster_producer.h"
#include "cmd/kronika_sim/cluster_reader.h"

namespace kronika::sim {

class SimRecycler {
 public:
  SimRecycler(ClientWorld& world, std::string name);

  void Start() { Create(); }
  // Goes on until a topic is there and its producers were answered, and leaves it.
  void Finish();
  void Stop();
  bool settled() const;
  // Of the topic that is there; zero while there is none.
  const Uuid& topic_id() const { return topic_id_; }
  std::int32_t partitions() const { return partitions_; }
  const std::vector<std::unique_ptr<SimReader>>& readers() const { return readers_; }
  std::string Describe() const;

 private:
  void Create();
  void FindId();
  void Live();
  void Delete();
  void StopWorkers();
  void Later(Duration pause, void (SimRecycler::*next)());

  ClientWorld& world_;
  const std::string name_;
  SimClient admin_;
  Uuid topic_id_;
  std::int32_t partitions_ = 1;
  std::set<Uuid> gone_;
  std::int32_t epoch_floor_ = -1;  // the highest leader epoch that a predecessor showed
  std::vector<std::unique_ptr<SimProducer>> producers_;
  std::vector<std::unique_ptr<SimReader>> readers_;
  std::uint64_t workers_ = 0;
  bool finishing_ = false;
  const char* doing_ = "nothing";
  TimerId timer_;
};

}  // namespace kronika::sim
