#include "base/worker_pool.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace kronika {

WorkerPool::WorkerPool(std::string name, std::size_t threads) {
  // Signals are for the main thread: the workers are born with all of them blocked.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::Submit(Thunk thunk) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(thunk));
  }
  wake_.notify_one();
}

void WorkerPool::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Thunk thunk = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    thunk();
    thunk = nullptr;
    lock.lock();
  }
}

}  // namespace kronika
