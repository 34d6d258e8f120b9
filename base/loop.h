// Loop: time, order and background work of one worker. Real: asio_loop; in tests and the simulator:
// sim_loop.
//
// 1. Everything that a worker owns is touched only from its loop. Post() is the one call that any
//    thread may make.
// 2. Now() is constant within a turn; thunks posted from one thread run in the order they were
//    posted.
// 3. Nothing run on a loop blocks. Work that may (RocksDB, file creation) goes to Background(); its
//    `done` runs on the loop, after `work` has run to its end on another thread.
// 4. Timers with equal times fire in the order they were set.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace kronika {

using Thunk = std::move_only_function<void()>;
using Duration = std::chrono::nanoseconds;

// A point on the loop's monotonic clock, counted from an arbitrary start.
struct Instant {
  Duration since_start{};
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return {since_start + d}; }
  constexpr Duration operator-(Instant other) const { return since_start - other.since_start; }
};

struct TimerId {
  std::uint64_t value = 0;  // 0 is never a live timer
};

class Loop {
 public:
  virtual ~Loop() = default;
  virtual Instant Now() const = 0;
  // Milliseconds since 1970. For record times and liveness of people, never for order or safety.
  virtual std::int64_t WallNowMs() const = 0;
  virtual void Post(Thunk thunk) = 0;
  virtual TimerId RunAt(Instant when, Thunk thunk) = 0;
  // After Cancel the thunk does not run; cancelling a fired or unknown timer does nothing.
  virtual void Cancel(TimerId id) = 0;
  virtual void Background(Thunk work, Thunk done) = 0;

  TimerId RunAfter(Duration delay, Thunk thunk) { return RunAt(Now() + delay, std::move(thunk)); }
};

}  // namespace kronika
