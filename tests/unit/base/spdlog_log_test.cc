// The real log: levels, both formats, and what happens when its queue is full.
#include "base/spdlog_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "tests/unit/base/files_world.h"

namespace kronika {
namespace {

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

TEST(SpdlogLog, WritesLinesOfItsLevelAndAbove) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  {
    auto log = SpdlogLog::Make({.path = path});
    ASSERT_TRUE(log);
    (*log)->Debug("not {}", "seen");
    (*log)->Info("group {} leads in term {}", 7, 3);
    (*log)->SetLevel(LogLevel::kDebug);
    (*log)->Debug("two\nlines are one");
    (*log)->SetLevel(LogLevel::kOff);
    (*log)->Error("not seen");
  }
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].ends_with("Z info group 7 leads in term 3")) << lines[0];
  EXPECT_EQ(lines[0].find('T'), 10U);
  EXPECT_TRUE(lines[1].ends_with("Z debug two\\nlines are one")) << lines[1];
}

TEST(SpdlogLog, AFlushWaitsForEveryLineSoFar) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  auto log = SpdlogLog::Make({.path = path});
  ASSERT_TRUE(log);
  for (int i = 0; i < 1000; ++i) (*log)->Info("line {}", i);
  (*log)->Flush();
  EXPECT_EQ(Lines(path).size(), 1000U);
}

TEST(SpdlogLog, JsonLinesAreEscaped) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  {
    (*SpdlogLog::Make({.path = path, .format = LogFormat::kJson}))->Warn("a \"b\"\\\x01{}", "%v");
  }
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("{\"ts\":\"2")) << lines[0];
  EXPECT_TRUE(lines[0].ends_with(R"(Z","level":"warn","msg":"a \"b\"\\\u0001%v"})")) << lines[0];
}

// Catches a queue without a bound, and a count that is not told.
TEST(SpdlogLog, AFullQueueDropsAndCounts) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  constexpr int kThreads = 4;
  constexpr int kEach = 3000;
  std::uint64_t dropped = 0;
  {
    auto log = SpdlogLog::Make({.path = path, .queue_lines_max = 1});
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) (*log)->Info("line");
      });
    }
    for (auto& thread : threads) thread.join();
    dropped = (*log)->dropped();
  }
  std::uint64_t written = 0;
  std::uint64_t told = 0;
  for (const auto& line : Lines(path)) {
    if (line.ends_with("info line")) ++written;
    const auto warn = line.find("warn ");
    if (warn != line.npos) told += std::stoull(line.substr(warn + 5));
  }
  EXPECT_EQ(written + dropped, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_GT(dropped, 0U);
  EXPECT_LE(told, dropped);
  EXPECT_GT(told, 0U);
}

TEST(SpdlogLog, AFileThatCannotBeOpenedIsAnError) {
  auto log = SpdlogLog::Make({.path = "/proc/none/log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kIo);
}

TEST(SpdlogLog, NamesAreParsed) {
  EXPECT_EQ(ParseLogLevel("warn"), LogLevel::kWarn);
  EXPECT_FALSE(ParseLogLevel("warning"));
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_FALSE(ParseLogFormat("xml"));
}

}  // namespace
}  // namespace kronika
