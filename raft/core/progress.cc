#include "raft/core/progress.h"

#include <algorithm>

#include "base/planted.h"

namespace kronika::raft {

void Window::Add(Index last, std::size_t bytes) {
  sent_.push_back({last, bytes});
  bytes_ += bytes;
}

void Window::FreeTo(Index index) {
  while (!sent_.empty() && sent_.front().last <= index) {
    bytes_ -= sent_.front().bytes;
    sent_.pop_front();
  }
}

void Window::Clear() {
  sent_.clear();
  bytes_ = 0;
}

bool Window::Full(const Options& options) const {
  return sent_.size() >= options.inflight_messages_max || bytes_ >= options.inflight_bytes_max;
}

std::string_view Name(ProgressState state) {
  switch (state) {
    case ProgressState::kProbe:
      return "probe";
    case ProgressState::kReplicate:
      return "replicate";
    case ProgressState::kInstall:
      return "install";
  }
  return "?";
}

void Progress::BecomeProbe(Index next_index) {
  state = ProgressState::kProbe;
  next = std::max(next_index, match + 1);
  probe_sent = false;
  wanted.reset();
  window.Clear();
}

void Progress::BecomeReplicate() {
  state = ProgressState::kReplicate;
  next = std::max(match, received) + 1;
  probe_sent = false;
  wanted.reset();
  window.Clear();
}

void Progress::BecomeInstall() {
  state = ProgressState::kInstall;
  probe_sent = false;
  wanted.reset();
  window.Clear();
}

bool Progress::CanSend(const Options& options) const {
  if (paused_ticks > 0 || wanted.has_value()) return false;
  switch (state) {
    case ProgressState::kProbe:
      return !probe_sent;
    case ProgressState::kReplicate:
      return !window.Full(options) || KRONIKA_PLANTED("window-ignored");
    case ProgressState::kInstall:
      return false;
  }
  return false;
}

bool Progress::Acknowledge(Index index) {
  if (index <= match) return false;
  match = index;
  received = std::max(received, index);
  next = std::max(next, match + 1);
  window.FreeTo(index);
  return true;
}

void Progress::NoteCaughtUp(Index leader_last, std::int64_t now) {
  if (match >= leader_last) {
    caught_up_tick = now;
  } else if (match >= mark) {
    caught_up_tick = std::max(caught_up_tick, mark_tick);
  } else {
    return;
  }
  mark = leader_last;
  mark_tick = now;
}

}  // namespace kronika::raft
