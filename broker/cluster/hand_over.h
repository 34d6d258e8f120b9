// HandOver: a broker that was asked to stop lets others lead first: partitions, coordinators among
// them, then the metadata group.
//
// On the worker's loop. Once in a life.
// 1. From its beginning nothing is taken over here, by election or by transfer.
// 2. It ends when nothing is led here that somebody else could lead, when nobody else can lead
//    anything, or at its limit.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/log.h"
#include "broker/cluster/leader_transfers.h"

namespace kronika::broker {

class HandOver {
 public:
  struct Environment {
    Loop& loop;
    Log& log;
    raft::GroupManager& groups;
    LeaderTransfers& transfers;
  };

  explicit HandOver(Environment environment) : environment_(environment) {}
  ~HandOver();

  // `done` once, later.
  void Begin(Duration limit, Thunk done);

 private:
  struct Led {
    std::size_t partitions = 0;  // still led here, and somebody else may lead them
    std::size_t stay = 0;        // nobody else may
    bool metadata = false;       // led here, and somebody else may lead it
  };
  Led Look();
  void Offer(raft::Group& group, BrokerId to);
  void Round();
  void End(const Led& led);

  Environment environment_;
  Instant began_;
  Instant until_;
  std::size_t led_at_first_ = 0;
  std::map<GroupId, BrokerId> tried_;
  TimerId timer_;
  Thunk done_;
};

}  // namespace kronika::broker
