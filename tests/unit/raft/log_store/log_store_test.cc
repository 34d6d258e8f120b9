// The LogStore contract against the journal's store on a fake disk, and against the fake store.
#include "base/fake_files.h"
#include "raft/fake_log_store.h"
#include "raft/journal_log_store.h"
#include "tests/unit/raft/log_store_contract.h"

namespace kronika::raft {
namespace {

class JournalStoreWorld final : public LogStoreWorld {
 public:
  explicit JournalStoreWorld(std::uint64_t seed)
      : rng_(seed), scheduler_(rng_), disk_(rng_), loop_(std::make_unique<SimLoop>(scheduler_)) {
    options_.files = 4;
    options_.file_bytes = 256 << 10;
    options_.first_file_bytes = 64 << 10;
    Open();
  }
  ~JournalStoreWorld() override { End(); }
  LogStore& store() override { return *store_; }
  SimScheduler& scheduler() override { return scheduler_; }
  std::map<GroupId, RecoveredGroup> Restart() override {
    disk_.Crash({});
    End();
    return Open();
  }
  void FailNextSync() override {
    // The background filling of other files is not meant.
    disk_.Inject({.call = DiskFault::Call::kSync, .path_part = "fill-00000001"});
  }

 private:
  std::map<GroupId, RecoveredGroup> Open() {
    files_ = std::make_unique<FakeFiles>(disk_, *loop_);
    bool ended = false;
    wal::Journal::Open({*loop_, *files_, NullLog()}, options_, {}, [&](auto opened) {
      EXPECT_TRUE(opened);
      opened_ = std::move(*opened);
      ended = true;
    });
    EXPECT_TRUE(scheduler_.RunUntilTrue([&] { return ended; }, std::chrono::minutes(1)));
    store_ = std::make_unique<JournalLogStore>(*opened_.journal);
    std::map<GroupId, Error> damaged;
    auto groups = FromJournal(std::move(opened_.groups), damaged);
    EXPECT_TRUE(damaged.empty());
    return groups;
  }
  void End() {
    loop_->Kill();
    store_.reset();
    opened_ = {};
    files_.reset();
    loop_ = std::make_unique<SimLoop>(scheduler_);
  }

  SeededRng rng_;
  SimScheduler scheduler_;
  FakeDisk disk_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<FakeFiles> files_;
  wal::JournalOptions options_;
  wal::OpenedJournal opened_;
  std::unique_ptr<JournalLogStore> store_;
};

class FakeStoreWorld final : public LogStoreWorld {
 public:
  explicit FakeStoreWorld(std::uint64_t seed)
      : rng_(seed),
        scheduler_(rng_),
        loop_(scheduler_),
        store_(std::make_unique<FakeLogStore>(loop_, disk_)) {}
  LogStore& store() override { return *store_; }
  SimScheduler& scheduler() override { return scheduler_; }
  std::map<GroupId, RecoveredGroup> Restart() override {
    store_ = std::make_unique<FakeLogStore>(loop_, disk_);
    return disk_.groups();
  }
  void FailNextSync() override { store_->FailNextSync(); }

 private:
  SeededRng rng_;
  SimScheduler scheduler_;
  SimLoop loop_;
  FakeLogDisk disk_;
  std::unique_ptr<FakeLogStore> store_;
};

INSTANTIATE_TEST_SUITE_P(JournalLogStore, LogStoreContract,
                         testing::Values(MakeLogStoreWorld([](std::uint64_t seed) {
                           return std::make_unique<JournalStoreWorld>(seed);
                         })));
INSTANTIATE_TEST_SUITE_P(FakeLogStore, LogStoreContract,
                         testing::Values(MakeLogStoreWorld([](std::uint64_t seed) {
                           return std::make_unique<FakeStoreWorld>(seed);
                         })));

}  // namespace
}  // namespace kronika::raft
