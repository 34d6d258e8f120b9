// Interrupt: whether the user asked a blocking command to end, so that it ends in order.
//
// Made on the main thread before any other thread is; one at a time. Invariant: while it lives,
// SIGINT, SIGTERM and SIGHUP do not end the process, and neither does writing to a pipe that nobody
// reads.
#pragma once

#include <signal.h>

namespace kronika::cmd {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // From the first signal on, always. Does not wait.
  bool Raised();

 private:
  sigset_t watched_{};
  sigset_t before_{};
  bool raised_ = false;
};

}  // namespace kronika::cmd
