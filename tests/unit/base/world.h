// A loop that a test can wait on: simulated, or real in the test's own thread. Waiting is for a
// condition, with a limit that only a failing test meets.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/asio_loop.h"
#include "base/result.h"
#include "base/sim_loop.h"

namespace kronika {

class World {
 public:
  virtual ~World() = default;
  virtual Loop& loop() = 0;
  // Runs the loop until `condition` holds; false if it never does.
  virtual bool RunUntil(const std::function<bool()>& condition) = 0;

  // Starts a call and runs the loop until it has completed.
  template <class T>
  Result<T> Await(const std::function<void(Done<T>)>& call) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    call([result](Result<T> value) { result->emplace(std::move(value)); });
    EXPECT_FALSE(result->has_value()) << "completed inside the call";
    if (!RunUntil([&] { return result->has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "the call never completed");
    }
    return std::move(**result);
  }
  // Runs everything that was posted before.
  bool Settle() {
    auto seen = std::make_shared<bool>(false);
    loop().Post([seen] { *seen = true; });
    return RunUntil([&] { return *seen; });
  }
};

class SimWorld final : public World {
 public:
  explicit SimWorld(std::uint64_t seed = 1) : rng_(seed), scheduler_(rng_), loop_(scheduler_) {}
  Loop& loop() override { return loop_; }
  SimLoop& sim() { return loop_; }
  SimScheduler& scheduler() { return scheduler_; }
  SeededRng& rng() { return rng_; }
  bool RunUntil(const std::function<bool()>& condition) override {
    return scheduler_.RunUntilTrue(condition, std::chrono::minutes(10));
  }

 private:
  SeededRng rng_;
  SimScheduler scheduler_;
  SimLoop loop_;
};

class AsioWorld final : public World {
 public:
  Loop& loop() override { return loop_; }
  AsioLoop& asio() { return loop_; }
  bool RunUntil(const std::function<bool()>& condition) override {
    return loop_.RunUntil(condition, std::chrono::seconds(20));
  }

 private:
  AsioLoop loop_;
};

}  // namespace kronika
