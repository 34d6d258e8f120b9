#include "broker/cluster/controller_link.h"

#include <algorithm>
#include <utility>

namespace kronika::broker {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(50);

}  // namespace

struct ControllerLink::Question {
  CallKind kind;
  Slice payload;
  Instant deadline;
  Done<Slice> done;
};

void ControllerLink::Ask(CallKind kind, Slice payload, Instant deadline, Done<Slice> done) {
  Try(std::make_shared<Question>(Question{kind, std::move(payload), deadline, std::move(done)}));
}

void ControllerLink::Try(const std::shared_ptr<Question>& question) {
  BrokerId controller = environment_.controller();
  auto answered = [this, alive = std::weak_ptr(alive_), question](Result<Slice> answer) {
    if (!alive.lock()) return;
    if (!answer && answer.error().code == ErrorCode::kNotLeader)
      return TryLater(question, answer.error());
    question->done(std::move(answer));
  };
  if (controller == environment_.self)
    return environment_.local.Handle(question->kind, question->payload, answered);
  if (controller == kNoBroker || !environment_.connected(controller)) {
    return TryLater(question, {ErrorCode::kNotLeader,
                               "no controller can be reached: the metadata group has no leader, or "
                               "this broker is not connected to it"});
  }
  Duration left = std::max(question->deadline - environment_.loop.Now(),
                           Duration(std::chrono::milliseconds(1)));
  environment_.calls.Start(controller, std::to_underlying(question->kind), question->payload, left,
                           answered);
}

void ControllerLink::TryLater(const std::shared_ptr<Question>& question, const Error& error) {
  if (environment_.loop.Now() + kPause > question->deadline) {
    return environment_.loop.Post(
        [question, error] { question->done(Fail(ErrorCode::kTimedOut, error.text)); });
  }
  environment_.loop.RunAfter(kPause, [this, alive = std::weak_ptr(alive_), question] {
    if (alive.lock()) Try(question);
  });
}

}  // namespace kronika::broker
