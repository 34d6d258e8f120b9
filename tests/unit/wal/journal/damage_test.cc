// Torn and rotten blocks (RELIABILITY F9, F10): every subset of the blocks of the last,
// unacknowledged group commit, and every bit of an acknowledged one.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "journal_image.h"

namespace kronika::wal {
namespace {

// What an earlier lap left in the files: commits of the same place, lower sequences, other sizes.
JournalImage EarlierLap(std::size_t offset_blocks) {
  JournalImage image;
  image.epoch = 1;
  if (offset_blocks > 0)
    image.Commit({EntryRecord(9, 1, 1, (offset_blocks - 1) * kBlockBytes + 100)});
  for (std::uint64_t i = 0; i < 12; ++i) {
    image.Commit({EntryRecord(8, 1 + i, 1, 100 + (i % 3) * 5000), VoteRecord(1, 99, 3)});
  }
  return image;
}

// The chain before the last commit, over the leftovers of `lap`.
JournalImage ChainOver(const JournalImage& lap) {
  JournalImage image = lap;
  image.block = 0;
  image.sequence = 100;
  image.epoch = 2;
  image.Commit({OpenedRecord()});
  image.Commit({EntryRecord(1, 1, 4), EntryRecord(2, 1, 4)});
  image.Commit({VoteRecord(1, 4, 2), EntryRecord(1, 2, 4)});
  return image;
}

enum class BlockFate { kWritten, kZero, kStale };

void ExpectChainBefore(const JournalImage& image, bool whole, const std::string& which) {
  const ImageRecovery recovery =
      image.Recover({.id = 0, .position = {101}}, {{{1}, {0}}, {{2}, {0}}, {{5}, {0}}});
  ASSERT_TRUE(recovery.verdict.damages.empty()) << which << recovery.verdict.Describe();
  ASSERT_EQ(recovery.verdict.match, JournalMatch::kReplay) << which;
  ASSERT_EQ(recovery.verdict.last_sequence, whole ? 104U : 103U) << which;
  ASSERT_EQ(recovery.Line(1), "1@4 2@4") << which;
  ASSERT_EQ(recovery.groups.at({1}).hard_state->term.value, 4U) << which;
  ASSERT_EQ(recovery.groups.contains({8}), false) << which;
  ASSERT_EQ(recovery.groups.contains({5}), whole) << which;
}

void TryFates(const JournalImage& lap, const JournalImage& written,
              const JournalImage::Written& last, const std::vector<BlockFate>& fates) {
  JournalImage image = written;
  bool whole = true;
  std::string which = "fates ";
  for (std::size_t i = 0; i < fates.size(); ++i) {
    which += std::to_string(static_cast<int>(fates[i]));
    if (fates[i] == BlockFate::kWritten) continue;
    const std::string zeros(kBlockBytes, '\0');
    const std::string before =
        fates[i] == BlockFate::kZero ? zeros : lap.Block(last.file, last.block + i);
    whole = whole && before == image.Block(last.file, last.block + i);
    image.SetBlock(last.file, last.block + i, before);
  }
  ExpectChainBefore(image, whole, which);
}

JournalRecord LastEntry(std::size_t blocks) {
  return EntryRecord(5, 1, 4, (blocks - 1) * kBlockBytes + 500);
}

TEST(TornCommit, EverySubsetOfUpToFiveBlocksEndsBeforeIt) {
  for (std::size_t offset = 0; offset <= 2; ++offset) {
    const JournalImage lap = EarlierLap(offset);
    for (std::size_t blocks = 1; blocks <= 5; ++blocks) {
      JournalImage written = ChainOver(lap);
      const auto last = written.Commit({LastEntry(blocks), VoteRecord(5, 7, 1)});
      ASSERT_EQ(last.blocks, blocks);
      std::size_t combinations = 1;
      for (std::size_t i = 0; i < blocks; ++i) combinations *= 3;
      for (std::size_t n = 0; n < combinations; ++n) {
        std::vector<BlockFate> fates;
        for (std::size_t i = 0, rest = n; i < blocks; ++i, rest /= 3) {
          fates.push_back(BlockFate(static_cast<int>(rest % 3)));
        }
        TryFates(lap, written, last, fates);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(TornCommit, SubsetsOfLargerCommitsDoTheSame) {
  SeededRng rng(11);
  const int rounds = LongForm() ? 5000 : 300;
  for (int round = 0; round < rounds; ++round) {
    const JournalImage lap = EarlierLap(rng.Below(6));
    JournalImage written = ChainOver(lap);
    const auto last = written.Commit({LastEntry(6 + rng.Below(30)), VoteRecord(5, 7, 1)});
    const double chance = 0.05 + 0.9 * static_cast<double>(rng.Below(100)) / 100;
    std::vector<BlockFate> fates;
    for (std::size_t i = 0; i < last.blocks; ++i) {
      fates.push_back(rng.Chance(chance) ? BlockFate(1 + static_cast<int>(rng.Below(2)))
                                         : BlockFate::kWritten);
    }
    TryFates(lap, written, last, fates);
    if (HasFatalFailure()) return;
  }
}

// Acknowledged commits of different shapes, behind which a later one or a seal stands.
struct Acknowledged {
  JournalImage image;
  std::vector<JournalImage::Written> commits;
  std::vector<std::set<GroupId>> groups;
};

Acknowledged MakeAcknowledged() {
  Acknowledged out;
  const auto add = [&](const std::vector<JournalRecord>& records) {
    out.commits.push_back(out.image.Commit(records));
    std::set<GroupId> groups;
    for (const JournalRecord& record : records) {
      if (record.group != kNoGroup) groups.insert(record.group);
    }
    out.groups.push_back(std::move(groups));
  };
  add({OpenedRecord()});
  add({EntryRecord(1, 1, 1), EntryRecord(2, 1, 1)});
  add({VoteRecord(3, 2, 1), EntryRecord(1, 2, 1, 9000)});
  add({CheckpointRecord(1, 1)});
  add({EntryRecord(4, 1, 1), CutRecord(1, 2), RewrittenRecord(2, 1, 1)});
  add({SealRecord()});
  return out;
}

// The bit is flipped while this looks.
void ExpectNamed(Acknowledged& whole, std::size_t commit, std::size_t bit) {
  const JournalImage::Written& written = whole.commits[commit];
  whole.image.FlipBit(1, bit);
  const ImageRecovery recovery = whole.image.Recover();
  whole.image.FlipBit(1, bit);
  ASSERT_EQ(recovery.verdict.damages.size(), 1U) << "bit " << bit << recovery.verdict.Describe();
  const JournalDamage& damage = recovery.verdict.damages[0];
  ASSERT_EQ(damage.file, JournalImage::NameOf(1)) << "bit " << bit;
  ASSERT_EQ(damage.sequence, written.sequence) << "bit " << bit;
  ASSERT_GE(damage.block, written.block) << "bit " << bit;
  ASSERT_LT(damage.block, written.block + written.blocks) << "bit " << bit;
  for (GroupId group : whole.groups[commit]) {
    ASSERT_TRUE(recovery.verdict.Concerns(group)) << "bit " << bit;
  }
  // One bit never hides both header and footer.
  ASSERT_FALSE(damage.all_groups) << "bit " << bit;
}

TEST(RottenBit, EveryOneOfAnAcknowledgedCommitIsDetectedAndNamed) {
  // Caught journal-torn-middle-accepted. The short form tries a sample.
  Acknowledged whole = MakeAcknowledged();
  SeededRng rng(5);
  for (std::size_t commit = 0; commit + 1 < whole.commits.size(); ++commit) {
    const JournalImage::Written& written = whole.commits[commit];
    const std::size_t first = written.block * kBlockBytes * 8;
    const std::size_t end = first + written.blocks * kBlockBytes * 8;
    for (std::size_t bit = first; bit < end; bit += LongForm() ? 1 : 1 + rng.Below(160)) {
      ExpectNamed(whole, commit, bit);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RottenBit, OneInTheSealItselfLosesNothing) {
  const Acknowledged whole = MakeAcknowledged();
  const JournalImage::Written& seal = whole.commits.back();
  for (std::size_t bit = 0; bit < kBlockBytes * 8; bit += 97) {
    JournalImage image = whole.image;
    image.FlipBit(1, seal.block * kBlockBytes * 8 + bit);
    const ImageRecovery recovery = image.Recover();
    ASSERT_TRUE(recovery.verdict.damages.empty());
    ASSERT_EQ(recovery.verdict.last_sequence, seal.sequence - 1);
  }
}

TEST(RottenBlock, EveryDamageToAnAcknowledgedCommitIsDetected) {
  const Acknowledged whole = MakeAcknowledged();
  for (std::size_t commit = 0; commit + 1 < whole.commits.size(); ++commit) {
    const JournalImage::Written& written = whole.commits[commit];
    for (std::size_t mask = 1; mask < (std::size_t{1} << written.blocks); ++mask) {
      JournalImage image = whole.image;
      for (std::size_t i = 0; i < written.blocks; ++i) {
        if ((mask >> i & 1) == 0) continue;
        image.SetBlock(1, written.block + i, std::string(kBlockBytes, '\0'));
      }
      const ImageRecovery recovery = image.Recover();
      // The first one gone without a trace looks like a file recycled too early: refused as a
      // whole.
      if (recovery.verdict.match == JournalMatch::kBelowOldest) continue;
      ASSERT_FALSE(recovery.verdict.damages.empty()) << "commit " << commit << " mask " << mask;
      for (GroupId group : whole.groups[commit]) {
        ASSERT_TRUE(recovery.verdict.Concerns(group)) << "commit " << commit << " mask " << mask;
      }
    }
  }
}

}  // namespace
}  // namespace kronika::wal
