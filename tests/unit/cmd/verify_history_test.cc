// The text of a history and of a value: written and read back, cut, and wrong.
//
// Single thread.
#include <gtest/gtest.h>

#include "cmd/verify/history.h"
#include "cmd/verify/value.h"

namespace kronika::verify {
namespace {

History Sample() {
  History history{.run = 0xabcdef0123456789,
                  .topic = "orders",
                  .starts = {{0, 0}, {1, 17}},
                  .idempotent = {{3, true}, {4, false}}};
  history.events = {
      {.kind = EventKind::kInvoke, .time_us = 5, .producer = 3, .partition = 1, .last = 9},
      {.kind = EventKind::kAck,
       .time_us = 6,
       .producer = 3,
       .partition = 1,
       .last = 9,
       .offset = 17},
      {.kind = EventKind::kUnknown, .time_us = 7, .producer = 4, .first = 2, .last = 2}};
  return history;
}

std::string Text(const History& history) {
  std::string out = HeadLines(history);
  for (const auto& [producer, idempotent] : history.idempotent) {
    out += ProducerLine(producer, idempotent);
  }
  for (const auto& event : history.events) out += EventLine(event);
  return out;
}

TEST(VerifyHistory, WhatWasWrittenIsRead) {
  const auto read = ParseHistory(Text(Sample()));
  ASSERT_TRUE(read) << read.error().Describe();
  EXPECT_EQ(read->run, Sample().run);
  EXPECT_EQ(read->topic, "orders");
  EXPECT_EQ(read->starts, Sample().starts);
  EXPECT_EQ(read->idempotent, Sample().idempotent);
  EXPECT_EQ(read->events, Sample().events);
}

TEST(VerifyHistory, ACutLastLineIsLeftOut) {
  const std::string text = Text(Sample());
  const auto read = ParseHistory(text.substr(0, text.size() - 3));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->events.size(), 2U);
}

TEST(VerifyHistory, AWrongLineIsNamed) {
  for (const std::string line : {"ack 1 2 3 4 5", "invoke 1 2 3 5 4", "producer 1 other",
                                 "start x 0", "invoke 1 2 3 4 5 6", "nonsense", ""}) {
    const auto read = ParseHistory(HeadLines(Sample()) + line + "\n");
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().where, "line 6") << line;
  }
  EXPECT_FALSE(ParseHistory("something else\n"));
  EXPECT_FALSE(ParseHistory(""));
}

TEST(VerifyValue, IsReadBackAtAnyLength) {
  for (const std::size_t bytes : {0U, 40U, 100U, 1024U}) {
    const ValueId id{.run = 1, .producer = 2, .partition = 3, .sequence = 4};
    const auto value = MakeValue(id, bytes);
    if (bytes >= 40) {
      EXPECT_EQ(value.size(), bytes);
    }
    const auto read = ParseValue(value);
    ASSERT_TRUE(read) << value;
    EXPECT_EQ(*read, id);
  }
}

TEST(VerifyValue, EveryFlippedByteIsNoticed) {
  const auto right = MakeValue({.run = 1, .producer = 2, .partition = 3, .sequence = 4}, 80);
  for (std::size_t i = 0; i < right.size(); ++i) {
    auto wrong = right;
    wrong[i] = static_cast<char>(wrong[i] ^ 2);
    EXPECT_FALSE(ParseValue(wrong)) << i;
  }
}

}  // namespace
}  // namespace kronika::verify
