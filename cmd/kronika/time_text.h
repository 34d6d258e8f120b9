// Times and durations as people write them on the command line.
//
// Any thread; pure. Source: ISO 8601, as far as Kafka's tools take it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kronika::cmd {

// "2026-11-21", "2026-11-21T17:05", with seconds, with ".5" of a second; behind it "Z", "+01:00" or
// nothing, which is UTC. Milliseconds since 1970. kInvalidArgument.
Result<std::int64_t> ParseDateTime(std::string_view text);

// "P1DT2H30M10S", each part optional, or "90s", "15m", "2h", "7d". Milliseconds. kInvalidArgument.
Result<std::int64_t> ParseDuration(std::string_view text);

}  // namespace kronika::cmd
