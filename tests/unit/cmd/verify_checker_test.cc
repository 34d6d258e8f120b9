// The checker of `kronika verify`: each kind of finding from the smallest history and replicas that
// show it, and none from those that are right.
//
// Single thread. Each test of a finding was seen to fail with the check that it names taken out of
// checker.cc.
#include <gtest/gtest.h>

#include "cmd/verify/checker.h"
#include "cmd/verify/value.h"

namespace kronika::verify {
namespace {

constexpr std::uint64_t kRun = 42;

Event Invoke(std::int32_t producer, std::int64_t first, std::int64_t last) {
  return {.kind = EventKind::kInvoke, .producer = producer, .first = first, .last = last};
}

Event Ack(std::int32_t producer, std::int64_t first, std::int64_t last, std::int64_t offset) {
  return {.kind = EventKind::kAck,
          .producer = producer,
          .first = first,
          .last = last,
          .offset = offset};
}

// Partition 0; producer 1 is idempotent, producer 2 is not.
History MakeHistory(std::vector<Event> events) {
  return {.run = kRun,
          .topic = "t",
          .starts = {{0, 0}},
          .idempotent = {{1, true}, {2, false}},
          .events = std::move(events)};
}

std::string Value(std::int32_t producer, std::int64_t sequence, std::int32_t partition = 0) {
  return MakeValue(
      {.run = kRun, .producer = producer, .partition = partition, .sequence = sequence}, 64);
}

// A replica that holds `values` from offset 0 on.
void AddReplica(Checker& checker, std::int32_t broker, const std::vector<std::string>& values) {
  checker.BeginReplica(0, broker);
  for (std::size_t i = 0; i < values.size(); ++i) {
    checker.Add({.offset = static_cast<std::int64_t>(i),
                 .value = values[i],
                 .digest = static_cast<std::uint32_t>(std::hash<std::string>{}(values[i]))});
  }
  checker.EndReplica(static_cast<std::int64_t>(values.size()));
}

Findings CheckOne(std::vector<Event> events, const std::vector<std::string>& values) {
  Checker checker(MakeHistory(std::move(events)));
  AddReplica(checker, 7, values);
  return checker.Finish();
}

void ExpectOnly(const Findings& findings, FindingKind kind, std::int64_t offset) {
  ASSERT_EQ(findings.counts.size(), 1U);
  EXPECT_EQ(Name(findings.counts.begin()->first), Name(kind));
  ASSERT_FALSE(findings.named.empty());
  EXPECT_EQ(findings.named.front().offset, offset);
  EXPECT_EQ(findings.named.front().broker, 7);
  EXPECT_EQ(findings.named.front().partition, 0);
}

TEST(VerifyChecker, NothingIsWrongWithWhatWasAcknowledged) {
  const auto findings =
      CheckOne({Invoke(1, 0, 1), Ack(1, 0, 1, 0), Invoke(2, 0, 0), Ack(2, 0, 0, 2)},
               {Value(1, 0), Value(1, 1), Value(2, 0)});
  EXPECT_TRUE(findings.empty());
}

TEST(VerifyChecker, AnUnacknowledgedRecordMayBeThereOrNot) {
  EXPECT_TRUE(CheckOne({Invoke(1, 0, 0)}, {Value(1, 0)}).empty());
  EXPECT_TRUE(CheckOne({Invoke(1, 0, 0)}, {}).empty());
  EXPECT_TRUE(
      CheckOne({Invoke(1, 0, 0), {.kind = EventKind::kUnknown, .producer = 1}}, {}).empty());
}

TEST(VerifyChecker, AnAcknowledgedRecordThatIsMissingIsLost) {
  const auto findings =
      CheckOne({Invoke(1, 0, 1), Ack(1, 0, 1, 0), Invoke(2, 0, 0)}, {Value(1, 0), Value(2, 0)});
  ExpectOnly(findings, FindingKind::kLost, 1);
}

TEST(VerifyChecker, AnAcknowledgementWithoutAnOffsetCountsToo) {
  ExpectOnly(CheckOne({Invoke(1, 0, 0), Ack(1, 0, 0, -1)}, {}), FindingKind::kLost, -1);
}

TEST(VerifyChecker, ARecordThatIsThereTwiceIsDuplicated) {
  ExpectOnly(CheckOne({Invoke(2, 0, 0)}, {Value(2, 0), Value(2, 0)}), FindingKind::kDuplicated, 1);
}

TEST(VerifyChecker, AnIdempotentProducersRecordsKeepTheirOrder) {
  ExpectOnly(CheckOne({Invoke(1, 0, 1)}, {Value(1, 1), Value(1, 0)}), FindingKind::kReordered, 1);
}

TEST(VerifyChecker, AnotherProducersRecordsKeepItIfAcknowledged) {
  EXPECT_TRUE(CheckOne({Invoke(2, 0, 1), Ack(2, 1, 1, 0)}, {Value(2, 1), Value(2, 0)}).empty());
  ExpectOnly(
      CheckOne({Invoke(2, 0, 1), Ack(2, 1, 1, 0), Ack(2, 0, 0, 1)}, {Value(2, 1), Value(2, 0)}),
      FindingKind::kReordered, 1);
}

TEST(VerifyChecker, WhatNobodySentIsUnexpected) {
  ExpectOnly(CheckOne({}, {"hello"}), FindingKind::kUnexpected, 0);
  ExpectOnly(CheckOne({Invoke(1, 0, 0)}, {Value(1, 1)}), FindingKind::kUnexpected, 0);
  ExpectOnly(CheckOne({Invoke(1, 0, 0)}, {Value(3, 0)}), FindingKind::kUnexpected, 0);
  ExpectOnly(CheckOne({Invoke(1, 0, 0)}, {Value(1, 0, 5)}), FindingKind::kUnexpected, 0);
  ExpectOnly(CheckOne({Invoke(1, 0, 0)}, {MakeValue({.run = 1, .producer = 1}, 0)}),
             FindingKind::kUnexpected, 0);
}

TEST(VerifyChecker, AFlippedBitIsDamage) {
  std::string value = Value(1, 0);
  value[40] ^= 1;
  ExpectOnly(CheckOne({Invoke(1, 0, 0)}, {value}), FindingKind::kDamaged, 0);
}

TEST(VerifyChecker, ARecordAtAnotherOffsetThanAcknowledgedHasMoved) {
  Checker checker(MakeHistory({Invoke(1, 0, 0), Ack(1, 0, 0, 1)}));
  AddReplica(checker, 7, {Value(1, 0)});
  ExpectOnly(checker.Finish(), FindingKind::kMoved, 0);
}

TEST(VerifyChecker, AReplicaThatEndsEarlyHasNotLostWhatLiesBeyond) {
  Checker checker(MakeHistory({Invoke(1, 0, 1), Ack(1, 0, 1, 0)}));
  AddReplica(checker, 7, {Value(1, 0)});
  EXPECT_TRUE(checker.Finish().empty());
}

TEST(VerifyChecker, TheReplicaThatDiffersFromTwoIsDiverging) {
  // Broker 7 has another valid record of the same run: only the comparison can find it.
  using Order = std::vector<std::int32_t>;
  for (const auto& order : {Order{7, 8, 9}, Order{8, 7, 9}, Order{8, 9, 7}}) {
    Checker checker(MakeHistory({Invoke(2, 0, 1)}));
    for (const auto broker : order) AddReplica(checker, broker, {Value(2, broker == 7 ? 1 : 0)});
    ExpectOnly(checker.Finish(), FindingKind::kDiverging, 0);
  }
}

TEST(VerifyChecker, ARecordThatOneReplicaLacksIsDiverging) {
  Checker checker(MakeHistory({Invoke(2, 0, 1)}));
  AddReplica(checker, 8, {Value(2, 0), Value(2, 1)});
  AddReplica(checker, 9, {Value(2, 0), Value(2, 1)});
  checker.BeginReplica(0, 7);
  checker.Add({.offset = 0,
               .value = Value(2, 0),
               .digest = static_cast<std::uint32_t>(std::hash<std::string>{}(Value(2, 0)))});
  checker.EndReplica(2);
  ExpectOnly(checker.Finish(), FindingKind::kDiverging, 1);
}

TEST(VerifyChecker, OffsetsThatGoBackAreUnexpected) {
  Checker checker(MakeHistory({Invoke(2, 0, 1)}));
  checker.BeginReplica(0, 7);
  checker.Add({.offset = 3, .value = Value(2, 0)});
  checker.Add({.offset = 3, .value = Value(2, 1)});
  checker.EndReplica(4);
  ExpectOnly(checker.Finish(), FindingKind::kUnexpected, 3);
}

TEST(VerifyChecker, ManyFindingsAreCountedAndAFewNamed) {
  const auto findings = CheckOne({Invoke(1, 0, 999), Ack(1, 0, 999, -1)}, {});
  EXPECT_EQ(findings.counts.at(FindingKind::kLost), 1000U);
  EXPECT_EQ(findings.named.size(), kNamedMax);
}

TEST(VerifyChecker, MarkersAreComparedAndNotRead) {
  Checker checker(MakeHistory({Invoke(1, 0, 0)}));
  checker.BeginReplica(0, 7);
  checker.Add({.offset = 0, .value = "", .digest = 1, .control = true});
  checker.EndReplica(1);
  EXPECT_TRUE(checker.Finish().empty());
}

}  // namespace
}  // namespace kronika::verify
