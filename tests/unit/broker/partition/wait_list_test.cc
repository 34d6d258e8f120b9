// WaitList: waking, leaving and joining from inside a wake-up.
#include "broker/partition/wait_list.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

namespace kronika::broker {
namespace {

struct CountingWaiter final : Waiter {
  void OnAppended(std::uint64_t count) override {
    bytes += count;
    if (on_wake) on_wake();
  }
  void OnChanged() override {
    ++changes;
    if (on_wake) on_wake();
  }
  std::uint64_t bytes = 0;
  int changes = 0;
  std::function<void()> on_wake;
};

TEST(WaitList, WakesAllUntilTheyLeave) {
  WaitList list;
  CountingWaiter one;
  CountingWaiter two;
  list.Join(one);
  list.Join(two);
  list.NotifyAppended(10);
  one.Leave();
  list.NotifyAppended(5);
  list.NotifyChanged();
  EXPECT_EQ(one.bytes, 10u);
  EXPECT_EQ(two.bytes, 15u);
  EXPECT_EQ(one.changes, 0);
  EXPECT_EQ(two.changes, 1);
}

// Seen to fail when Wake walks the live list: the destroyed neighbour is called.
TEST(WaitList, AWaiterMayDestroyItsNeighbours) {
  WaitList list;
  std::vector<std::unique_ptr<CountingWaiter>> waiters;
  for (int i = 0; i < 5; ++i) {
    waiters.push_back(std::make_unique<CountingWaiter>());
    list.Join(*waiters.back());
  }
  int calls = 0;
  waiters[4]->on_wake = [&] {
    ++calls;
    for (int i = 0; i < 4; ++i) waiters[static_cast<std::size_t>(i)].reset();
  };
  list.NotifyAppended(1);
  EXPECT_EQ(calls, 1);
  list.NotifyAppended(1);
  EXPECT_EQ(calls, 2);
}

TEST(WaitList, WhoJoinsDuringAWakeUpIsNotWokenByIt) {
  WaitList list;
  CountingWaiter first;
  CountingWaiter late;
  first.on_wake = [&] {
    first.Leave();
    list.Join(first);
    list.Join(late);
  };
  list.Join(first);
  list.NotifyAppended(1);
  EXPECT_EQ(first.bytes, 1u);
  EXPECT_EQ(late.bytes, 0u);
  list.NotifyAppended(2);
  EXPECT_EQ(late.bytes, 2u);
}

TEST(WaitList, TheEndOfTheListIsAChange) {
  CountingWaiter waiter;
  {
    WaitList list;
    list.Join(waiter);
  }
  EXPECT_EQ(waiter.changes, 1);
  EXPECT_FALSE(waiter.waiting());
}

}  // namespace
}  // namespace kronika::broker
