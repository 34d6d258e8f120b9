// The journal never gets stuck (room.h): whatever stays unapplied, is rewritten, or is cut short by
// crashes, a few checkpoints make room for entries again.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "journal_image.h"
#include "journal_world.h"
#include "wal/journal/room.h"

namespace kronika::wal {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(RoomRules, WhatIsMovedComesBackWithItsFile) {
  const JournalOptions options{.files = 4, .file_bytes = kMiB, .first_file_bytes = kMiB};
  const RoomRules rules(options, kMiB);
  EXPECT_EQ(rules.MovingBytes({}, 0), 0U);
  const JournalFileUse empty{.bytes = kMiB};
  const JournalFileUse half{.bytes = kMiB, .needed = {.entries = 100, .bytes = kMiB / 2}};
  const JournalFileUse full{.bytes = kMiB, .needed = {.entries = 200, .bytes = kMiB - (kMiB >> 4)}};
  const std::uint64_t one = rules.MovingBytes(std::vector{half}, 0);
  EXPECT_GT(one, kMiB / 2);
  EXPECT_LT(one, kMiB * 3 / 4);
  // Half a file is given back before the next half is moved.
  EXPECT_EQ(rules.MovingBytes(std::vector{half, half, half}, 0), one);
  EXPECT_EQ(rules.MovingBytes(std::vector{empty, half}, 0), 0U);
  EXPECT_GT(rules.MovingBytes(std::vector{full, full}, 0), rules.MovingBytes(std::vector{full}, 0));
}

TEST(RoomRules, TheQuickBoundIsNeverBelow) {
  SeededRng rng(1);
  const JournalOptions options{.files = 8, .file_bytes = kMiB, .first_file_bytes = kMiB};
  const RoomRules rules(options, kMiB);
  for (int round = 0; round < 1000; ++round) {
    std::vector<JournalFileUse> files(1 + rng.Below(8));
    JournalFileUse all;
    for (JournalFileUse& file : files) {
      file.bytes = kMiB;
      file.needed.bytes = rng.Below(kMiB);
      file.needed.entries = file.needed.bytes / (40 + rng.Below(100'000));
      if (file.needed.entries == 0) file.needed.bytes = 0;
      all.bytes += file.bytes;
      all.needed.entries += file.needed.entries;
      all.needed.bytes += file.needed.bytes;
    }
    ASSERT_LE(rules.MovingBytes(files, 0), rules.MovingBytesMax(all, files.size()));
  }
}

TEST(RoomRules, ThreeBrokersThatFaceEachOtherFit) {
  for (const std::uint32_t files : {4U, 8U, 16U}) {
    const JournalOptions options{.files = files};
    const RoomRules rules(options, options.file_bytes);
    const NeededEntries three{.entries = 3000, .bytes = 3 * UncommittedBytesMax(options)};
    const std::uint64_t total = files * options.file_bytes;
    EXPECT_LE(rules.MoveCost(three, total), rules.NeededMax(total, files) * 102 / 100);
    EXPECT_GT(UncommittedBytesMax(options), options.file_bytes / 2);
  }
}

// Groups whose other replicas may be away, so that what they have is not applied.
struct ModelGroup {
  bool away = false;
  std::uint64_t last = 0;     // appended
  std::uint64_t durable = 0;  // acknowledged
  std::uint64_t applied = 0;  // in the durable store
};

class Life {
 public:
  explicit Life(std::uint64_t seed) : world_(seed), rng_(seed * 31 + 7) {
    world_.options().files = 4;
    world_.options().file_bytes = std::uint64_t{64 << 10} << rng_.Below(3);
    world_.options().first_file_bytes =
        rng_.Chance(0.3) ? std::uint64_t{64} << 10 : world_.options().file_bytes;
    world_.options().commit_bytes_max = 16 << 10;
    groups_[kMetadataGroup.value];
    const std::uint32_t groups = 2 + static_cast<std::uint32_t>(rng_.Below(20));
    for (std::uint32_t group = 1; group <= groups; ++group) {
      groups_[group].away = rng_.Chance(0.3);
    }
    last_group_ = groups;
    crash_chance_ = rng_.Chance(0.5) ? 0.01 : 0.001;
  }

  void Run(int steps) {
    ASSERT_NO_FATAL_FAILURE(Open());
    for (int step = 0; step < steps; ++step) {
      ASSERT_NO_FATAL_FAILURE(Act());
      ASSERT_NO_FATAL_FAILURE(CheckRoom());
      if (rng_.Chance(0.01)) groups_[Pick()].away = rng_.Chance(0.3);
      if (rng_.Chance(crash_chance_)) Crash();
      if (rng_.Chance(0.003)) FreeAgain();
      if (testing::Test::HasFailure()) return;
    }
    ASSERT_NO_FATAL_FAILURE(FreeAgain());
  }
  std::uint64_t recycled() { return recycled_ + world_.journal().status().files_recycled; }
  std::uint64_t rewrites() const { return rewrites_; }
  std::uint64_t crashes() const { return crashes_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t freed_while_away() const { return freed_while_away_; }
  std::uint64_t freed_when_all_are_back() const { return freed_when_all_are_back_; }

 private:
  // Any but the metadata group.
  std::uint32_t Pick() {
    const auto skipped = static_cast<std::ptrdiff_t>(1 + rng_.Below(groups_.size() - 1));
    return std::next(groups_.begin(), skipped)->first;
  }

  void Act() {
    const std::uint64_t roll = rng_.Below(100);
    const std::uint32_t id = Pick();
    if (roll < 55) {
      AppendEntries(id);
    } else if (roll < 60) {
      AppendNoOp(id);
    } else if (roll < 65) {
      world_.journal().Append(MakeVote(id, 1, 2), [](Status) {});
    } else if (roll < 67) {
      AppendMetadata();
    } else if (roll < 85 || world_.journal().WantsCheckpoint()) {
      StepCheckpoint();
    }
    world_.RunFor(std::chrono::microseconds(rng_.Below(1500)));
  }

  void AppendEntries(std::uint32_t id) {
    ModelGroup& group = groups_[id];
    const std::size_t count = 1 + rng_.Below(4);
    const std::size_t large = world_.options().EntryBytesMax();
    const std::size_t bytes = rng_.Chance(0.1) ? large : rng_.Chance(0.3) ? 3000 : 100;
    // Leaders keep to their share of what is not applied, followers do not.
    const bool leads = id % 2 == 0;
    const std::uint64_t unreleased = world_.journal().status().bytes_unreleased;
    if (leads && group.away && unreleased + count * bytes > UncommittedBytesMax(world_.options())) {
      return;
    }
    if (!world_.journal().Admit(count * (bytes + 64))) {
      ++refused_;
      return;
    }
    Send(id, MakeEntries(id, group.last + 1, count, 1, bytes));
  }

  // A topic is deleted, and another one created: its entry is durable before that is carried out.
  void AppendMetadata() {
    ModelGroup& metadata = groups_[kMetadataGroup.value];
    Send(kMetadataGroup.value, MakeEntries(kMetadataGroup.value, metadata.last + 1, 1), [this] {
      const std::uint32_t gone = Pick();
      leaving_[gone] = groups_[gone].applied;
      groups_.erase(gone);
      applying_.erase(gone);
      Remove(gone);
      groups_[++last_group_].away = rng_.Chance(0.3);
      Carry({.group = {last_group_}, .created = JournalCreated{}});
    });
  }

  // No checkpoint begins before that is durable (SAFETY A3).
  void Carry(JournalWrite write, const std::function<void()>& then = [] {}) {
    ++awaited_;
    world_.journal().Append(std::move(write), [this, then](const Status&) {
      --awaited_;
      then();
    });
  }

  // The store forgets it when that is durable.
  void Remove(std::uint32_t id) {
    Carry({.group = {id}, .removed = true}, [this, id] { leaving_.erase(id); });
  }

  void AppendNoOp(std::uint32_t id) {
    JournalWrite write = MakeEntries(id, groups_[id].last + 1, 1, 1, 0);
    write.protocol_only = true;
    Send(id, std::move(write));
  }

  void Send(std::uint32_t id, JournalWrite write, const std::function<void()>& then = [] {}) {
    const std::uint64_t last = write.entries.back().index.value;
    groups_[id].last = last;
    ++waiting_;
    world_.journal().Append(std::move(write), [this, id, last, then](const Status& status) {
      --waiting_;
      const auto group = groups_.find(id);
      if (!status || group == groups_.end()) return;
      group->second.durable = std::max(group->second.durable, last);
      then();
    });
  }

  // One step of a checkpoint per call, so that a crash falls between any two.
  void StepCheckpoint() {
    if (busy_) return;
    switch (phase_) {
      case 0:
        if (awaited_ > 0) return;
        start_ = world_.journal().CheckpointStart();
        for (auto& [id, group] : groups_) {
          if (!group.away) applying_[id] = group.durable;
          world_.journal().ReleaseTo({id}, {applying_[id]});
        }
        phase_ = 1;
        return;
      case 1:
        phase_ = 2;
        if (!world_.journal().OldestIsPinned()) return;
        busy_ = true;
        world_.journal().RewriteForward([this](Status status) {
          rewrites_ += status ? 1 : 0;
          busy_ = false;
        });
        return;
      case 2: {
        const CheckpointMark next{mark_.id + 1, world_.journal().CheckpointPosition(start_)};
        phase_ = 0;
        if (next.position == mark_.position && !world_.journal().Frees(next.position)) return;
        mark_ = next;
        for (auto& [id, group] : groups_) group.applied = std::max(group.applied, applying_[id]);
        phase_ = 3;
        return;
      }
      default:
        phase_ = 0;
        busy_ = true;
        world_.journal().Checkpoint(mark_, [this](Status status) {
          EXPECT_TRUE(status) << status.error().Describe();
          busy_ = false;
        });
    }
  }

  void Crash() {
    ++crashes_;
    recycled_ += world_.journal().status().files_recycled;
    world_.Crash({.keep_block = static_cast<double>(rng_.Below(100)) / 100});
    Open();
  }

  void Open() {
    phase_ = 0;
    busy_ = false;
    waiting_ = 0;
    awaited_ = 0;
    applying_.clear();
    JournalBase base{.mark = mark_};
    if (mark_.id > 0) {
      for (const auto& [id, group] : groups_) base.applied[{id}] = {group.applied};
      for (const auto& [id, applied] : leaving_) base.applied[{id}] = {applied};
    }
    const Status opened = world_.Open(base);
    ASSERT_TRUE(opened) << opened.error().Describe();
    ASSERT_TRUE(world_.verdict().damages.empty()) << world_.verdict().Describe();
    for (auto& [id, group] : groups_) {
      const RecoveredLog log = world_.group(id);
      const std::uint64_t last = log.entries.empty() ? 0 : log.entries.back().index.value;
      ASSERT_GE(std::max(last, group.applied), group.durable) << "group " << id;
      group.last = group.durable = std::max(last, group.applied);
    }
    for (const auto& [id, log] : world_.groups()) {
      if (!groups_.contains(id.value) && !log.removed) Remove(id.value);
    }
  }

  // Whatever waits, what is needed can be moved and a checkpoint be recorded.
  void CheckRoom() {
    const JournalStatus status = world_.journal().status();
    if (status.write_since) return;
    // What the last group commit added to the cost of moving counts from the next one on.
    const std::uint64_t last_one = world_.options().file_bytes / 8;
    ASSERT_GE(status.bytes_free + last_one, status.bytes_moving + kBlockBytes) << Describe();
  }

  bool Passes(int passes) {
    const std::uint64_t wanted = world_.options().EntryBytesMax();
    for (int step = 0; step < passes * 4; ++step) {
      if (phase_ == 0 && !busy_ && waiting_ == 0 && world_.journal().Admit(wanted)) return true;
      StepCheckpoint();
      world_.RunFor(std::chrono::milliseconds(20));
    }
    return false;
  }

  void FreeAgain() {
    if (Passes(8)) {
      for (const auto& [id, group] : groups_) freed_while_away_ += group.away ? 1 : 0;
      return;
    }
    // Only when more is unapplied than leaders would have let it become.
    ASSERT_GT(world_.journal().status().bytes_unreleased, UncommittedBytesMax(world_.options()))
        << Describe();
    for (auto& [id, group] : groups_) group.away = false;
    ASSERT_TRUE(Passes(12)) << "when all are back" << Describe();
    ++freed_when_all_are_back_;
  }

  std::string Describe() {
    const JournalStatus s = world_.journal().status();
    return "\n  files " + std::to_string(s.files) + " free " + std::to_string(s.files_free) +
           " of " + std::to_string(world_.options().file_bytes) + ", bytes free " +
           std::to_string(s.bytes_free) + " moving " + std::to_string(s.bytes_moving) +
           " unreleased " + std::to_string(s.bytes_unreleased) + " writes waiting " +
           std::to_string(s.writes_waiting) + " phase " + std::to_string(phase_) +
           (busy_ ? " busy" : "");
  }

  JournalWorld world_;
  SeededRng rng_;
  std::map<std::uint32_t, ModelGroup> groups_;
  CheckpointMark mark_;
  JournalPosition start_;
  std::map<std::uint32_t, std::uint64_t> applying_;
  int phase_ = 0;
  bool busy_ = false;
  std::uint64_t waiting_ = 0;  // writes that are not durable
  std::uint64_t awaited_ = 0;  // of what the metadata asked for
  std::uint32_t last_group_ = 0;
  std::map<std::uint32_t, std::uint64_t> leaving_;  // what the store still has of removed ones
  double crash_chance_ = 0;
  std::uint64_t recycled_ = 0;
  std::uint64_t rewrites_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t freed_while_away_ = 0;
  std::uint64_t freed_when_all_are_back_ = 0;
};

TEST(JournalRoom, IsFreedAgainWhateverWasUnapplied) {
  // Caught journal-moving-room-not-kept.
  const std::uint64_t seeds = LongForm() ? 2000 : 60;
  std::map<std::string, std::uint64_t> counts;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    life.Run(1500);
    if (HasFailure()) return;
    counts["files recycled"] += life.recycled();
    counts["rewrites"] += life.rewrites();
    counts["crashes"] += life.crashes();
    counts["refusals"] += life.refused();
    counts["freed while some are away"] += life.freed_while_away();
    counts["freed when all are back"] += life.freed_when_all_are_back();
  }
  // The run means nothing if it never gets to these.
  for (const auto& [what, count] : counts) {
    std::printf("%s: %lu\n", what.c_str(), count);
    EXPECT_GT(count, seeds / 4) << what;
  }
}

}  // namespace
}  // namespace kronika::wal
