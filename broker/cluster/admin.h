// Admin: AdminForwarder over the controller: asks it, then waits until this broker itself shows the
// outcome.
//
// On the worker's loop.
// 1. CreateTopics is answered when the records are applied here and every partition has a leader
//    known here; at the deadline with success if they were committed.
// 2. Producer ids come from blocks that the metadata log gave to this broker; a block is never
//    handed out twice, an unfinished one is dropped at a restart.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>

#include "broker/admin_forwarder.h"
#include "broker/cluster/controller_link.h"
#include "broker/cluster/elections.h"
#include "broker/services.h"
#include "raft/leader_states.h"

namespace kronika::broker {

class Admin final : public AdminForwarder {
 public:
  struct Environment {
    Loop& loop;
    ControllerLink& controller;
    const MetadataView& metadata;
    const raft::LeaderStates& leaders;
    BrokerId self;
    Elections& elections;
  };

  explicit Admin(Environment environment) : environment_(environment) {}
  ~Admin() override;

  void CreateTopics(CreateTopicsCall call,
                    std::move_only_function<void(std::vector<TopicOutcome>)> done) override;
  void DeleteTopics(std::vector<TopicRef> topics, Instant deadline,
                    std::move_only_function<void(std::vector<TopicOutcome>)> done) override;
  void ElectPreferred(std::vector<PartitionId> partitions, Instant deadline,
                      std::move_only_function<void(std::vector<ElectionOutcome>)> done) override {
    environment_.elections.ElectPreferred(partitions, deadline, std::move(done));
  }
  void AllocateProducerId(std::move_only_function<void(ProducerIdentity)> done) override;

  // A new image, or news of a leader: whoever waits for it is looked at again.
  void OnNews();

 private:
  using Outcomes = std::move_only_function<void(std::vector<TopicOutcome>)>;
  struct Waiting {
    std::function<bool()> reached;
    TimerId timer;
    std::vector<TopicOutcome> outcomes;
    Outcomes done;
  };
  void WaitUntil(std::function<bool()> reached, Instant deadline,
                 std::vector<TopicOutcome> outcomes, Outcomes done);
  void TopicsAnswered(Result<Slice> answer, const std::vector<TopicOutcome>& asked,
                      Instant deadline, bool wait_for_leaders, Outcomes done);
  bool LeadersKnown(const std::vector<TopicOutcome>& outcomes) const;
  metadata::DeleteRequest ToRequest(const TopicRef& topic) const;
  void Refill();

  Environment environment_;
  std::list<std::shared_ptr<Waiting>> waiting_;
  bool news_posted_ = false;
  std::int64_t next_producer_id_ = 0;
  std::int64_t producer_ids_left_ = 0;
  bool refilling_ = false;
  std::deque<std::move_only_function<void(ProducerIdentity)>> id_waiters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
