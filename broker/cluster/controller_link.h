// ControllerLink: how a broker asks the controller, wherever that is. On the worker's loop.
//
// A question that was certainly not acted upon (no controller known, not the controller, not
// connected) is asked again until its deadline. One whose outcome is unknown is asked again only if
// that does no harm, as soon as its connection is lost or another controller is known: the one that
// was asked may hang for as long as it likes.
#pragma once

#include <functional>
#include <memory>

#include "base/loop.h"
#include "broker/cluster/calls.h"
#include "raft/calls.h"

namespace kronika::broker {

class ControllerLink {
 public:
  struct Environment {
    Loop& loop;
    raft::Calls& calls;
    // Where this broker is the controller itself.
    std::function<void(CallKind kind, const Slice& payload, Done<Slice> done)> local;
    BrokerId self;
    // The metadata leader as far as this broker knows; kNoBroker.
    std::function<BrokerId()> controller;
    std::function<bool(BrokerId)> connected;
  };

  explicit ControllerLink(Environment environment) : environment_(std::move(environment)) {}

  void Ask(CallKind kind, Slice payload, Instant deadline, Done<Slice> done);

 private:
  struct Question;
  struct Attempt {
    BrokerId controller = kNoBroker;
    std::uint64_t number = 0;
  };
  void Try(const std::shared_ptr<Question>& question);
  void OnAnswer(const std::shared_ptr<Question>& question, Result<Slice> answer);
  void Watch(const std::shared_ptr<Question>& question, Attempt attempt);
  void TryLater(const std::shared_ptr<Question>& question, const Error& error);

  Environment environment_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
