// Elections: ElectLeaders carried out: asks whoever leads a partition to hand it over to its
// preferred replica, and waits until this broker knows that it did.
//
// On the worker's loop.
// 1. What each partition needs is judged again whenever it is looked at: its leader may move, and
//    its preferred replica fall back, while the call waits.
// 2. A leader that began a transfer is asked again only when that one must have ended.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "broker/admin_forwarder.h"
#include "broker/cluster/leader_transfers.h"

namespace kronika::broker {

class Elections {
 public:
  using Done = std::move_only_function<void(std::vector<ElectionOutcome>)>;
  struct Environment {
    Loop& loop;
    raft::Calls& calls;
    const LeadershipView& leadership;
    std::function<metadata::ImagePtr()> image;
    BrokerId self;
    LeaderTransfers& transfers;
  };

  explicit Elections(Environment environment) : environment_(std::move(environment)) {}
  ~Elections();

  void ElectPreferred(const std::vector<PartitionId>& partitions, Instant deadline, Done done);

 private:
  struct Item {
    PartitionId partition;
    std::optional<ElectionOutcome> outcome;
    std::optional<Instant> ask_again;  // a leader was asked
  };
  struct Round {
    std::vector<Item> items;
    Instant deadline;
    Done done;
  };
  using RoundPtr = std::shared_ptr<Round>;
  void Look(const RoundPtr& round, bool first);
  // Kafka's answer, if there is one by now; else who leads it.
  void Judge(Item& item, bool first, std::map<BrokerId, std::vector<std::size_t>>& by_leader,
             std::size_t position) const;
  void Ask(const RoundPtr& round, BrokerId leader, const std::vector<std::size_t>& positions);
  void Take(const RoundPtr& round, std::size_t position, TransferAnswer answer) const;

  Environment environment_;
  std::map<RoundPtr, TimerId> rounds_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
