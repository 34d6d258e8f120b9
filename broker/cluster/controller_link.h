// ControllerLink: how a broker asks the controller, wherever that is. On the worker's loop.
//
// A question that was certainly not acted upon (no controller known, not the controller, not
// connected) is asked again until its deadline; one whose outcome is unknown is not.
#pragma once

#include <functional>
#include <memory>

#include "base/loop.h"
#include "broker/cluster/controller_calls.h"
#include "raft/calls.h"

namespace kronika::broker {

class ControllerLink {
 public:
  struct Environment {
    Loop& loop;
    raft::Calls& calls;
    ControllerCalls& local;
    BrokerId self;
    // The metadata leader as far as this broker knows; kNoBroker.
    std::function<BrokerId()> controller;
    std::function<bool(BrokerId)> connected;
  };

  explicit ControllerLink(Environment environment) : environment_(std::move(environment)) {}

  void Ask(CallKind kind, Slice payload, Instant deadline, Done<Slice> done);

 private:
  struct Question;
  void Try(const std::shared_ptr<Question>& question);
  void TryLater(const std::shared_ptr<Question>& question, const Error& error);

  Environment environment_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
