// Tells on the standard error stream that a command waits, and for what: a line after three
// seconds, then one every five.
//
// Main thread.
#pragma once

#include <optional>

#include "base/error.h"
#include "cmd/client/clock.h"

namespace kronika::cmd {

class WaitNotice {
 public:
  // To be called again and again while it waits; a long silence in between begins anew.
  void operator()(const Error& why);

 private:
  std::optional<client::Moment> began_;
  client::Moment last_call_{};
  client::Moment next_{};
};

}  // namespace kronika::cmd
