#include "base/sim_loop.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted.h"

namespace kronika {
namespace {

// The simulated world begins at this wall-clock time; any plausible constant will do.
constexpr std::int64_t kWallStartMs = 1'700'000'000'000;
// More events than this at one instant are thunks that post each other for ever.
constexpr std::uint64_t kEventsPerInstantMax = 10'000'000;

}  // namespace

SimScheduler::~SimScheduler() {
  KRONIKA_CHECK(loops_alive_ == 0, "a SimLoop outlived its SimScheduler");
}

std::uint64_t SimScheduler::Add(Instant when, SimLoop* loop, Thunk thunk) {
  std::uint64_t sequence = ++last_sequence_;
  Key key{std::max(when, now_), sequence};
  queue_.emplace(key, Event{loop, std::move(thunk)});
  loop->times_.emplace(sequence, key.when);
  return sequence;
}

void SimScheduler::RunFirst() {
  auto node = queue_.extract(queue_.begin());
  const Key key = node.key();
  // A resumed loop brings back events of the past; the clock does not follow them.
  if (key.when > now_) {
    now_ = key.when;
    events_at_this_time_ = 0;
  }
  SimLoop* loop = node.mapped().loop;
  if (loop->paused_) {
    loop->held_.insert(std::move(node));
    return;
  }
  loop->times_.erase(key.sequence);
  ++events_run_;
  KRONIKA_CHECK(++events_at_this_time_ <= kEventsPerInstantMax, "thunks post each other for ever");
  digest_ =
      (digest_ ^ static_cast<std::uint64_t>(now_.since_start.count())) * 0x9e3779b97f4a7c15ULL;
  digest_ = (digest_ ^ digest_ >> 29 ^ loop->id_) * 0xbf58476d1ce4e5b9ULL;
  // The thunk may destroy its loop; nothing of it is touched afterwards.
  Thunk thunk = std::move(node.mapped().thunk);
  thunk();
}

bool SimScheduler::Step() {
  const std::uint64_t before = events_run_;
  while (events_run_ == before) {
    if (queue_.empty()) return false;
    RunFirst();
  }
  return true;
}

void SimScheduler::RunUntil(Instant when) {
  while (!queue_.empty() && queue_.begin()->first.when <= when) RunFirst();
  if (when > now_) {
    now_ = when;
    events_at_this_time_ = 0;
  }
}

bool SimScheduler::RunUntilTrue(const std::function<bool()>& condition, Duration limit) {
  const Instant end = now_ + limit;
  while (!condition()) {
    if (queue_.empty() || queue_.begin()->first.when > end) {
      RunUntil(end);
      return condition();
    }
    RunFirst();
  }
  return true;
}

SimLoop::SimLoop(SimScheduler& scheduler, SimLoopOptions options)
    : scheduler_(scheduler), options_(options), id_(++scheduler.loops_made_) {
  ++scheduler_.loops_alive_;
}

SimLoop::~SimLoop() {
  Kill();
  --scheduler_.loops_alive_;
}

std::int64_t SimLoop::WallNowMs() const {
  auto since_start = std::chrono::duration_cast<std::chrono::milliseconds>(Now().since_start);
  return kWallStartMs + since_start.count() + options_.wall_clock_offset_ms;
}

void SimLoop::Post(Thunk thunk) {
  if (!killed_) scheduler_.Add(Now(), this, std::move(thunk));
}

TimerId SimLoop::RunAt(Instant when, Thunk thunk) {
  if (killed_) return {};
  return {scheduler_.Add(when, this, std::move(thunk))};
}

void SimLoop::Cancel(TimerId id) {
  if (KRONIKA_PLANTED("loop-cancel-ignored")) return;
  auto found = times_.find(id.value);
  if (found == times_.end()) return;
  const SimScheduler::Key key{found->second, found->first};
  times_.erase(found);
  // The thunk dies at the end of the scope, after the queues are in order again.
  auto node = scheduler_.queue_.extract(key);
  if (node.empty()) node = held_.extract(key);
}

void SimLoop::Background(Thunk work, Thunk done) {
  if (killed_) return;
  const auto span = static_cast<std::uint64_t>(options_.background_delay_max.count());
  const Duration delay(scheduler_.rng().Below(span + 1));
  RunAt(Now() + delay, [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    Post(std::move(done));
  });
}

void SimLoop::Resume() {
  paused_ = false;
  scheduler_.queue_.merge(held_);
}

void SimLoop::Kill() {
  killed_ = true;
  // Destroying a thunk may call back into the loop, so the queues are cleared first.
  std::vector<SimScheduler::Queue::node_type> dropped;
  for (const auto& [sequence, when] : times_) {
    const SimScheduler::Key key{when, sequence};
    auto node = scheduler_.queue_.extract(key);
    if (node.empty()) node = held_.extract(key);
    dropped.push_back(std::move(node));
  }
  times_.clear();
}

}  // namespace kronika
