// Times and durations of the command line.
#include "cmd/kronika/time_text.h"

#include <gtest/gtest.h>

namespace kronika::cmd {
namespace {

TEST(DateTime, IsMillisecondsSince1970) {
  EXPECT_EQ(ParseDateTime("1970-01-01"), 0);
  EXPECT_EQ(ParseDateTime("1970-01-02T00:00"), 86'400'000);
  EXPECT_EQ(ParseDateTime("2026-11-21T17:05:06Z"), 1'795'280'706'000);
  EXPECT_EQ(ParseDateTime("2026-11-21 17:05:06.5"), 1'795'280'706'500);
  EXPECT_EQ(ParseDateTime("2026-11-21T17:05:06.1234567"), 1'795'280'706'123);
  EXPECT_EQ(ParseDateTime("2026-11-21T18:05:06+01:00"), 1'795'280'706'000);
  EXPECT_EQ(ParseDateTime("2026-11-21T12:35:06-0430"), 1'795'280'706'000);
  EXPECT_EQ(ParseDateTime("2024-02-29"), 1'709'164'800'000);
}

TEST(DateTime, RefusesWhatIsNone) {
  for (const char* text : {"", "now", "2026-11-31", "2025-02-29", "2026-11-21T", "2026-11-21T25:00",
                           "2026-11-21T17", "2026-11-21T17:05:06.", "2026-11-21T17:05Q",
                           "2026-11-21T17:05+1", "26-11-21", "2026-11-21 17:05 "}) {
    EXPECT_FALSE(ParseDateTime(text)) << text;
  }
}

TEST(Duration, InBothSpellings) {
  EXPECT_EQ(ParseDuration("PT30S"), 30'000);
  EXPECT_EQ(ParseDuration("P1DT2H30M10S"), 95'410'000);
  EXPECT_EQ(ParseDuration("P7D"), 604'800'000);
  EXPECT_EQ(ParseDuration("90s"), 90'000);
  EXPECT_EQ(ParseDuration("1h30m"), 5'400'000);
  EXPECT_EQ(ParseDuration("0s"), 0);
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "P", "PT", "5", "P5", "PT5D", "P5H", "5x", "-5s", "5S", "Pt5s",
                           "12345678901s", "5s "}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

}  // namespace
}  // namespace kronika::cmd
