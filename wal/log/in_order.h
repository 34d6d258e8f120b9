// InOrder: asynchronous steps one after the other, ended by the first that fails.
//
// Runs on the loop that the steps complete on. `done` runs once, never inside the call unless a
// step breaks that promise; with no steps at all the caller posts by itself.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"

namespace kronika::wal {

using Step = std::move_only_function<void(Done<void>)>;

class InOrder : public std::enable_shared_from_this<InOrder> {
 public:
  static void Run(std::vector<Step> steps, Done<void> done) {
    KRONIKA_CHECK(!steps.empty());
    std::make_shared<InOrder>(std::move(steps), std::move(done))->Next();
  }
  InOrder(std::vector<Step> steps, Done<void> done)
      : steps_(std::move(steps)), done_(std::move(done)) {}

 private:
  void Next() {
    if (next_ == steps_.size()) return done_({});
    steps_[next_++]([self = shared_from_this()](Status status) {
      if (!status) return self->done_(std::move(status));
      self->Next();
    });
  }

  std::vector<Step> steps_;
  std::size_t next_ = 0;
  Done<void> done_;
};

}  // namespace kronika::wal
