// WorkerPool: a few plain threads that run thunks from one queue; for calls that may block (disk,
// RocksDB).
//
// 1. Submit() may be called by any thread. Thunks start in the order of submission; with more than
//    one thread they end in any order.
// 2. The destructor runs what is still queued to its end, then joins. What they submit meanwhile
//    runs, too.
// 3. The queue has no bound of its own: whoever submits bounds what it has under way.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.h"

namespace kronika {

class WorkerPool {
 public:
  // `name` (at most 15 characters) is what a debugger shows.
  WorkerPool(std::string name, std::size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Submit(Thunk thunk);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Thunk> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kronika
