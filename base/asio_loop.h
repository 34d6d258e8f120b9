// AsioLoop: the Loop of a real worker, over a Boost.Asio io_context on epoll.
//
// Run() makes the calling thread the loop's thread. Post() and Stop() may be called by any thread.
// 1. A turn is one thunk or one Asio handler; Now() reads the clock at most once a turn.
// 2. Post() takes one lock and wakes the loop only if nothing was posted before; a batch of posted
//    thunks runs up to a bound, then sockets and timers have their chance.
// 3. Background work runs on a pool of the loop's own. The destructor lets it end, then drops all
//    thunks.
// 4. Asio's headers are included by asio_loop.cc only; networking code reaches the context through
//    context().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/loop.h"

namespace boost::asio {
class io_context;
}

namespace kronika {

struct AsioLoopOptions {
  std::size_t background_threads = 2;
  std::size_t posted_per_round_max = 256;
};

class AsioLoop final : public Loop {
 public:
  explicit AsioLoop(AsioLoopOptions options = {});
  ~AsioLoop() override;
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  Instant Now() const override;
  std::int64_t WallNowMs() const override;
  void Post(Thunk thunk) override;
  TimerId RunAt(Instant when, Thunk thunk) override;
  void Cancel(TimerId id) override;
  void Background(Thunk work, Thunk done) override;

  // Runs until Stop(), also when there is nothing to do; a Stop() that came before counts. May be
  // run again.
  void Run();
  void Stop();
  // For tests and start-up: runs until `condition` (asked after every handler) holds; false after
  // `limit` or Stop().
  bool RunUntil(const std::function<bool()>& condition, Duration limit);

  // Calls `ready` in a turn of its own whenever `descriptor` can be read, until the result is
  // destroyed (on the loop; also inside `ready`). The descriptor stays the caller's, and open as
  // long.
  [[nodiscard]] std::shared_ptr<void> WatchReadable(int descriptor, Thunk ready);

  boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kronika
