// A journal on a fake disk, with crashes; and short ways to write and to look at it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fake_files.h"
#include "base/sim_loop.h"
#include "wal/journal/journal.h"

namespace kronika::wal {

inline JournalEntry MakeEntry(std::uint64_t index, std::uint64_t term, std::string_view payload) {
  return {.index = {index},
          .term = {term},
          .type = 2,
          .append_time_ms = static_cast<std::int64_t>(1000 + index),
          .payload = Slice::CopyOf(payload)};
}

inline JournalWrite MakeEntries(std::uint32_t group, std::uint64_t first, std::size_t count,
                                std::uint64_t term = 1, std::size_t bytes = 100) {
  JournalWrite write{.group = {group}};
  for (std::size_t i = 0; i < count; ++i) {
    std::string payload =
        std::to_string(group) + ":" + std::to_string(first + i) + ":" + std::to_string(term) + ":";
    if (payload.size() < bytes) payload.resize(bytes, 'x');
    write.entries.push_back(MakeEntry(first + i, term, payload));
  }
  return write;
}

inline JournalWrite MakeVote(std::uint32_t group, std::uint64_t term, std::int32_t broker) {
  return {.group = {group},
          .hard_state = JournalHardState{.term = {term}, .vote_broker = {broker}}};
}

// "5@1 6@1 7@2": the indexes and terms.
inline std::string Line(const std::vector<JournalEntry>& entries) {
  std::string out;
  for (const JournalEntry& entry : entries) {
    if (!out.empty()) out += ' ';
    out += std::to_string(entry.index.value) + "@" + std::to_string(entry.term.value);
  }
  return out;
}

class JournalWorld {
 public:
  explicit JournalWorld(std::uint64_t seed = 1)
      : rng_(seed), scheduler_(rng_), disk_(rng_), loop_(std::make_unique<SimLoop>(scheduler_)) {
    options_.directory_id = 0x1122334455667788;
    options_.files = 4;
    options_.file_bytes = 256 << 10;
    options_.first_file_bytes = 64 << 10;
  }
  ~JournalWorld() { End(); }

  JournalOptions& options() { return options_; }
  FakeDisk& disk() { return disk_; }
  SeededRng& rng() { return rng_; }
  SimScheduler& scheduler() { return scheduler_; }
  Loop& loop() { return *loop_; }
  Journal& journal() { return *opened_.journal; }
  bool is_open() const { return opened_.journal != nullptr; }
  const JournalVerdict& verdict() const { return opened_.verdict; }
  const std::map<GroupId, RecoveredLog>& groups() const { return opened_.groups; }
  RecoveredLog group(std::uint32_t id) const {
    const auto it = opened_.groups.find({id});
    return it == opened_.groups.end() ? RecoveredLog{} : it->second;
  }

  // Begins to open; the result comes when the loop runs.
  void StartOpen(JournalBase base = {}) {
    files_ = std::make_unique<FakeFiles>(disk_, *loop_);
    open_status_.reset();
    Journal::Open({*loop_, *files_, NullLog()}, options_, std::move(base),
                  [this](Result<OpenedJournal> result) {
                    if (result) {
                      open_status_ = Status{};
                      opened_ = std::move(*result);
                    } else {
                      open_status_ = std::unexpected(result.error());
                    }
                  });
  }
  bool open_ended() const { return open_status_.has_value(); }
  Status Open(JournalBase base = {}) {
    StartOpen(std::move(base));
    if (!RunUntil([&] { return open_status_.has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "open never ended");
    }
    return *open_status_;
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return scheduler_.RunUntilTrue(condition, std::chrono::minutes(2));
  }
  void RunFor(Duration duration) { scheduler_.RunFor(duration); }
  Status Await(std::move_only_function<void(Done<void>)> call) {
    auto status = std::make_shared<std::optional<Status>>();
    call([status](Status result) { *status = std::move(result); });
    EXPECT_FALSE(status->has_value()) << "completed inside the call";
    if (!RunUntil([&] { return status->has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "the call never completed");
    }
    return **status;
  }
  Status Append(JournalWrite write) {
    return Await([&](Done<void> done) { journal().Append(std::move(write), std::move(done)); });
  }
  Result<std::vector<JournalEntry>> Read(std::uint32_t group, EntryRange range) {
    auto out = std::make_shared<std::optional<Result<std::vector<JournalEntry>>>>();
    journal().Read({group}, range, [out](auto result) { *out = std::move(result); });
    if (!RunUntil([&] { return out->has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "the read never completed");
    }
    return std::move(**out);
  }
  // The whole procedure, with everything up to `released` of each group applied; the mark is kept.
  Status Checkpoint(const std::map<std::uint32_t, std::uint64_t>& released) {
    const JournalPosition start = journal().CheckpointStart();
    for (const auto& [group, index] : released) {
      journal().ReleaseTo({group}, {index});
      base_.applied[{group}] = {index};
    }
    base_.mark = {.id = base_.mark.id + 1, .position = journal().CheckpointPosition(start)};
    return Await([&](Done<void> done) { journal().Checkpoint(base_.mark, std::move(done)); });
  }
  JournalBase& base() { return base_; }

  // Ends the journal without a word; what is on the disk stays.
  void End() {
    loop_->Kill();
    opened_ = {};
    files_.reset();
    loop_ = std::make_unique<SimLoop>(scheduler_);
  }
  void Crash(const CrashOptions& options = {}) {
    disk_.Crash(options);
    End();
  }
  // The process dies; whatever was handed to the disk stays.
  void Kill() {
    disk_.Kill();
    End();
  }
  // Everything durable is read back from scratch.
  Status Reopen() {
    Crash();
    return Open(base_);
  }
  std::vector<std::string> JournalNames() const {
    std::vector<std::string> out;
    for (const std::string& name : disk_.Names()) {
      if (name.ends_with(".wal")) out.push_back(name);
    }
    return out;
  }

 private:
  SeededRng rng_;
  SimScheduler scheduler_;
  FakeDisk disk_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<FakeFiles> files_;
  JournalOptions options_;
  JournalBase base_;
  OpenedJournal opened_;
  std::optional<Status> open_status_;
};

}  // namespace kronika::wal
