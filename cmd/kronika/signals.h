// Signals: SIGTERM and SIGINT as a call on the loop.
//
// Made on the main thread before any other thread is. Invariant: the two signals are blocked in
// every thread, and one thread of our own waits for them.
#pragma once

#include <atomic>
#include <thread>

#include "base/loop.h"

namespace kronika::cmd {

class Signals {
 public:
  Signals();
  // From now on `stop` runs on `loop` when the process is asked to end. Called once.
  void Watch(Loop& loop, Thunk stop);
  // After this nothing is posted any more; to be called before the loop goes.
  void StopWatching();
  ~Signals() { StopWatching(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  std::atomic<bool> ending_ = false;
  std::thread waiter_;
};

}  // namespace kronika::cmd
