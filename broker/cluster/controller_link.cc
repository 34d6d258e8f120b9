#include "broker/cluster/controller_link.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace kronika::broker {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(50);

// Whether the controller may act on it twice: the second time changes nothing, or leaves a gap in
// numbers that nobody misses.
bool MayRepeat(CallKind kind) {
  switch (kind) {
    case CallKind::kRegister:
    case CallKind::kAllocateProducerIds:
    case CallKind::kReplaceBroker:
    case CallKind::kReportMembership:
      return true;
    case CallKind::kCreateTopics:
    case CallKind::kDeleteTopics:
    case CallKind::kLiveBrokers:
    case CallKind::kReplaceReplica:
    case CallKind::kWhoAmI:
    case CallKind::kHighWatermarks:
    case CallKind::kElectPreferred:
    case CallKind::kStopping:
      return false;
  }
  std::unreachable();
}

}  // namespace

struct ControllerLink::Question {
  CallKind kind;
  Slice payload;
  Instant deadline;
  Done<Slice> done;
  std::uint64_t attempts = 0;  // what an earlier one brings counts no more
};

void ControllerLink::Ask(CallKind kind, Slice payload, Instant deadline, Done<Slice> done) {
  Try(std::make_shared<Question>(Question{kind, std::move(payload), deadline, std::move(done)}));
}

void ControllerLink::Try(const std::shared_ptr<Question>& question) {
  const Attempt attempt{environment_.controller(), ++question->attempts};
  auto answered = [this, alive = std::weak_ptr(alive_), question,
                   number = attempt.number](Result<Slice> answer) {
    if (alive.lock() && question->attempts == number) OnAnswer(question, std::move(answer));
  };
  if (attempt.controller == environment_.self)
    return environment_.local(question->kind, question->payload, answered);
  if (attempt.controller == kNoBroker || !environment_.connected(attempt.controller)) {
    return TryLater(question, {ErrorCode::kNotLeader,
                               "no controller can be reached: the metadata group has no leader, or "
                               "this broker is not connected to it"});
  }
  Duration left = std::max(question->deadline - environment_.loop.Now(),
                           Duration(std::chrono::milliseconds(1)));
  environment_.calls.Start(attempt.controller, std::to_underlying(question->kind),
                           question->payload, left, answered);
  if (MayRepeat(question->kind)) Watch(question, attempt);
}

void ControllerLink::OnAnswer(const std::shared_ptr<Question>& question, Result<Slice> answer) {
  ++question->attempts;
  const bool lost = !answer && answer.error().code == ErrorCode::kUnavailable;
  const bool refused = !answer && answer.error().code == ErrorCode::kNotLeader;
  if (refused || (lost && MayRepeat(question->kind))) return TryLater(question, answer.error());
  question->done(std::move(answer));
}

void ControllerLink::Watch(const std::shared_ptr<Question>& question, Attempt attempt) {
  environment_.loop.RunAfter(kPause, [this, alive = std::weak_ptr(alive_), question, attempt] {
    if (!alive.lock() || question->attempts != attempt.number) return;
    const BrokerId now = environment_.controller();
    const bool moved = now != attempt.controller && now != kNoBroker;
    if (moved && !KRONIKA_PLANTED("hanging-controller-waited-for")) return Try(question);
    Watch(question, attempt);
  });
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
