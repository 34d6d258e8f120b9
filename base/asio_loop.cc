#include "base/asio_loop.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/worker_pool.h"

namespace kronika {
namespace {
using Clock = std::chrono::steady_clock;

// Asio closes descriptors that it was given; this one is lent.
class ReadableWatch : public std::enable_shared_from_this<ReadableWatch> {
 public:
  ReadableWatch(boost::asio::io_context& context, int descriptor, Thunk ready)
      : descriptor_(context, descriptor), ready_(std::move(ready)) {}
  ~ReadableWatch() { descriptor_.release(); }

  void Wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& error) {
                             auto self = weak.lock();
                             if (error || !self) return;
                             self->ready_();
                             if (self.use_count() > 1) self->Wait();
                           });
  }

 private:
  boost::asio::posix::stream_descriptor descriptor_;
  Thunk ready_;
};

}  // namespace

struct AsioLoop::Impl {
  struct TimerKey {
    Instant when;
    std::uint64_t sequence = 0;
    auto operator<=>(const TimerKey&) const = default;
  };

  explicit Impl(AsioLoopOptions options_in)
      : options(options_in),
        guard(boost::asio::make_work_guard(context)),
        timer(context),
        pool(std::make_unique<WorkerPool>("background", options_in.background_threads)) {}

  Instant Now() {
    if (!now) now = Instant{Clock::now() - start};
    return *now;
  }

  void Post(Thunk thunk) {
    bool wake = false;
    {
      std::lock_guard lock(mutex);
      posted.push_back(std::move(thunk));
      wake = !std::exchange(drain_queued, true);
    }
    if (wake) boost::asio::post(context, [this] { Drain(); });
  }

  // Runs at most a round of what was posted when it began.
  void Drain() {
    std::deque<Thunk> batch;
    {
      std::lock_guard lock(mutex);
      batch.swap(posted);
    }
    std::size_t ran = 0;
    for (; !batch.empty() && ran < options.posted_per_round_max && !stopped; ++ran) {
      Thunk thunk = std::move(batch.front());
      batch.pop_front();
      now.reset();
      thunk();
    }
    std::lock_guard lock(mutex);
    while (!batch.empty()) {
      posted.push_front(std::move(batch.back()));
      batch.pop_back();
    }
    drain_queued = !posted.empty();
    if (drain_queued) boost::asio::post(context, [this] { Drain(); });
  }

  TimerId Add(Instant when, Thunk thunk) {
    const TimerKey key{when, ++last_sequence};
    timers.emplace(key, std::move(thunk));
    times.emplace(key.sequence, when);
    Arm();
    return {key.sequence};
  }

  void Cancel(TimerId id) {
    auto found = times.find(id.value);
    if (found == times.end()) return;
    const TimerKey key{found->second, id.value};
    times.erase(found);
    // The thunk dies at the end of the scope, when the maps are in order again.
    auto node = timers.extract(key);
  }

  // Sets the one Asio timer to the earliest of ours; a timer that fires early or in vain is
  // harmless.
  void Arm() {
    if (timers.empty()) return;
    const Instant first = timers.begin()->first.when;
    if (armed && *armed <= first) return;
    armed = first;
    timer.expires_at(start + first.since_start);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) Fire();
    });
  }

  void Fire() {
    armed.reset();
    const Instant due = Now();
    const std::uint64_t last = last_sequence;
    while (!timers.empty() && !stopped) {
      const TimerKey key = timers.begin()->first;
      // Timers set by these thunks wait for the next round, so that sockets have their chance.
      if (key.when > due || key.sequence > last) break;
      auto node = timers.extract(timers.begin());
      times.erase(key.sequence);
      now.reset();
      node.mapped()();
    }
    Arm();
  }

  const AsioLoopOptions options;
  const Clock::time_point start = Clock::now();
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  boost::asio::steady_timer timer;
  std::optional<Instant> now;
  std::atomic<bool> stopped = false;

  std::mutex mutex;  // guards the next two
  std::deque<Thunk> posted;
  bool drain_queued = false;

  std::map<TimerKey, Thunk> timers;
  std::unordered_map<std::uint64_t, Instant> times;  // sequence -> time, of live timers
  std::uint64_t last_sequence = 0;
  std::optional<Instant> armed;
  std::unique_ptr<WorkerPool> pool;
};

AsioLoop::AsioLoop(AsioLoopOptions options) : impl_(std::make_unique<Impl>(options)) {}

AsioLoop::~AsioLoop() {
  impl_->pool.reset();
  // Thunks may own things whose destructors call the loop; they die while it still stands.
  while (true) {
    std::deque<Thunk> posted;
    {
      std::lock_guard lock(impl_->mutex);
      posted.swap(impl_->posted);
    }
    auto timers = std::exchange(impl_->timers, {});
    impl_->times.clear();
    if (posted.empty() && timers.empty()) break;
  }
}

Instant AsioLoop::Now() const {
  return impl_->Now();
}

std::int64_t AsioLoop::WallNowMs() const {
  auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

void AsioLoop::Post(Thunk thunk) {
  impl_->Post(std::move(thunk));
}

TimerId AsioLoop::RunAt(Instant when, Thunk thunk) {
  return impl_->Add(when, std::move(thunk));
}

void AsioLoop::Cancel(TimerId id) {
  impl_->Cancel(id);
}

void AsioLoop::Background(Thunk work, Thunk done) {
  if (!impl_->pool) return;
  impl_->pool->Submit([this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    work = nullptr;
    Post(std::move(done));
  });
}

void AsioLoop::Run() {
  RunUntil([] { return false; }, Duration::max());
}

void AsioLoop::Stop() {
  // In this order: whoever sees the flag uses both up, and a stop of the context that came later
  // would end every run to come.
  impl_->context.stop();
  impl_->stopped = true;
}

bool AsioLoop::RunUntil(const std::function<bool()>& condition, Duration limit) {
  const Clock::time_point begin = Clock::now();
  const bool endless = limit > Clock::time_point::max() - begin;
  const auto end = endless ? Clock::time_point::max() : begin + limit;
  bool holds = condition();
  while (!holds && !impl_->stopped && Clock::now() < end) {
    impl_->now.reset();
    if (endless) {
      impl_->context.run_one();
    } else {
      impl_->context.run_one_until(end);
    }
    holds = condition();
  }
  // A Stop() from another thread counts even if it came before this call; it is used up here.
  if (impl_->stopped.exchange(false)) impl_->context.restart();
  return holds;
}

std::shared_ptr<void> AsioLoop::WatchReadable(int descriptor, Thunk ready) {
  auto watch = std::make_shared<ReadableWatch>(impl_->context, descriptor, std::move(ready));
  watch->Wait();
  return watch;
}

boost::asio::io_context& AsioLoop::context() {
  return impl_->context;
}

}  // namespace kronika
