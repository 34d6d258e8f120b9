// ControllerService: the metadata group's leader at work. Takes requests of all brokers (its own
// included), decides with metadata/controller.h's pure functions, proposes, and answers when the
// records are applied.
//
// On the worker's loop.
// 1. One decision is in flight: the next is made from the image that holds the last (else its
//    records may be void).
// 2. A request is answered once: with its outcome, or with kNotLeader when nothing of it was
//    proposed, or with kUnavailable when leadership was lost in between and the outcome is unknown.
// 3. What nobody asks for (carrying on replacements, founding) is looked at after each image and
//    each change of leadership.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "base/log.h"
#include "base/loop.h"
#include "metadata/controller.h"
#include "metadata/liveness.h"
#include "metadata/state_machine.h"
#include "raft/group.h"

namespace kronika::broker {

struct ControllerEnvironment {
  Loop& loop;
  Log& log;
  metadata::StateMachine& machine;
  metadata::BrokerSettings settings;
  Uuid cluster;
  std::vector<metadata::FoundingVoter> founders;
  std::uint64_t entry_bytes_max = 2 << 20;
};

class ControllerService {
 public:
  // Makes the records of one decision from the newest image.
  using Decide = std::function<Result<metadata::Records>(const metadata::ControllerView& view)>;

  explicit ControllerService(ControllerEnvironment environment)
      : environment_(std::move(environment)) {}
  ~ControllerService();

  void Bind(raft::Group& group) { group_ = &group; }
  bool leads() const { return group_ && group_->status().serving; }
  // `done` gets the index at which the decision is applied (of the image it was made from, if it
  // needed no records).
  void Submit(Decide decide, Done<Index> done);

  // From the state machine.
  void OnStatus(const raft::NodeStatus& status);
  void OnOutcome(const raft::Entry& entry, const Status& outcome);
  void OnImage();
  // The next step of the metadata group's own wish, if this broker leads it; to be called now and
  // then (SAFETY A13).
  void PursueOwnWish(int lag_ticks_max);

  void Heard(BrokerId broker) { liveness_.Heard(broker, environment_.loop.Now()); }
  std::vector<BrokerId> Live() const { return liveness_.Live(environment_.loop.Now()); }

 private:
  struct Job {
    Decide decide;
    Done<Index> done;
  };
  void Next();
  void LookAround();
  void FailAll(const Error& error);

  ControllerEnvironment environment_;
  raft::Group* group_ = nullptr;
  metadata::Liveness liveness_;
  std::deque<Job> jobs_;
  Done<Index> in_flight_;
  Index in_flight_index_;
  Term led_term_;
};

}  // namespace kronika::broker
