// Log: conflicts, commitment, delivery, installs, and what memory may forget.
#include "raft/core/log.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

Entry Make(std::uint64_t index, std::uint64_t term, EntryType type = EntryType::kData,
           std::string_view payload = "1234") {
  return {
      .index = Index{index}, .term = Term{term}, .type = type, .payload = Slice::CopyOf(payload)};
}

// Entries 1.. with these terms.
Log LogOf(std::vector<std::uint64_t> terms) {
  std::vector<Entry> entries;
  for (const std::uint64_t term : terms) entries.push_back(Make(entries.size() + 1, term));
  return Log({}, {}, std::move(entries));
}

TEST(Log, KnowsTermsOfItsStartAndEntriesOnly) {
  Log log(Index{5}, Term{2}, {});
  log.Append(Make(6, 3));
  EXPECT_EQ(log.TermAt(Index{5}), Term{2});
  EXPECT_EQ(log.TermAt(Index{6}), Term{3});
  EXPECT_FALSE(log.TermAt(Index{4}).has_value());
  EXPECT_FALSE(log.TermAt(Index{7}).has_value());
  EXPECT_TRUE(log.Matches(Index{6}, Term{3}));
  EXPECT_FALSE(log.Matches(Index{6}, Term{2}));
}

TEST(Log, UpToDateMeansLaterTermThenLongerLog) {
  const Log log = LogOf({1, 1, 3});
  EXPECT_TRUE(log.IsUpToDate(Index{3}, Term{3}));
  EXPECT_TRUE(log.IsUpToDate(Index{1}, Term{4}));
  EXPECT_FALSE(log.IsUpToDate(Index{2}, Term{3}));
  EXPECT_FALSE(log.IsUpToDate(Index{9}, Term{2}));
}

TEST(Log, AConflictCutsTheSuffixAndNothingElseDoes) {
  Log log = LogOf({1, 1, 1, 1});
  Log::Taken taken = log.TakeFromLeader({Make(2, 1), Make(3, 1)});
  EXPECT_FALSE(taken.cut.has_value());
  EXPECT_FALSE(taken.appended);
  EXPECT_EQ(log.last(), Index{4}) << "a shorter, equal append takes nothing away";
  taken = log.TakeFromLeader({Make(3, 2), Make(4, 2)});
  EXPECT_EQ(taken.cut, Index{3});
  EXPECT_TRUE(taken.appended);
  EXPECT_EQ(log.last_term(), Term{2});
}

TEST(LogDeathTest, ACommittedEntryIsNeverCut) {
  Log log = LogOf({1, 1});
  log.CommitTo(Index{2});
  EXPECT_DEATH(log.TakeFromLeader({Make(2, 2)}), "committed entry");
  EXPECT_DEATH(log.CommitTo(Index{3}), "beyond the last");
  EXPECT_DEATH(log.Append(Make(5, 2)), "hole");
  EXPECT_DEATH(log.ApplyTo(Index{2}), "never handed out");
}

TEST(Log, AHintSkipsEntriesOfLaterTerms) {
  const Log log = LogOf({1, 1, 4, 4, 5});
  EXPECT_EQ(log.LastNotAbove(Index{5}, Term{3}), Index{2});
  EXPECT_EQ(log.LastNotAbove(Index{9}, Term{9}), Index{5});
  EXPECT_EQ(log.LastNotAbove(Index{4}, Term{0}), Index{0});
}

TEST(Log, DeliversEachCommittedEntryOnceInOrder) {
  Log log = LogOf({1, 1, 1});
  EXPECT_TRUE(log.Deliver().empty());
  log.CommitTo(Index{2});
  EXPECT_EQ(log.Deliver().size(), 2u);
  EXPECT_TRUE(log.Deliver().empty());
  log.CommitTo(Index{3});
  EXPECT_EQ(log.Deliver().at(0).index, Index{3});
  log.CommitTo(Index{1});
  EXPECT_EQ(log.commit(), Index{3}) << "a commit index never goes back";
}

TEST(Log, RangeIsBoundedByBytesButNeverEmpty) {
  const Log log = LogOf({1, 1, 1, 1});
  EXPECT_EQ(log.Range(Index{1}, Index{4}, 8).size(), 2u);
  EXPECT_EQ(log.Range(Index{2}, Index{4}, 1).size(), 1u);
  EXPECT_EQ(log.Range(Index{2}, Index{3}, 100).size(), 2u);
  EXPECT_EQ(log.BytesAfter(Index{1}), 12u);
}

TEST(Log, AnInstallKeepsTheSuffixOnlyWhereTheEntryMatches) {
  Log kept = LogOf({1, 1, 2, 2});
  EXPECT_TRUE(kept.Install(Index{3}, Term{2}));
  EXPECT_EQ(kept.last(), Index{4});
  EXPECT_EQ(kept.start(), Index{3});
  EXPECT_EQ(kept.applied(), Index{3});
  Log replaced = LogOf({1, 1, 2, 2});
  EXPECT_FALSE(replaced.Install(Index{3}, Term{5}));
  EXPECT_EQ(replaced.last(), Index{3});
  EXPECT_EQ(replaced.last_term(), Term{5});
  EXPECT_FALSE(replaced.Install(Index{9}, Term{5}));
  EXPECT_EQ(replaced.commit(), Index{9});
}

TEST(Log, ForgetsAppliedEntriesAndKeepsTheTail) {
  Log log = LogOf({1, 1, 2, 2, 2});
  log.CommitTo(Index{4});
  log.Deliver();
  log.ApplyTo(Index{4});
  log.Forget(Index{5}, 8);
  EXPECT_EQ(log.start(), Index{2}) << "two of the four applied entries are eight bytes";
  log.Forget(Index{5}, 0);
  EXPECT_EQ(log.start(), Index{4}) << "what is not applied stays";
  EXPECT_EQ(log.TermAt(Index{4}), Term{2});
  log.Forget(Index{1}, 0);
  EXPECT_EQ(log.start(), Index{4});
}

TEST(Log, FindsConfigurationsAndLosesCutOnes) {
  Log log({}, {}, {Make(1, 1), Make(2, 1, EntryType::kConfig), Make(3, 1, EntryType::kConfig)});
  EXPECT_EQ(log.ConfigIn(Index{0}, Index{3}), Index{2});
  EXPECT_EQ(log.ConfigIn(Index{2}, Index{3}), Index{3});
  EXPECT_FALSE(log.ConfigIn(Index{0}, Index{1}).has_value());
  EXPECT_EQ(log.LastConfigTo(Index{3}), Index{3});
  log.TakeFromLeader({Make(3, 2)});
  EXPECT_FALSE(log.ConfigIn(Index{2}, Index{3}).has_value());
  EXPECT_EQ(log.LastConfigTo(Index{3}), Index{2});
}

}  // namespace
}  // namespace kronika::raft
