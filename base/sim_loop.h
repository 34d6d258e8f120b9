// SimLoop: a deterministic Loop for tests and the simulator. Several loops (one per simulated
// broker) share one SimScheduler, which owns one queue ordered by (time, sequence) and is the only
// clock.
//
// One thread calls everything here.
// 1. Time moves only when the queue reaches a later event, or to the end of RunUntil() and
//    RunFor().
// 2. A paused loop (SIGSTOP) runs nothing; what became due meanwhile runs after Resume() in its old
//    order.
// 3. A killed loop drops all its thunks and every later one. Its successor is a new SimLoop.
// 4. The same seed and the same calls give the same order of events, and so the same Digest().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "base/loop.h"
#include "base/rng.h"

namespace kronika {

class SimLoop;

class SimScheduler {
 public:
  // `rng` decides when background work runs; it outlives the scheduler.
  explicit SimScheduler(Rng& rng) : rng_(rng) {}
  // The loops are destroyed before their scheduler.
  ~SimScheduler();
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;

  Instant Now() const { return now_; }
  Rng& rng() { return rng_; }

  // Runs the next event; false when no loop has one that may run.
  bool Step();
  // Runs everything due up to and including `when`; Now() is `when` afterwards.
  void RunUntil(Instant when);
  void RunFor(Duration duration) { RunUntil(now_ + duration); }
  // Steps until `condition` holds; false when it does not within `limit` of simulated time.
  bool RunUntilTrue(const std::function<bool()>& condition, Duration limit);

  // Events that are queued and not held by a paused loop.
  std::size_t pending() const { return queue_.size(); }
  std::uint64_t events_run() const { return events_run_; }
  // A hash over (time, loop) of every event run so far: equal for equal runs.
  std::uint64_t Digest() const { return digest_; }

 private:
  friend class SimLoop;
  struct Key {
    Instant when;
    std::uint64_t sequence = 0;
    constexpr auto operator<=>(const Key&) const = default;
  };
  struct Event {
    SimLoop* loop = nullptr;
    Thunk thunk;
  };
  using Queue = std::map<Key, Event>;

  std::uint64_t Add(Instant when, SimLoop* loop, Thunk thunk);
  void RunFirst();

  Rng& rng_;
  Queue queue_;
  Instant now_;
  std::uint64_t last_sequence_ = 0;
  std::uint32_t loops_made_ = 0;
  std::uint32_t loops_alive_ = 0;
  std::uint64_t events_run_ = 0;
  std::uint64_t events_at_this_time_ = 0;
  std::uint64_t digest_ = 0;
};

struct SimLoopOptions {
  std::int64_t wall_clock_offset_ms = 0;  // how wrong this broker's wall clock is
  // Background work begins at a random time within this span.
  Duration background_delay_max = std::chrono::milliseconds(2);
};

class SimLoop final : public Loop {
 public:
  explicit SimLoop(SimScheduler& scheduler, SimLoopOptions options = {});
  ~SimLoop() override;
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  Instant Now() const override { return scheduler_.Now(); }
  std::int64_t WallNowMs() const override;
  void Post(Thunk thunk) override;
  TimerId RunAt(Instant when, Thunk thunk) override;
  void Cancel(TimerId id) override;
  void Background(Thunk work, Thunk done) override;

  void Pause() { paused_ = true; }
  void Resume();
  // Drops every thunk of this loop, without running it, now and for ever.
  void Kill();
  bool paused() const { return paused_; }
  bool killed() const { return killed_; }
  void SetWallClockOffsetMs(std::int64_t offset) { options_.wall_clock_offset_ms = offset; }
  // A number from 1, in the order the loops of this scheduler were made.
  std::uint32_t id() const { return id_; }

 private:
  friend class SimScheduler;
  SimScheduler& scheduler_;
  SimLoopOptions options_;
  SimScheduler::Queue held_;                // became due while this loop was paused
  std::map<std::uint64_t, Instant> times_;  // sequence -> time, of everything queued or held
  std::uint32_t id_ = 0;
  bool paused_ = false;
  bool killed_ = false;
};

}  // namespace kronika
