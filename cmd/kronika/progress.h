// Progress of long work: on a terminal one line that is written over, otherwise one JSON line a
// second, both on the standard error stream, so that the standard output has the result alone.
//
// Main thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/client/clock.h"

namespace kronika::cmd {

// A name and a number that is ready to print.
using Fact = std::pair<std::string_view, std::string>;

class Progress {
 public:
  Progress();
  // At most once a second; `facts` in the order in which they are shown.
  bool due() const { return client::Now() >= next_; }
  void Show(const std::vector<Fact>& facts);
  // The terminal's line ends.
  void Finish();

 private:
  bool terminal_ = false;
  bool shown_ = false;
  client::Moment began_;
  client::Moment next_;
};

// "12.3".
std::string Decimal(double value);

}  // namespace kronika::cmd
