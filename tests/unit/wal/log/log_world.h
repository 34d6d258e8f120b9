// LogWorld: one partition log on a simulated disk, with the journal it is fed from, for tests.
//
// The journal is the list of all batches ever applied: it survives everything. The manifest is what
// the last checkpoint gave; a restart makes a new log from it and applies the rest of the journal
// again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fake_disk.h"
#include "base/fake_files.h"
#include "base/sim_loop.h"
#include "wal/log/partition_log.h"
#include "wal/record_builder.h"

namespace kronika::wal {

inline const std::string kDirectory = "topic-0";

struct LoggedBatch {
  Slice batch;
  Index index;
  std::int64_t append_time_ms = 0;
};

class LogWorld {
 public:
  explicit LogWorld(std::uint64_t seed = 1, LogOptions options = {})
      : rng_(seed), options_(options) {
    manifest_.group = GroupId{7};
    manifest_.directory = kDirectory;
    Start();
  }
  ~LogWorld() { Stop(); }

  // The end of the process; the disk stays. With a crash it forgets what was not synced.
  void Stop() {
    log_.reset();
    if (loop_) loop_->Kill();
    open_files_.reset();
    cache_.reset();
    files_.reset();
    loop_.reset();
  }
  void Start() {
    loop_ = std::make_unique<SimLoop>(scheduler_);
    files_ = std::make_unique<FakeFiles>(disk_, *loop_);
    open_files_ = std::make_unique<OpenFiles>(*loop_, *files_, 8);
    cache_ = std::make_unique<TailCache>(cache_bytes);
    log_ = std::make_unique<PartitionLog>(environment(), options_, manifest_);
    for (const LoggedBatch& entry : journal_) {
      if (entry.index > manifest_.applied) Apply(entry);
    }
  }
  void DestroyLog() { log_.reset(); }
  void Restart() { Stop(), Start(); }
  void Crash(const CrashOptions& options = {}) {
    Stop();
    disk_.Crash(options);
    Start();
  }

  LogEnvironment environment() { return {*loop_, *files_, *open_files_, *cache_}; }
  PartitionLog& log() { return *log_; }
  FakeDisk& disk() { return disk_; }
  SimScheduler& scheduler() { return scheduler_; }
  SimLoop& loop() { return *loop_; }
  FakeFiles& files() { return *files_; }
  OpenFiles& open_files() { return *open_files_; }
  SeededRng& rng() { return rng_; }
  Manifest& manifest() { return manifest_; }
  LogOptions& options() { return options_; }
  const std::vector<LoggedBatch>& journal() const { return journal_; }

  // A batch of `records` records at the end, each with `value`; timestamps count on from
  // `timestamp`.
  void Append(int records, std::size_t value_bytes, std::int64_t timestamp, bool durable = true) {
    RecordBuilder builder({.base_offset = log_->end_offset(), .leader_epoch = 1});
    const std::string value(value_bytes, static_cast<char>('a' + journal_.size() % 26));
    for (int i = 0; i < records; ++i) builder.Add({.timestamp = timestamp + i, .value = value});
    AppendBuilt(builder.Build(), timestamp, durable);
  }
  void AppendBuilt(Slice batch, std::int64_t append_time_ms, bool durable = true) {
    journal_.push_back({std::move(batch), Index{journal_.size() + 1}, append_time_ms});
    Apply(journal_.back(), durable);
  }
  void Apply(const LoggedBatch& entry, bool durable = true) {
    const auto status = log_->Append(entry.batch, entry.index, entry.append_time_ms);
    ASSERT_TRUE(status) << status.error().Describe();
    if (durable) log_->SetDurable(entry.index);
  }

  template <class T>
  Result<T> Wait(std::move_only_function<void(Done<T>)> start) {
    std::optional<Result<T>> out;
    start([&out](Result<T> result) { out = std::move(result); });
    EXPECT_FALSE(out) << "completed inside the call";
    scheduler_.RunUntilTrue([&] { return out.has_value(); }, std::chrono::seconds(60));
    if (!out) return Fail(ErrorCode::kTimedOut, "never completed");
    return std::move(*out);
  }
  Status Checkpoint() {
    const Index applied{journal_.size()};
    auto manifest = Wait<Manifest>([&](Done<Manifest> done) {
      log_->Checkpoint(
          {.applied = applied, .applied_term = Term{1}, .replica = "r", .producers = "p"},
          std::move(done));
    });
    if (!manifest) return std::unexpected(manifest.error());
    // Through the encoding, as the Kv store keeps it.
    auto decoded = DecodeManifest(AsBytes(EncodeManifest(*manifest)));
    EXPECT_TRUE(decoded && *decoded == *manifest);
    manifest_ = std::move(*decoded);
    return {};
  }
  Result<BatchRange> Read(std::int64_t offset, ReadLimits limits = {}) {
    return Wait<BatchRange>(
        [&](Done<BatchRange> done) { log_->Read(offset, limits, std::move(done)); });
  }
  Result<std::optional<OffsetAndTimestamp>> Find(std::int64_t timestamp) {
    return Wait<std::optional<OffsetAndTimestamp>>(
        [&](auto done) { log_->FindTimestamp(timestamp, std::move(done)); });
  }
  Result<OffsetAndTimestamp> FindLargest() {
    return Wait<OffsetAndTimestamp>(
        [&](auto done) { log_->FindLargestTimestamp(std::move(done)); });
  }
  Status Verify() {
    return Wait<void>([&](Done<void> done) { log_->Verify(std::move(done)); });
  }
  Status Close() {
    return Wait<void>([&](Done<void> done) { log_->Close(std::move(done)); });
  }
  void Settle() { scheduler_.RunFor(std::chrono::seconds(1)); }

  // Everything from `offset` on equals the journal's bytes.
  void ExpectSame(std::int64_t offset = 0) {
    std::string expected, found;
    for (const auto& entry : journal_) {
      if (ParseBatchHeader(entry.batch.bytes())->base_offset >= offset)
        expected += entry.batch.text();
    }
    while (offset < log_->end_offset()) {
      auto range = Read(offset, {.bytes_max = 1 + rng_.Below(20'000)});
      ASSERT_TRUE(range) << range.error().Describe();
      ASSERT_GT(range->next_offset, offset);
      for (const Slice& slice : range->batches) found += slice.text();
      offset = range->next_offset;
    }
    EXPECT_TRUE(found == expected)
        << found.size() << " bytes read, " << expected.size() << " written";
  }

  std::size_t cache_bytes = 0;

 private:
  SeededRng rng_;
  SimScheduler scheduler_{rng_};
  FakeDisk disk_{rng_};
  LogOptions options_;
  Manifest manifest_;
  std::vector<LoggedBatch> journal_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<FakeFiles> files_;
  std::unique_ptr<OpenFiles> open_files_;
  std::unique_ptr<TailCache> cache_;
  std::unique_ptr<PartitionLog> log_;
};

// Small everything, so that few batches make many chunks and segments.
inline LogOptions SmallOptions() {
  return {.segment_bytes = 6000,
          .index_interval_bytes = 300,
          .chunk_bytes_min = 800,
          .chunk_bytes_max = 1600};
}

}  // namespace kronika::wal
