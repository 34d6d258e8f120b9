// What loop.h promises, for the simulated and the real loop alike.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/unit/base/world.h"

namespace kronika {
namespace {

using std::chrono::milliseconds;

enum class Kind { kSim, kAsio };

class LoopContract : public testing::TestWithParam<Kind> {
 protected:
  LoopContract() {
    if (GetParam() == Kind::kSim) {
      world_ = std::make_unique<SimWorld>();
    } else {
      world_ = std::make_unique<AsioWorld>();
    }
  }
  Loop& loop() { return world_->loop(); }
  bool RunUntil(const std::function<bool()>& condition) { return world_->RunUntil(condition); }
  std::unique_ptr<World> world_;
};

TEST_P(LoopContract, PostedThunksRunInOrderAndNeverInsideTheCall) {
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) loop().Post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(RunUntil([&] { return order.size() == 1000; }));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(LoopContract, APostFromAThunkRunsAfterWhatWasPostedBefore) {
  std::vector<int> order;
  loop().Post([&] {
    order.push_back(1);
    loop().Post([&] { order.push_back(3); });
  });
  loop().Post([&] { order.push_back(2); });
  ASSERT_TRUE(RunUntil([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_P(LoopContract, TimersFireInOrderOfTimeThenOfSetting) {
  std::vector<int> order;
  const Instant now = loop().Now();
  loop().RunAt(now + milliseconds(6), [&] { order.push_back(4); });
  loop().RunAt(now + milliseconds(3), [&] { order.push_back(1); });
  loop().RunAt(now + milliseconds(3), [&] { order.push_back(2); });
  loop().RunAt(now + milliseconds(3), [&] { order.push_back(3); });
  ASSERT_TRUE(RunUntil([&] { return order.size() == 4; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST_P(LoopContract, ATimerNeverFiresEarly) {
  std::optional<Instant> fired;
  const Instant due = loop().Now() + milliseconds(5);
  loop().RunAt(due, [&] { fired = loop().Now(); });
  ASSERT_TRUE(RunUntil([&] { return fired.has_value(); }));
  EXPECT_GE(*fired, due);
}

TEST_P(LoopContract, ATimerInThePastFiresAtOnce) {
  bool fired = false;
  loop().RunAt(Instant{Duration(-5)}, [&] { fired = true; });
  EXPECT_FALSE(fired);
  EXPECT_TRUE(RunUntil([&] { return fired; }));
}

// Catches the planted bug loop-cancel-ignored in SimLoop.
TEST_P(LoopContract, ACancelledTimerDoesNotRun) {
  bool wrong = false;
  bool last = false;
  const Instant now = loop().Now();
  TimerId second;
  loop().RunAt(now + milliseconds(1), [&] { loop().Cancel(second); });
  // Due in the same instant as the one that cancels it.
  second = loop().RunAt(now + milliseconds(1), [&] { wrong = true; });
  const TimerId third = loop().RunAt(now + milliseconds(2), [&] { wrong = true; });
  loop().Cancel(third);
  loop().RunAt(now + milliseconds(4), [&] { last = true; });
  ASSERT_TRUE(RunUntil([&] { return last; }));
  EXPECT_FALSE(wrong);
  loop().Cancel(third);
  loop().Cancel(TimerId{});
  loop().Cancel(TimerId{987654});
}

TEST_P(LoopContract, ACancelledThunkIsDestroyed) {
  auto held = std::make_shared<int>(1);
  const TimerId id = loop().RunAfter(std::chrono::hours(1), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  loop().Cancel(id);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(LoopContract, NowIsConstantWithinATurn) {
  bool ran = false;
  loop().Post([&] {
    const Instant first = loop().Now();
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < milliseconds(2)) std::this_thread::yield();
    EXPECT_EQ(loop().Now(), first);
    ran = true;
  });
  ASSERT_TRUE(RunUntil([&] { return ran; }));
}

TEST_P(LoopContract, BackgroundDoneRunsOnTheLoopAfterTheWork) {
  const auto loop_thread = std::this_thread::get_id();
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    auto value = std::make_shared<int>(0);
    loop().Background([value] { *value = 7; },
                      [&, value, loop_thread] {
                        EXPECT_EQ(*value, 7);
                        EXPECT_EQ(std::this_thread::get_id(), loop_thread);
                        ++done;
                      });
  }
  EXPECT_EQ(done, 0);
  EXPECT_TRUE(RunUntil([&] { return done == 50; }));
}

INSTANTIATE_TEST_SUITE_P(Loops, LoopContract, testing::Values(Kind::kSim, Kind::kAsio),
                         [](const auto& info) {
                           return info.param == Kind::kSim ? "Sim" : "Asio";
                         });

TEST(AsioLoop, AnyThreadMayPostAndEachThreadsThunksStayInOrder) {
  AsioWorld world;
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<int> next(kThreads, 0);
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        world.loop().Post([&, t, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(t)]++, i);
          ++total;
        });
      }
    });
  }
  EXPECT_TRUE(world.RunUntil([&] { return total == kThreads * kEach; }));
  for (auto& thread : threads) thread.join();
}

// Catches a Drain() that goes on until nothing is posted any more.
TEST(AsioLoop, TimersFireWhileThunksPostThemselvesForEver) {
  AsioWorld world;
  bool fired = false;
  std::function<void()> again = [&] {
    if (!fired) world.loop().Post([&] { again(); });
  };
  again();
  world.loop().RunAfter(milliseconds(3), [&] { fired = true; });
  EXPECT_TRUE(world.RunUntil([&] { return fired; }));
}

TEST(AsioLoop, StopFromAnotherThreadEndsRunAlsoWhenItCameFirst) {
  AsioLoop loop;
  loop.Stop();
  loop.Run();
  std::thread stopper;
  loop.Post([&] { stopper = std::thread([&] { loop.Stop(); }); });
  loop.Run();
  stopper.join();
  bool ran = false;
  loop.Post([&] { ran = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return ran; }, std::chrono::seconds(20)));
}

TEST(AsioLoop, TheDestructorDropsThunksThatStillUseTheLoop) {
  auto held = std::make_shared<int>(1);
  {
    AsioLoop loop;
    auto last_words =
        std::shared_ptr<void>(nullptr, [&loop, held](void*) { loop.Post([held] {}); });
    loop.RunAfter(std::chrono::hours(1), [last_words] {});
    loop.Post([last_words] {});
    loop.Background([held] {}, [last_words] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(SimLoop, ALoopThatIsPausedRunsLaterInItsOldOrder) {
  SimWorld world;
  SimLoop other(world.scheduler());
  std::vector<int> order;
  const Instant now = world.loop().Now();
  world.loop().RunAt(now + milliseconds(1), [&] { order.push_back(1); });
  world.loop().RunAt(now + milliseconds(2), [&] { order.push_back(2); });
  other.RunAt(now + milliseconds(3), [&] { order.push_back(100); });
  world.sim().Pause();
  world.loop().Post([&] { order.push_back(0); });
  world.scheduler().RunFor(milliseconds(10));
  EXPECT_EQ(order, (std::vector<int>{100}));
  world.sim().Resume();
  world.loop().Post([&] { order.push_back(3); });
  world.scheduler().RunFor(milliseconds(0));
  EXPECT_EQ(order, (std::vector<int>{100, 0, 1, 2, 3}));
  EXPECT_EQ(world.scheduler().Now(), now + milliseconds(10));
}

TEST(SimLoop, AKilledLoopDropsEverythingAndTheOthersGoOn) {
  SimWorld world;
  auto doomed = std::make_unique<SimLoop>(world.scheduler());
  auto held = std::make_shared<int>(1);
  bool other = false;
  doomed->Post([held] { FAIL(); });
  doomed->Background([held] { FAIL(); }, [held] { FAIL(); });
  doomed->Pause();
  doomed->RunAfter(milliseconds(1), [held] { FAIL(); });
  world.loop().RunAfter(milliseconds(2), [&] { other = true; });
  world.scheduler().RunFor(milliseconds(1));
  doomed->Kill();
  EXPECT_EQ(held.use_count(), 1);
  doomed->Post([] { FAIL(); });
  EXPECT_EQ(doomed->RunAfter(milliseconds(1), [] { FAIL(); }).value, 0U);
  world.scheduler().RunFor(milliseconds(5));
  EXPECT_TRUE(other);
  EXPECT_EQ(world.scheduler().pending(), 0U);
}

TEST(SimLoop, OneSeedIsOneRunAndAnotherSeedAnother) {
  auto run = [](std::uint64_t seed) {
    SimWorld world(seed);
    int done = 0;
    for (int i = 0; i < 20; ++i) world.loop().Background([] {}, [&] { ++done; });
    EXPECT_TRUE(world.RunUntil([&] { return done == 20; }));
    return world.scheduler().Digest();
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(SimLoop, TheWallClockMayBeWrongWithoutTouchingTheMonotonicOne) {
  SimWorld world;
  SimLoop wrong(world.scheduler(), {.wall_clock_offset_ms = -5000});
  EXPECT_EQ(world.loop().WallNowMs() - wrong.WallNowMs(), 5000);
  world.scheduler().RunFor(milliseconds(70));
  wrong.SetWallClockOffsetMs(30);
  EXPECT_EQ(wrong.WallNowMs() - world.loop().WallNowMs(), 30);
  EXPECT_EQ(wrong.Now(), Instant{milliseconds(70)});
}

}  // namespace
}  // namespace kronika
