// LogLines: a log that keeps its lines for a test to look at, from one level on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"

namespace kronika {

class LogLines final : public Log {
 public:
  explicit LogLines(LogLevel least) : least_(least) {}
  bool Enabled(LogLevel level) const override { return level >= least_; }
  void Write(LogLevel, std::string text) override { lines.push_back(std::move(text)); }
  std::vector<std::string> lines;

 private:
  const LogLevel least_;
};

}  // namespace kronika
