// Waiting for signals on a thread; see signals.h.
#include "cmd/kronika/signals.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace kronika::cmd {
namespace {

sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that is gone is an error of a write, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
}

void Signals::Watch(Loop& loop, Thunk stop) {
  waiter_ = std::thread([this, &loop, stop = std::move(stop)]() mutable {
    const sigset_t set = EndSignals();
    int signal_number = 0;
    sigwait(&set, &signal_number);
    if (!ending_) loop.Post(std::move(stop));
  });
}

void Signals::StopWatching() {
  if (!waiter_.joinable()) return;
  ending_ = true;
  // Ends the wait when the process ends for another reason; the thunk is then never run.
  pthread_kill(waiter_.native_handle(), SIGTERM);
  waiter_.join();
}

}  // namespace kronika::cmd
