// SpdlogLog: the real Log. One thread of its own writes lines through a spdlog sink.
//
// Any thread may write.
// 1. Write() never blocks: when the queue is full the line is dropped and counted, and the next
//    line that gets through is followed by one that says how many were lost.
// 2. The level may change at run time.
// 3. A text line is "time level text"; with kJson each line is one object with the keys ts, level
//    and msg. Times are UTC, RFC 3339. One call is one line: control characters in the text are
//    escaped.
// 4. The destructor writes what is queued.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace kronika {

enum class LogFormat { kText, kJson };

std::string_view Name(LogLevel level);
// "trace", "debug", "info", "warn", "error" or "off"; kInvalidArgument.
Result<LogLevel> ParseLogLevel(std::string_view text);
// "text" or "json"; kInvalidArgument.
Result<LogFormat> ParseLogFormat(std::string_view text);

struct SpdlogOptions {
  std::string path = {};  // a file that is appended to; empty: standard error
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::size_t queue_lines_max = 8192;
};

class SpdlogLog final : public Log {
 public:
  // kIo if the file cannot be opened.
  static Result<std::unique_ptr<SpdlogLog>> Make(const SpdlogOptions& options);
  ~SpdlogLog() override;

  bool Enabled(LogLevel level) const override;
  void Write(LogLevel level, std::string text) override;
  void SetLevel(LogLevel level);
  // Waits until all lines so far are written: before a sentence that has to stand behind them.
  void Flush();
  // Lines dropped so far because the queue was full.
  std::uint64_t dropped() const;

 private:
  struct Impl;
  explicit SpdlogLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kronika
