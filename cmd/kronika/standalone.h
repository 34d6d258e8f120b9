// One broker by itself, without a cluster: it knows itself and no topics. What `kronika start` serves until the
// metadata group stands behind it.
//
// The broker's loop.
#pragma once

#include "broker/services.h"
#include "config/options.h"

namespace kronika::cmd {

class Standalone final : public broker::MetadataView,
                         public broker::LeadershipView,
                         public broker::Partitions,
                         public broker::AdminForwarder {
 public:
  Standalone(Loop& loop, const config::Options& options);

  metadata::ImagePtr Image() const override { return image_; }
  broker::PartitionLeadership Find(const Uuid&, std::int32_t) const override { return {}; }
  bool IsLive(BrokerId broker) const override { return broker == broker_; }
  BrokerId Controller() const override { return broker_; }
  broker::Partition* Find(const Uuid&, std::int32_t) override { return nullptr; }
  void CreateTopics(broker::CreateTopicsCall call,
                    std::move_only_function<void(std::vector<broker::TopicOutcome>)> done) override;
  void DeleteTopics(std::vector<broker::TopicRef> topics, Instant deadline,
                    std::move_only_function<void(std::vector<broker::TopicOutcome>)> done) override;
  void AllocateProducerId(std::move_only_function<void(broker::ProducerIdentity)> done) override;

 private:
  Loop& loop_;
  const BrokerId broker_;
  metadata::ImagePtr image_;
};

}  // namespace kronika::cmd
