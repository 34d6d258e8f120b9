// Progress; see progress.h.
#include "cmd/kronika/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace kronika::cmd {

Progress::Progress()
    : terminal_(isatty(STDERR_FILENO) == 1),
      began_(client::Now()),
      next_(began_ + std::chrono::seconds(1)) {}

std::string Decimal(double value) {
  return fmt::format("{:.1f}", value);
}

void Progress::Show(const std::vector<Fact>& facts) {
  next_ = client::Now() + std::chrono::seconds(1);
  const std::chrono::duration<double> spent = client::Now() - began_;
  std::string line = terminal_ ? fmt::format("\r{:.0f} s", spent.count())
                               : fmt::format("{{\"seconds\":{:.1f}", spent.count());
  for (const auto& [name, value] : facts) {
    line +=
        terminal_ ? fmt::format("  {} {}", value, name) : fmt::format(",\"{}\":{}", name, value);
  }
  line += terminal_ ? "\033[K" : "}\n";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::Finish() {
  if (terminal_ && shown_) std::fputc('\n', stderr);
}

}  // namespace kronika::cmd
