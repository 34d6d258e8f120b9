// Log lines for people. A sink is passed in (three brokers live in one process in the simulator);
// writing never blocks: the real sink (spdlog_log) drops and counts when its queue is full.
//
// Levels: trace per message, debug per decision, info per change of state (one line each), warn for
// what heals by itself, error only where somebody must act.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace kronika {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };

class Log {
 public:
  virtual ~Log() = default;
  virtual bool Enabled(LogLevel level) const = 0;
  virtual void Write(LogLevel level, std::string text) = 0;

  template <class... Args>
  void Trace(fmt::format_string<Args...> format, Args&&... args) {
    At(LogLevel::kTrace, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void Debug(fmt::format_string<Args...> format, Args&&... args) {
    At(LogLevel::kDebug, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void Info(fmt::format_string<Args...> format, Args&&... args) {
    At(LogLevel::kInfo, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void Warn(fmt::format_string<Args...> format, Args&&... args) {
    At(LogLevel::kWarn, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void Error(fmt::format_string<Args...> format, Args&&... args) {
    At(LogLevel::kError, format, std::forward<Args>(args)...);
  }

 private:
  template <class... Args>
  void At(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (Enabled(level)) Write(level, fmt::format(format, std::forward<Args>(args)...));
  }
};

// Discards everything; for tests.
Log& NullLog();

}  // namespace kronika
