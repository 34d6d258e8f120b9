// WaitList: the fetches parked at one partition. Waking one costs O(1); nothing polls.
//
// One loop. An empty list is one pointer, so that 100,000 idle partitions cost little.
// 1. A Waiter leaves its list when it is destroyed; a list that is destroyed wakes its waiters with
//    OnChanged.
// 2. A waiter may leave, and others may join, from inside a wake-up; whoever joins then is not
//    woken by it.
#pragma once

#include <cstdint>

namespace kronika::broker {

class WaitList;

// One place in one list. Not movable: the list points to it.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() { Leave(); }

  // `bytes` more may be read than before.
  virtual void OnAppended(std::uint64_t bytes) = 0;
  // Something else that the answer depends on is different: leadership, epoch, log start,
  // existence.
  virtual void OnChanged() = 0;

  void Leave();
  bool waiting() const { return list_ != nullptr; }

 private:
  friend class WaitList;
  WaitList* list_ = nullptr;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList();

  bool empty() const { return first_ == nullptr; }
  // `waiter` leaves the list it is in first.
  void Join(Waiter& waiter);
  void NotifyAppended(std::uint64_t bytes);
  void NotifyChanged();

 private:
  friend class Waiter;
  template <class Call>
  void Wake(Call call);
  void DropAll();

  Waiter* first_ = nullptr;
};

}  // namespace kronika::broker
