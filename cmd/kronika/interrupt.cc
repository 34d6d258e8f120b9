// Waiting signals, looked at between two steps; see interrupt.h.
#include "cmd/kronika/interrupt.h"

#include <ctime>
#include <initializer_list>

namespace kronika::cmd {

Interrupt::Interrupt() {
  sigemptyset(&watched_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&watched_, signal);
  sigset_t blocked = watched_;
  sigaddset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &blocked, &before_);
}

Interrupt::~Interrupt() {
  // A broken pipe that is still waiting would end the process here.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  const timespec no_time{};
  while (sigtimedwait(&pipe, nullptr, &no_time) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupt::Raised() {
  const timespec no_time{};
  if (!raised_) raised_ = sigtimedwait(&watched_, nullptr, &no_time) > 0;
  return raised_;
}

}  // namespace kronika::cmd
