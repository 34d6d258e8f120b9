// What the load programs of bench/ print beside their own figures.
//
// Any thread.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace kronika::bench {

// Of this process until now, in user mode and in the kernel.
inline double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// `text` as it may stand between quotes in JSON: what would have to be escaped becomes '.
inline std::string Quotable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '"' || c == '\\' || c < ' '; }, '\'');
  return text;
}

}  // namespace kronika::bench
