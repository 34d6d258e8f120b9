// ControllerCalls: answers what brokers ask the controller, by ControllerService. On the worker's
// loop.
#pragma once

#include "base/rng.h"
#include "broker/cluster/calls.h"
#include "broker/cluster/controller_service.h"
#include "raft/calls.h"

namespace kronika::broker {

class ControllerCalls {
 public:
  // `rng` draws the ids of topics.
  ControllerCalls(ControllerService& service, Rng& rng) : service_(service), rng_(rng) {}

  // Lets other brokers ask.
  void Serve(raft::Calls& calls);
  // `done` once, perhaps inside the call. kNotLeader: nothing was done; kUnavailable: the outcome
  // is unknown.
  void Handle(CallKind kind, const Slice& payload, Done<Slice> done);

 private:
  void TakeRecord(const Slice& payload, Done<Slice> done);
  void CreateTopics(const Slice& payload, Done<Slice> done);
  void DeleteTopics(const Slice& payload, Done<Slice> done);
  void AllocateProducerIds(const Slice& payload, Done<Slice> done);
  void ReplaceReplica(const Slice& payload, Done<Slice> done);

  ControllerService& service_;
  Rng& rng_;
};

}  // namespace kronika::broker
