#include "raft/calls.h"

#include "base/planted.h"

namespace kronika::raft {

Calls::Calls(Loop& loop, std::uint64_t first, Sender sender)
    : loop_(loop),
      sender_(std::move(sender)),
      next_(KRONIKA_PLANTED("calls-numbered-from-one") ? 1 : first) {}

Calls::~Calls() {
  for (auto& [correlation, waiting] : waiting_) {
    loop_.Cancel(waiting.timer);
    waiting.done(Fail(ErrorCode::kShutdown, "the broker is stopping"));
  }
}

void Calls::Start(BrokerId to, std::uint32_t kind, Slice payload, Duration timeout,
                  Done<Slice> done) {
  std::uint64_t correlation = next_++;
  auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  TimerId timer = loop_.RunAfter(timeout, [this, correlation] {
    End(correlation, Fail(ErrorCode::kTimedOut, "the other broker did not answer in time"));
  });
  waiting_.emplace(correlation, Waiting{to, timer, std::move(done)});
  Call call{correlation, kind, static_cast<std::uint32_t>(timeout_ms), std::move(payload)};
  if (sender_(to, std::move(call), std::nullopt)) return;
  loop_.Post([this, alive = std::weak_ptr(alive_), correlation] {
    if (alive.lock())
      End(correlation, Fail(ErrorCode::kUnavailable, "the other broker is not connected"));
  });
}

void Calls::End(std::uint64_t correlation, Result<Slice> result) {
  auto found = waiting_.find(correlation);
  if (found == waiting_.end()) return;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  loop_.Cancel(waiting.timer);
  waiting.done(std::move(result));
}

void Calls::OnCall(BrokerId from, const Call& call) {
  auto answer = [this, alive = std::weak_ptr(alive_), from,
                 correlation = call.correlation](Result<Slice> result) {
    // An answer that finds no way back is lost with the stream; the caller learns of that by
    // itself.
    if (alive.lock()) sender_(from, std::nullopt, CallAnswer{correlation, std::move(result)});
  };
  auto handler = handlers_.find(call.kind);
  if (handler == handlers_.end()) {
    return answer(
        Fail(ErrorCode::kUnsupported, "unknown kind of call " + std::to_string(call.kind)));
  }
  handler->second(from, call, std::move(answer));
}

void Calls::OnAnswer(BrokerId from, CallAnswer answer) {
  auto found = waiting_.find(answer.correlation);
  if (found == waiting_.end() || found->second.to != from) return;
  End(answer.correlation, std::move(answer.result));
}

void Calls::OnPeerLost(BrokerId peer) {
  std::vector<std::uint64_t> lost;
  for (const auto& [correlation, waiting] : waiting_) {
    if (waiting.to == peer) lost.push_back(correlation);
  }
  for (auto correlation : lost) {
    End(correlation, Fail(ErrorCode::kUnavailable, "the connection was lost before the answer"));
  }
}

}  // namespace kronika::raft
