// The clocks of the command line, in one place: a deadline for waiting, and the time that people
// read.
//
// Any thread. The broker takes its time from Loop; a blocking client has none.
#pragma once

#include <chrono>
#include <cstdint>

namespace kronika::client {

using Milliseconds = std::chrono::milliseconds;
using Moment = std::chrono::steady_clock::time_point;

Moment Now();
// What is left until `deadline`, never below 0.
Milliseconds Left(Moment deadline);
// Microseconds since 1970.
std::int64_t WallMicroseconds();
inline std::int64_t WallMilliseconds() {
  return WallMicroseconds() / 1000;
}
// Waits; for pauses between attempts.
void Pause(Milliseconds duration);

}  // namespace kronika::client
