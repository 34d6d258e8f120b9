// The journal over many laps: appends, cuts, votes, checkpoints, rewriting forward, crashes at any
// moment. A model keeps what was acknowledged and what the store of the checkpoints holds durably.
#include <gtest/gtest.h>

#include <map>

#include "base/planted.h"
#include "journal_image.h"
#include "journal_world.h"

namespace kronika::wal {
namespace {

struct ModelGroup {
  std::map<std::uint64_t, std::uint64_t> terms;  // of every entry that was appended and not cut
  std::uint64_t durable = 0;                     // every entry up to here was acknowledged
  std::uint64_t term = 1;
  std::uint64_t acknowledged_vote = 0;
  std::uint64_t cuts =
      0;  // an acknowledgement of an earlier write means nothing after a cut (SAFETY A2)
  std::uint64_t applied = 0;  // in the durable store
  std::uint64_t votes_in_store = 0;
  std::uint64_t last() const { return terms.empty() ? applied : terms.rbegin()->first; }
};

class Life {
 public:
  explicit Life(std::uint64_t seed) : world_(seed), rng_(seed * 77 + 1) {
    world_.options().files = 4;
    // Small files and few crashes bring many laps, the others many crashes.
    const bool laps = seed % 2 == 0;
    crash_chance_ = laps ? 0.004 : 0.02;
    world_.options().file_bytes = (laps ? 64 : 128) << 10;
    world_.options().first_file_bytes = 64 << 10;
    world_.options().commit_bytes_max = 16 << 10;
    for (std::uint32_t group = 1; group <= 3; ++group) groups_[group] = {};
  }

  void Run(int steps) {
    ASSERT_NO_FATAL_FAILURE(OpenAndCompare());
    for (int step = 0; step < steps; ++step) {
      Act();
      if (rng_.Chance(crash_chance_)) CrashAndCompare();
      if (testing::Test::HasFailure()) return;
    }
    ASSERT_NO_FATAL_FAILURE(CrashAndCompare());
  }
  std::uint64_t recycled() const { return recycled_; }
  std::uint64_t crashes() const { return crashes_; }
  std::uint64_t rewrites() const { return rewrites_; }

 private:
  void Act() {
    const std::uint64_t roll = rng_.Below(100);
    auto& [id, group] = *std::next(groups_.begin(), static_cast<std::ptrdiff_t>(rng_.Below(3)));
    if (roll < 60) {
      AppendTo(id, group);
    } else if (roll < 65) {
      CutAndAppend(id, group);
    } else if (roll < 72) {
      Vote(id, group);
    } else if (roll < 80) {
      StepCheckpoint();
    } else {
      world_.RunFor(std::chrono::microseconds(rng_.Below(2000)));
    }
    if (world_.journal().WantsCheckpoint()) StepCheckpoint();
  }

  void Send(std::uint32_t id, ModelGroup& group, JournalWrite write) {
    const std::uint64_t last = write.entries.back().index.value;
    const std::uint64_t cuts = group.cuts;
    world_.journal().Append(std::move(write), [&group, last, cuts](Status status) {
      if (status && group.cuts == cuts) group.durable = std::max(group.durable, last);
    });
    (void)id;
  }

  void AppendTo(std::uint32_t id, ModelGroup& group) {
    const std::size_t count = 1 + rng_.Below(4);
    const std::size_t bytes = rng_.Chance(0.2) ? 3000 : 200;
    if (!world_.journal().Admit(count * (bytes + 64))) return;
    // The pinned group waits for its other replica: it takes little.
    if (id == 3 && group.last() > group.applied + 6) return;
    JournalWrite write = MakeEntries(id, group.last() + 1, count, group.term, bytes);
    for (const JournalEntry& entry : write.entries) group.terms[entry.index.value] = group.term;
    Send(id, group, std::move(write));
  }

  void CutAndAppend(std::uint32_t id, ModelGroup& group) {
    if (group.last() <= group.applied || !world_.journal().Admit(8192)) return;
    const std::uint64_t floor = std::max(group.applied, applying_[id]);
    if (group.last() <= floor) return;
    const std::uint64_t from = floor + 1 + rng_.Below(group.last() - floor);
    ++group.cuts;
    ++group.term;
    group.durable = std::min(group.durable, from - 1);
    group.terms.erase(group.terms.lower_bound(from), group.terms.end());
    JournalWrite write = MakeEntries(id, from, 1, group.term);
    write.truncate_from = Index{from};
    group.terms[from] = group.term;
    Send(id, group, std::move(write));
  }

  void Vote(std::uint32_t id, ModelGroup& group) {
    const std::uint64_t term = ++group.term;
    world_.journal().Append(MakeVote(id, term, 2), [&group, term](Status status) {
      if (status) group.acknowledged_vote = std::max(group.acknowledged_vote, term);
    });
  }

  // One step of a checkpoint per call, so that a crash falls between any two.
  void StepCheckpoint() {
    switch (phase_) {
      case 0:
        if (busy_) return;
        start_ = world_.journal().CheckpointStart();
        for (auto& [id, group] : groups_) {
          // Group 3 applies nothing while it waits; the others all that is durable.
          if (id != 3 || rng_.Chance(0.05)) applying_[id] = std::max(group.applied, group.durable);
          votes_[id] = group.acknowledged_vote;
          world_.journal().ReleaseTo({id}, {applying_[id]});
        }
        phase_ = 1;
        return;
      case 1:
        if (busy_) return;
        phase_ = 2;
        if (!world_.journal().OldestIsPinned()) return;
        busy_ = true;
        ++rewrites_;
        world_.journal().RewriteForward([this](Status) { busy_ = false; });
        return;
      case 2:
        if (busy_) return;
        pending_ = {.id = mark_.id + 1, .position = world_.journal().CheckpointPosition(start_)};
        phase_ = 3;
        return;
      case 3:
        if (slow_store_ && rng_.Chance(0.98)) return;
        // The store makes it durable, or the crash comes first.
        mark_ = pending_;
        for (auto& [id, group] : groups_) {
          group.applied = std::max(group.applied, applying_[id]);
          group.votes_in_store = votes_[id];
        }
        phase_ = 4;
        return;
      case 4:
        busy_ = true;
        phase_ = 0;
        world_.journal().Checkpoint(mark_, [this](Status) { busy_ = false; });
        return;
      default:
        FAIL();
    }
  }

  void CrashAndCompare() {
    ++crashes_;
    recycled_ += world_.journal().status().files_recycled;
    world_.Crash({.keep_block = static_cast<double>(rng_.Below(100)) / 100,
                  .missing = rng_.Chance(0.5) ? MissingBlock::kZero : MissingBlock::kStale});
    OpenAndCompare();
  }

  void OpenAndCompare() {
    busy_ = false;
    phase_ = 0;
    JournalBase base{.mark = mark_};
    if (mark_.id > 0) {
      for (const auto& [id, group] : groups_) base.applied[{id}] = {group.applied};
    }
    slow_store_ = rng_.Chance(0.3);
    const Status opened = world_.Open(base);
    ASSERT_TRUE(opened) << opened.error().Describe();
    ASSERT_TRUE(world_.verdict().damages.empty()) << world_.verdict().Describe();
    for (auto& [id, group] : groups_) Compare(id, group);
    applying_.clear();
    // The recovery's own checkpoint, which a crash may cut short at any step.
    if (!world_.journal().ShortOfFiles()) return;
    for (int step = 0; step < 200 && (phase_ != 0 || step == 0); ++step) {
      StepCheckpoint();
      world_.RunFor(std::chrono::microseconds(100));
      if (rng_.Chance(0.02)) return;
    }
  }

  void Compare(std::uint32_t id, ModelGroup& group) {
    const RecoveredLog log = world_.group(id);
    std::uint64_t last = group.applied;
    for (const JournalEntry& entry : log.entries) {
      ASSERT_EQ(entry.index.value, last + 1) << "group " << id;
      last = entry.index.value;
      // An unacknowledged cut may not have happened: only acknowledged entries are compared.
      if (last > group.durable) continue;
      ASSERT_EQ(entry.term.value, group.terms.at(last)) << "group " << id << " index " << last;
      const std::string prefix = std::to_string(id) + ":" + std::to_string(last) + ":" +
                                 std::to_string(entry.term.value) + ":";
      ASSERT_TRUE(entry.payload.text().starts_with(prefix));
    }
    ASSERT_GE(last, group.durable) << "group " << id;
    const std::uint64_t vote = log.hard_state ? log.hard_state->term.value : 0;
    ASSERT_GE(std::max(vote, group.votes_in_store), group.acknowledged_vote) << "group " << id;
    // From here on what was found is the truth.
    group.terms.clear();
    for (const JournalEntry& entry : log.entries) {
      group.terms[entry.index.value] = entry.term.value;
      group.term = std::max(group.term, entry.term.value);
    }
    group.durable = last;
  }

  JournalWorld world_;
  SeededRng rng_;
  std::map<std::uint32_t, ModelGroup> groups_;
  CheckpointMark mark_;     // durable in the store
  CheckpointMark pending_;  // about to be
  JournalPosition start_;
  std::map<std::uint32_t, std::uint64_t> applying_;
  std::map<std::uint32_t, std::uint64_t> votes_;
  int phase_ = 0;
  bool busy_ = false;
  bool slow_store_ = false;
  double crash_chance_ = 0;
  std::uint64_t recycled_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t rewrites_ = 0;
};

TEST(JournalLife, SurvivesCrashesOverManyLaps) {
  // Caught journal-ack-before-sync and journal-rewritten-truncates.
  const std::uint64_t seeds = LongForm() ? 1000 : 40;
  std::uint64_t recycled = 0;
  std::uint64_t crashes = 0;
  std::uint64_t rewrites = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    life.Run(600);
    if (HasFailure()) return;
    recycled += life.recycled();
    crashes += life.crashes();
    rewrites += life.rewrites();
  }
  // The run means nothing if it never gets to these.
  EXPECT_GT(recycled, seeds);
  EXPECT_GT(crashes, seeds);
  EXPECT_GT(rewrites, seeds / 2);
}

}  // namespace
}  // namespace kronika::wal
