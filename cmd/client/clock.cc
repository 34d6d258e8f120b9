// The clocks; see clock.h.
#include "cmd/client/clock.h"

#include <algorithm>
#include <thread>

namespace kronika::client {

Moment Now() {
  return std::chrono::steady_clock::now();
}

Milliseconds Left(Moment deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - Now());
  return std::max(left, Milliseconds(0));
}

std::int64_t WallMicroseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void Pause(Milliseconds duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace kronika::client
