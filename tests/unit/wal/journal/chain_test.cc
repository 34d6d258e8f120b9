// Every row of the two tables of docs/formats.md ("The chain, and what a damaged one means"), and
// of the replay's rules.
#include "wal/journal/chain.h"

#include <gtest/gtest.h>

#include "journal_image.h"

namespace kronika::wal {
namespace {

// opened, three commits of groups 1 to 3.
JournalImage ThreeCommits() {
  JournalImage image;
  image.Commit({OpenedRecord()});
  image.Commit({EntryRecord(1, 1, 1), EntryRecord(2, 1, 1)});
  image.Commit({EntryRecord(1, 2, 1), VoteRecord(3, 5, 2)});
  image.Commit({EntryRecord(2, 2, 1)});
  return image;
}

TEST(ChainTail, NoTraceOfTheNextIsACleanEnd) {
  const ImageRecovery recovery = ThreeCommits().Recover();
  EXPECT_EQ(recovery.verdict.tail, JournalTail::kClean);
  EXPECT_EQ(recovery.verdict.last_sequence, 4U);
  EXPECT_TRUE(recovery.verdict.damages.empty());
  EXPECT_EQ(recovery.Line(1), "1@1 2@1");
  EXPECT_EQ(recovery.Line(2), "1@1 2@1");
  EXPECT_EQ(recovery.groups.at({3}).hard_state->term.value, 5U);
  EXPECT_EQ(recovery.next_sequence, 5U);
  EXPECT_EQ(recovery.next_epoch, 2U);
}

TEST(ChainTail, ABrokenLastCommitIsTorn) {
  JournalImage image = ThreeCommits();
  const auto last = image.Commit({EntryRecord(1, 3, 1, 9000)});
  image.SetBlock(last.file, last.block + 1, std::string(kBlockBytes, '\0'));
  const ImageRecovery recovery = image.Recover();
  EXPECT_EQ(recovery.verdict.tail, JournalTail::kTorn);
  EXPECT_TRUE(recovery.verdict.damages.empty());
  EXPECT_EQ(recovery.Line(1), "1@1 2@1");
  EXPECT_EQ(recovery.next_sequence, 5U);
}

TEST(ChainTail, ABrokenCommitWithALaterOneIsCorruptAndNamed) {
  // Caught journal-torn-middle-accepted.
  JournalImage image = ThreeCommits();
  image.FlipBit(1, (2 * kBlockBytes + 200) * 8);
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  const JournalDamage& damage = recovery.verdict.damages[0];
  EXPECT_EQ(damage.file, JournalImage::NameOf(1));
  EXPECT_EQ(damage.block, 2U);
  EXPECT_EQ(damage.sequence, 3U);
  EXPECT_EQ(damage.groups, (std::set<GroupId>{{1}, {3}}));
  EXPECT_FALSE(damage.all_groups);
  EXPECT_TRUE(recovery.verdict.Concerns({3}));
  EXPECT_FALSE(recovery.verdict.Concerns({2}));
  // The others are replayed to the end.
  EXPECT_EQ(recovery.Line(2), "1@1 2@1");
  EXPECT_EQ(recovery.next_sequence, 5U);
}

TEST(ChainTail, ABrokenHeaderNamesTheGroupsOfTheFooter) {
  JournalImage image = ThreeCommits();
  image.FlipBit(1, (2 * kBlockBytes + 20) * 8);
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  EXPECT_EQ(recovery.verdict.damages[0].groups, (std::set<GroupId>{{1}, {3}}));
  EXPECT_EQ(recovery.verdict.damages[0].block, 2U);
}

TEST(ChainTail, NeitherHeaderNorFooterConcernsAllGroups) {
  JournalImage image = ThreeCommits();
  image.SetBlock(1, 2, std::string(kBlockBytes, 'z'));
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  EXPECT_TRUE(recovery.verdict.damages[0].all_groups);
  EXPECT_EQ(recovery.verdict.damages[0].block, 2U);
  EXPECT_TRUE(recovery.verdict.Concerns({99}));
}

TEST(ChainTail, ASealIsALaterCommit) {
  JournalImage image = ThreeCommits();
  image.Commit({SealRecord()});
  image.FlipBit(1, (3 * kBlockBytes + 150) * 8);
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  EXPECT_TRUE(recovery.verdict.Concerns({2}));
}

TEST(ChainTail, ATraceOfTheOneAfterProvesThatABrokenOneWasSynced) {
  JournalImage image = ThreeCommits();
  const auto torn = image.Commit({EntryRecord(1, 3, 1, 9000)});
  image.FlipBit(1, (3 * kBlockBytes + 150) * 8);
  image.SetBlock(torn.file, torn.block + 1, std::string(kBlockBytes, '\0'));
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  EXPECT_EQ(recovery.verdict.damages[0].sequence, 4U);
  EXPECT_EQ(recovery.verdict.tail, JournalTail::kTorn);
  // The gap stays visible to the next open.
  EXPECT_EQ(recovery.next_sequence, 6U);
  image.Open(2, recovery.next_epoch);
  image.sequence = recovery.next_sequence - 1;
  image.Commit({OpenedRecord()});
  EXPECT_TRUE(image.Recover().verdict.Concerns({2}));
}

TEST(ChainTail, AValidCommitThatDoesNotFollowIsCorrupt) {
  // Caught journal-chain-not-checked.
  JournalImage image = ThreeCommits();
  image.previous_crc ^= 1;
  image.Commit({EntryRecord(1, 3, 1)});
  const ImageRecovery recovery = image.Recover();
  ASSERT_EQ(recovery.verdict.damages.size(), 1U);
  EXPECT_TRUE(recovery.verdict.damages[0].all_groups);
  EXPECT_EQ(recovery.verdict.damages[0].sequence, 5U);
}

TEST(ChainTail, WhatALaterLifeLeftBehindACutDoesNotComeBack) {
  // SAFETY A1: the torn commit of epoch 1, a vote in it, is complete but for one block.
  JournalImage image = ThreeCommits();
  const auto torn = image.Commit({VoteRecord(1, 9, 3), EntryRecord(2, 3, 9, 20000)});
  image.SetBlock(torn.file, torn.block + 2, std::string(kBlockBytes, '\0'));
  image.Open(2, image.Recover().next_epoch);
  image.sequence = 4;
  image.previous_crc = ThreeCommits().previous_crc;
  image.Commit({OpenedRecord()});
  image.Commit({EntryRecord(2, 3, 2)});
  const ImageRecovery recovery = image.Recover();
  EXPECT_TRUE(recovery.verdict.damages.empty()) << recovery.verdict.Describe();
  EXPECT_EQ(recovery.verdict.tail, JournalTail::kClean);
  EXPECT_EQ(recovery.Line(2), "1@1 2@1 3@2");
  EXPECT_FALSE(recovery.groups.at({1}).hard_state.has_value());
  EXPECT_EQ(recovery.next_epoch, 3U);
}

TEST(ChainTail, AFileFromElsewhereOrMovedCountsForNothing) {
  JournalImage image = ThreeCommits();
  image.files[2] = image.files[1];
  EXPECT_TRUE(image.Recover().verdict.damages.empty());
  EXPECT_EQ(image.Recover().Line(1), "1@1 2@1");
}

TEST(ChainTail, AnInnocentRebirthEndsTheConcern) {
  JournalImage image = ThreeCommits();
  image.FlipBit(1, (2 * kBlockBytes + 200) * 8);
  image.Commit({{.kind = RecordKind::kRemoved, .group = {1}}});
  const ImageRecovery recovery = image.Recover();
  EXPECT_FALSE(recovery.verdict.Concerns({1}));
  EXPECT_TRUE(recovery.verdict.Concerns({3}));
}

// --- store against journal (SAFETY E) ---

// Two files: sequences 1 to 4 and, in the second, 5 to 7 with checkpoint 1 in 6.
JournalImage WithCheckpoint() {
  JournalImage image = ThreeCommits();
  image.Open(2, 1);
  image.Commit({EntryRecord(1, 3, 1)});
  image.checkpoint_id = 1;
  image.Commit({CheckpointRecord(1, 5)});
  image.Commit({EntryRecord(1, 4, 1)});
  return image;
}

TEST(StoreAgainstJournal, APositionInsideIsReplayedFrom) {
  const ImageRecovery recovery =
      WithCheckpoint().Recover({.id = 1, .position = {5}}, {{{1}, {2}}, {{2}, {2}}});
  EXPECT_EQ(recovery.verdict.match, JournalMatch::kReplay);
  EXPECT_EQ(recovery.Line(1), "3@1 4@1");
  EXPECT_TRUE(recovery.verdict.damages.empty()) << recovery.verdict.Describe();
}

TEST(StoreAgainstJournal, AnIdOneAboveIsPowerLossBeforeTheRecord) {
  const ImageRecovery recovery = WithCheckpoint().Recover({.id = 2, .position = {7}});
  EXPECT_EQ(recovery.verdict.match, JournalMatch::kReplay);
  EXPECT_EQ(recovery.Line(1), "4@1");
}

TEST(StoreAgainstJournal, OnePastTheEndIsAnEmptyReplay) {
  const ImageRecovery recovery = WithCheckpoint().Recover({.id = 2, .position = {8}});
  EXPECT_EQ(recovery.verdict.match, JournalMatch::kReplay);
  EXPECT_EQ(recovery.verdict.last_sequence, 7U);
  EXPECT_EQ(recovery.next_sequence, 8U);
  EXPECT_TRUE(recovery.groups.empty());
}

TEST(StoreAgainstJournal, AnOlderStoreIsReplayedWhileTheFilesAreThere) {
  const ImageRecovery recovery = WithCheckpoint().Recover({.id = 0, .position = {1}});
  EXPECT_EQ(recovery.verdict.match, JournalMatch::kReplay);
  EXPECT_EQ(recovery.Line(1), "1@1 2@1 3@1 4@1");
}

TEST(StoreAgainstJournal, APositionBelowTheOldestFileIsARollBack) {
  JournalImage image = WithCheckpoint();
  image.files[1] = std::string(image.files[1].size(), '\0');
  EXPECT_EQ(image.Recover({.id = 0, .position = {1}}).verdict.match, JournalMatch::kBelowOldest);
  EXPECT_EQ(image.Recover({.id = 1, .position = {3}}).verdict.match, JournalMatch::kBelowOldest);
  EXPECT_EQ(image.Recover({.id = 1, .position = {5}}).verdict.match, JournalMatch::kReplay);
}

TEST(StoreAgainstJournal, APositionAboveTheEndIsARollBack) {
  EXPECT_EQ(WithCheckpoint().Recover({.id = 2, .position = {9}}).verdict.match,
            JournalMatch::kAboveEnd);
  EXPECT_EQ(JournalImage().Recover({.id = 1, .position = {2}}).verdict.match,
            JournalMatch::kAboveEnd);
}

TEST(StoreAgainstJournal, AnIdTwoAboveIsARollBack) {
  EXPECT_EQ(WithCheckpoint().Recover({.id = 3, .position = {7}}).verdict.match,
            JournalMatch::kIdTooHigh);
  EXPECT_EQ(JournalImage().Recover({.id = 2, .position = {1}}).verdict.match,
            JournalMatch::kIdTooHigh);
}

TEST(StoreAgainstJournal, ARemovalAfterThePositionIsReported) {
  JournalImage image = WithCheckpoint();
  image.Commit({{.kind = RecordKind::kRemoved, .group = {1}}});
  const ImageRecovery recovery = image.Recover({.id = 1, .position = {5}}, {{{1}, {2}}});
  EXPECT_TRUE(recovery.groups.at({1}).removed);
  EXPECT_EQ(recovery.Line(1), "");
}

TEST(StoreAgainstJournal, DamageBeforeThePositionIsHarmless) {
  JournalImage image = WithCheckpoint();
  image.FlipBit(1, (2 * kBlockBytes + 200) * 8);
  const ImageRecovery recovery =
      image.Recover({.id = 1, .position = {5}}, {{{1}, {2}}, {{2}, {2}}});
  EXPECT_TRUE(recovery.verdict.damages.empty()) << recovery.verdict.Describe();
}

TEST(StoreAgainstJournal, DamageAtThePositionIsNamed) {
  JournalImage image = WithCheckpoint();
  image.FlipBit(2, 200 * 8);
  const ImageRecovery recovery = image.Recover({.id = 1, .position = {5}}, {{{1}, {2}}});
  EXPECT_EQ(recovery.verdict.match, JournalMatch::kReplay);
  EXPECT_TRUE(recovery.verdict.Concerns({1}));
}

// --- replay ---

TEST(JournalReplay, LaterWins) {
  JournalImage image;
  image.Commit({EntryRecord(1, 1, 1), EntryRecord(1, 2, 1), EntryRecord(1, 3, 1)});
  image.Commit({EntryRecord(1, 2, 2)});
  image.Commit({VoteRecord(1, 2, 1), VoteRecord(1, 3, 2)});
  const ImageRecovery recovery = image.Recover();
  EXPECT_EQ(recovery.Line(1), "1@1 2@2");
  EXPECT_EQ(recovery.groups.at({1}).hard_state->term.value, 3U);
}

TEST(JournalReplay, RewrittenEntriesFillAndNeverCut) {
  // SAFETY A7; caught journal-rewritten-truncates.
  JournalImage image;
  image.Commit({EntryRecord(1, 5, 1), EntryRecord(1, 6, 1), EntryRecord(1, 7, 1)});
  image.Commit({EntryRecord(1, 8, 1), EntryRecord(1, 9, 1)});
  image.Commit({RewrittenRecord(1, 5, 1), RewrittenRecord(1, 6, 1), RewrittenRecord(1, 7, 1)});
  const std::map<GroupId, Index> applied{{{1}, {4}}};
  EXPECT_EQ(image.Recover({}, applied).Line(1), "5@1 6@1 7@1 8@1 9@1");
  // The first commit was recycled.
  EXPECT_EQ(image.Recover({.id = 1, .position = {2}}, applied).Line(1), "5@1 6@1 7@1 8@1 9@1");
  // Cut after the rewriting: what was rewritten above the cut goes.
  image.Commit({CutRecord(1, 7), EntryRecord(1, 7, 2)});
  EXPECT_EQ(image.Recover({.id = 1, .position = {2}}, applied).Line(1), "5@1 6@1 7@2");
}

TEST(JournalReplay, AHoleAboveTheAppliedIndexIsDamage) {
  JournalImage image;
  image.Commit({EntryRecord(1, 5, 1)});
  image.Commit({EntryRecord(1, 6, 1)});
  const ImageRecovery recovery = image.Recover({.id = 1, .position = {2}}, {{{1}, {4}}});
  EXPECT_TRUE(recovery.verdict.Concerns({1}));
  EXPECT_FALSE(image.Recover({.id = 1, .position = {2}}, {{{1}, {5}}}).verdict.Concerns({1}));
}

}  // namespace
}  // namespace kronika::wal
