// What kv.h promises, for the fake and RocksDB alike; and what the fake loses at a crash.
#include <gtest/gtest.h>

#include <vector>

#include "base/fake_kv.h"
#include "tests/unit/base/files_world.h"
#include "wal/rocks_kv.h"

namespace kronika {
namespace {

enum class Kind { kFake, kRocks };

class KvWorld {
 public:
  explicit KvWorld(Kind kind, std::uint64_t seed = 1) : kind_(kind) {
    if (kind == Kind::kFake) {
      auto sim = std::make_unique<SimWorld>(seed);
      store_ = std::make_unique<FakeKvStore>(sim->rng());
      world_ = std::move(sim);
    } else {
      folder_ = std::make_unique<TemporaryFolder>();
      world_ = std::make_unique<AsioWorld>();
    }
    Reopen();
  }
  void Reopen() {
    kv_.reset();
    if (kind_ == Kind::kFake) {
      kv_ = std::make_unique<FakeKv>(*store_, world_->loop());
      return;
    }
    auto made = RocksKv::Open({.path = folder_->path() + "/a/kv"}, world_->loop());
    ASSERT_TRUE(made) << made.error().Describe();
    kv_ = std::move(*made);
  }
  Status Put(std::string key, std::string value, Durability durability = Durability::kBuffered) {
    KvBatch batch;
    batch.Put(std::move(key), std::move(value));
    return Apply(std::move(batch), durability);
  }
  Status Apply(KvBatch batch, Durability durability = Durability::kBuffered) {
    return world_->Await<void>(
        [&](auto done) { kv_->Apply(std::move(batch), durability, std::move(done)); });
  }
  // "a=1 b=2 "
  std::string Scan(std::string_view prefix) {
    auto pairs = kv_->Scan(prefix);
    EXPECT_TRUE(pairs);
    std::string out;
    for (const auto& [key, value] : *pairs) out += key + "=" + value + " ";
    return out;
  }
  // The value, or "(none)".
  std::string Get(std::string_view key) {
    auto value = kv_->Get(key);
    if (!value) return value.error().Describe();
    return value->value_or("(none)");
  }
  World& world() { return *world_; }
  Kv& kv() { return *kv_; }
  FakeKvStore& store() { return *store_; }

 private:
  const Kind kind_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<FakeKvStore> store_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Kv> kv_;
};

class KvContract : public testing::TestWithParam<Kind> {
 protected:
  KvWorld at_{GetParam()};
};

TEST_P(KvContract, WhatIsPutIsThereUntilItIsDeleted) {
  ASSERT_TRUE(at_.Put("b", "2"));
  ASSERT_TRUE(at_.Put("a", std::string("\0\xff", 2)));
  EXPECT_EQ(at_.Get("a"), std::string("\0\xff", 2));
  EXPECT_EQ(at_.Get("missing"), "(none)");
  ASSERT_TRUE(at_.Put("b", "3", Durability::kSynced));
  KvBatch batch;
  batch.Put("c", "1");
  batch.Delete("a");
  batch.Delete("c");
  batch.Put("d", "");
  ASSERT_TRUE(at_.Apply(batch));
  EXPECT_EQ(at_.Scan(""), "b=3 d= ");
}

TEST_P(KvContract, ScanIsByPrefixInKeyOrder) {
  for (const char* key : {"ab", "b", "a", "abc", "ac", "ab\xff", "aa"}) {
    ASSERT_TRUE(at_.Put(key, "v"));
  }
  EXPECT_EQ(at_.Scan("ab"), "ab=v abc=v ab\xff=v ");
  EXPECT_EQ(at_.Scan("zz"), "");
}

TEST_P(KvContract, ReadsSeeABatchAtOnceAndItsCompletionComesLaterInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    KvBatch batch;
    batch.Put("n", std::to_string(i));
    if (i == 50) batch.Put("middle", "x");
    if (i == 60) batch.Delete("middle");
    const auto durability = i % 30 == 0 ? Durability::kSynced : Durability::kBuffered;
    at_.kv().Apply(std::move(batch), durability, [&order, i](Status status) {
      EXPECT_TRUE(status);
      order.push_back(i);
    });
    EXPECT_EQ(at_.Get("n"), std::to_string(i));
    EXPECT_EQ(at_.Scan("mid"), i >= 50 && i < 60 ? "middle=x " : "");
  }
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(at_.world().RunUntil([&] { return order.size() == 100; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(at_.Scan(""), "n=99 ");
}

TEST_P(KvContract, AnEmptyBatchCompletes) {
  EXPECT_TRUE(at_.Apply({}));
  EXPECT_TRUE(at_.Apply({}, Durability::kSynced));
}

TEST_P(KvContract, TheNextLifeFindsWhatWasApplied) {
  ASSERT_TRUE(at_.Put("a", "1"));
  ASSERT_TRUE(at_.Put("b", "2", Durability::kSynced));
  at_.Reopen();
  EXPECT_EQ(at_.Scan(""), "a=1 b=2 ");
}

TEST_P(KvContract, ACompletionMayApplyAgain) {
  int left = 20;
  std::function<void()> next = [&] {
    KvBatch batch;
    batch.Put("left", std::to_string(left));
    at_.kv().Apply(std::move(batch), Durability::kBuffered, [&](Status) {
      if (--left > 0) next();
    });
  };
  next();
  EXPECT_TRUE(at_.world().RunUntil([&] { return left == 0; }));
}

TEST_P(KvContract, DestroyedWithBatchesUnderWayItCompletesNothing) {
  bool completed = false;
  for (int i = 0; i < 10; ++i) {
    KvBatch batch;
    batch.Put("k", "v");
    at_.kv().Apply(std::move(batch), Durability::kSynced, [&](Status) { completed = true; });
  }
  at_.Reopen();
  EXPECT_TRUE(at_.world().Settle());
  EXPECT_FALSE(completed);
  EXPECT_EQ(at_.Scan(""), "k=v ");
}

INSTANTIATE_TEST_SUITE_P(Kinds, KvContract, testing::Values(Kind::kFake, Kind::kRocks),
                         [](const auto& info) {
                           return info.param == Kind::kFake ? "Fake" : "Rocks";
                         });

// Catches the planted bug kv-never-synced.
TEST(FakeKv, ACrashLosesASuffixOfTheUnsyncedBatchesAndNothingElse) {
  std::vector<bool> seen(7, false);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    KvWorld at(Kind::kFake, seed);
    ASSERT_TRUE(at.Put("0", "buffered, pinned by the next"));
    ASSERT_TRUE(at.Put("1", "synced", Durability::kSynced));
    for (int i = 2; i < 8; ++i) ASSERT_TRUE(at.Put(std::to_string(i), "unsynced"));
    at.store().Crash();
    at.Reopen();
    const auto pairs = *at.kv().Scan("");
    ASSERT_GE(pairs.size(), 2U) << "seed " << seed;
    for (std::size_t i = 0; i < pairs.size(); ++i) EXPECT_EQ(pairs[i].first, std::to_string(i));
    seen[pairs.size() - 2] = true;
  }
  EXPECT_EQ(seen, std::vector<bool>(7, true)) << "every suffix is lost by some seed";
}

TEST(FakeKv, ASyncThatHasNotCompletedPinsNothing) {
  KvWorld at(Kind::kFake);
  KvBatch batch;
  batch.Put("a", "1");
  at.kv().Apply(batch, Durability::kSynced, [](Status) { FAIL() << "the process is dead"; });
  at.store().CrashLosing(1);
  EXPECT_TRUE(at.world().Settle());
  at.Reopen();
  EXPECT_EQ(at.Scan(""), "");
}

TEST(FakeKv, AnInjectedFaultChangesNothing) {
  KvWorld at(Kind::kFake);
  at.store().FailNextApply();
  EXPECT_FALSE(at.Put("a", "1"));
  EXPECT_TRUE(at.Put("b", "1"));
  EXPECT_EQ(at.Scan(""), "b=1 ");
}

TEST(RocksKv, ASecondOpenIsRefusedAsBusy) {
  TemporaryFolder folder;
  AsioWorld world;
  auto first = RocksKv::Open({.path = folder.path()}, world.loop());
  ASSERT_TRUE(first);
  auto second = RocksKv::Open({.path = folder.path()}, world.loop());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy) << second.error().Describe();
}

}  // namespace
}  // namespace kronika
