// Writes: what a report of durability may and may not raise (SAFETY A2).
//
// Seen to catch the planted bugs aba-durable-mark and cut-keeps-durable-index.
#include "raft/core/writes.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

Entry Make(std::uint64_t index, std::uint64_t term) {
  return {.index = Index{index}, .term = Term{term}, .type = EntryType::kData};
}

HardState InTerm(std::uint64_t term) {
  return {.term = Term{term}};
}

// One entry is durable; two more of term 1 are on their way with write 1.
struct Fixture {
  Log log{{}, {}, {Make(1, 1)}};
  Writes writes{InTerm(1), Index{1}};
  std::uint64_t first = 0;
  Fixture() {
    log.Append(Make(2, 1));
    log.Append(Make(3, 1));
    first = writes.Take(log, InTerm(1)).id;
  }
  void Overwrite(std::uint64_t from, std::uint64_t term) {
    const Log::Taken taken = log.TakeFromLeader({Make(from, term)});
    writes.OnCut(*taken.cut);
  }
};

TEST(Writes, AReportRaisesTheDurableIndex) {
  Fixture f;
  EXPECT_EQ(f.writes.durable_index(), Index{1});
  EXPECT_TRUE(f.writes.OnWritten(f.first, Term{1}));
  EXPECT_EQ(f.writes.durable_index(), Index{3});
  EXPECT_FALSE(f.writes.OnWritten(f.first, Term{1})) << "twice is harmless";
  EXPECT_FALSE(f.writes.OnWritten(99, Term{1})) << "and so is what was never issued";
}

TEST(Writes, AWriteSaysWhatToDoInOneUnit) {
  Fixture f;
  f.Overwrite(2, 2);
  const Write write = f.writes.Take(f.log, InTerm(2));
  EXPECT_EQ(write.id, f.first + 1);
  EXPECT_EQ(write.leader_term, Term{2});
  EXPECT_EQ(write.hard_state, InTerm(2));
  EXPECT_EQ(write.truncate_from, Index{2});
  ASSERT_EQ(write.entries.size(), 1u);
  EXPECT_EQ(f.writes.Take(f.log, InTerm(2)).id, 0u) << "nothing is written twice";
}

TEST(Writes, ACutLowersTheDurableIndexAtOnce) {
  Fixture f;
  f.writes.OnWritten(f.first, Term{1});
  f.Overwrite(2, 2);
  EXPECT_EQ(f.writes.durable_index(), Index{1});
}

TEST(Writes, AReportFromBeforeTheCutRaisesNothing) {
  Fixture f;
  f.Overwrite(2, 2);
  f.log.Append(Make(3, 2));
  const Write second = f.writes.Take(f.log, InTerm(2));
  EXPECT_TRUE(f.writes.OnWritten(f.first, Term{2}));
  EXPECT_EQ(f.writes.durable_index(), Index{1}) << "2 and 3 of term 1 are durable, not these";
  f.writes.OnWritten(second.id, Term{2});
  EXPECT_EQ(f.writes.durable_index(), Index{3});
}

TEST(Writes, AReportFromAnOlderTermRaisesNothingAndTheNextOneDoes) {
  Fixture f;
  // The new leader has the same entries: nothing is cut, only the term is written.
  const Write second = f.writes.Take(f.log, InTerm(2));
  EXPECT_TRUE(second.entries.empty());
  f.writes.OnWritten(f.first, Term{2});
  EXPECT_EQ(f.writes.durable_index(), Index{1});
  EXPECT_EQ(f.writes.durable_state(), InTerm(1));
  f.writes.OnWritten(second.id, Term{2});
  EXPECT_EQ(f.writes.durable_index(), Index{3}) << "writes are durable in order";
  EXPECT_EQ(f.writes.durable_state(), InTerm(2));
}

TEST(Writes, ALaterReportCoversEarlierWrites) {
  Fixture f;
  f.log.Append(Make(4, 1));
  const Write second = f.writes.Take(f.log, InTerm(1));
  f.writes.OnWritten(second.id, Term{1});
  EXPECT_EQ(f.writes.durable_index(), Index{4});
}

TEST(Writes, EntriesThatWereCutBeforeTheyWereWrittenAreNeverWritten) {
  Log log({}, {}, {Make(1, 1)});
  Writes writes(InTerm(1), Index{1});
  log.Append(Make(2, 1));
  const Log::Taken taken = log.TakeFromLeader({Make(2, 2)});
  writes.OnCut(*taken.cut);
  const Write write = writes.Take(log, InTerm(2));
  EXPECT_FALSE(write.truncate_from.has_value());
  ASSERT_EQ(write.entries.size(), 1u);
  EXPECT_EQ(write.entries[0].term, Term{2});
}

TEST(Writes, AnInstallThatReplacesTheLogVoidsWhatIsOnItsWay) {
  Fixture f;
  f.log.Install(Index{9}, Term{2});
  f.writes.OnInstalled(Index{9}, false);
  EXPECT_EQ(f.writes.durable_index(), Index{9});
  f.writes.OnWritten(f.first, Term{1});
  EXPECT_EQ(f.writes.durable_index(), Index{9});
  EXPECT_FALSE(f.writes.Pending(f.log, InTerm(1)));
}

}  // namespace
}  // namespace kronika::raft
