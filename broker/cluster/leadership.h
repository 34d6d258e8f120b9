// Leadership: LeadershipView and MetadataView over what this broker has heard. On the worker's
// loop.
//
// The epoch told for a partition never goes back: LeaderStates keeps the newest term, and a term
// without a leader yet keeps the epoch of the last leader that served.
#pragma once

#include <functional>
#include <set>

#include "broker/leadership_view.h"
#include "broker/services.h"
#include "raft/leader_states.h"

namespace kronika::broker {

class Leadership final : public LeadershipView, public MetadataView {
 public:
  Leadership(const raft::LeaderStates& states, std::function<metadata::ImagePtr()> image,
             std::function<BrokerId()> controller)
      : states_(states), image_(std::move(image)), controller_(std::move(controller)) {}

  PartitionLeadership Find(const Uuid& topic, std::int32_t partition) const override;
  bool IsLive(BrokerId broker) const override { return live_.contains(broker); }
  BrokerId Controller() const override { return controller_(); }
  metadata::ImagePtr Image() const override { return image_(); }

  // What the controller last said.
  void SetLive(const std::vector<BrokerId>& live) { live_ = {live.begin(), live.end()}; }
  const std::set<BrokerId>& live() const { return live_; }

 private:
  const raft::LeaderStates& states_;
  std::function<metadata::ImagePtr()> image_;
  std::function<BrokerId()> controller_;
  std::set<BrokerId> live_;
};

}  // namespace kronika::broker
