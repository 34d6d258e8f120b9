// FakeKv: the Kv of tests and the simulator. A FakeKvStore is what survives of it when its broker
// dies; a FakeKv is one process' handle on it.
//
// Called on its loop.
// 1. Get and Scan see a batch at once; its completion comes later, in the order of the calls.
// 2. Crash() loses any suffix of the unsynced batches, by the seed; kSynced pins its batch and all
//    before it once it completes. Kill() loses nothing: the operating system has every batch.
// 3. Both end the life of every FakeKv made before; nothing of it completes any more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/kv.h"
#include "base/loop.h"
#include "base/rng.h"

namespace kronika {

class FakeKvStore {
 public:
  // `rng` decides delays and what a crash loses; it outlives the store.
  explicit FakeKvStore(Rng& rng) : rng_(rng), life_(std::make_shared<bool>(true)) {}
  ~FakeKvStore() { *life_ = false; }
  FakeKvStore(const FakeKvStore&) = delete;
  FakeKvStore& operator=(const FakeKvStore&) = delete;

  void Crash();
  // The same, losing exactly the newest `batches` of the unsynced ones (all of them if there are
  // fewer).
  void CrashLosing(std::size_t batches);
  void Kill();
  std::size_t unsynced_batches() const { return unsynced_.size(); }

  // The next Apply, or every one, fails with kIo before it changes anything.
  void FailNextApply() { fail_next_ = true; }
  void FailEveryApply(bool fail) { fail_every_ = fail; }
  // Completions take a random time within [0, max].
  void SetDelay(Duration max) { delay_max_ = max; }

  // For tests: everything, as Get and Scan see it.
  const std::map<std::string, std::string, std::less<>>& pairs() const { return visible_; }

 private:
  friend class FakeKv;
  using Pairs = std::map<std::string, std::string, std::less<>>;
  static void ApplyTo(Pairs& pairs, const KvBatch& batch);
  void PinUpTo(std::uint64_t number);

  Rng& rng_;
  std::shared_ptr<bool> life_;
  Pairs durable_;
  Pairs visible_;
  std::map<std::uint64_t, KvBatch> unsynced_;  // by number, in order
  std::uint64_t last_number_ = 0;
  Instant last_completion_;
  Duration delay_max_ = std::chrono::microseconds(300);
  bool fail_next_ = false;
  bool fail_every_ = false;
};

class FakeKv final : public Kv {
 public:
  // Both outlive the object.
  FakeKv(FakeKvStore& store, Loop& loop)
      : store_(store), loop_(loop), life_(store.life_), open_(std::make_shared<bool>(true)) {}
  // What is under way still takes effect, but does not complete.
  ~FakeKv() override { *open_ = false; }

  void Apply(KvBatch batch, Durability durability, Done<void> done) override;
  Result<std::optional<std::string>> Get(std::string_view key) const override;
  Result<std::vector<std::pair<std::string, std::string>>> Scan(
      std::string_view prefix) const override;

 private:
  FakeKvStore& store_;
  Loop& loop_;
  std::shared_ptr<bool> life_;
  std::shared_ptr<bool> open_;
};

}  // namespace kronika
