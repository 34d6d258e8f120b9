// A host and a port, as people write them: "broker1:9092", "10.0.0.7:9092", "[::1]:9092".
//
// Called from any thread. The host is kept without the brackets of an IPv6 address; names are not
// resolved here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kronika {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;

  std::string Describe() const;
  // kInvalidArgument unless there is a non-empty host and a port from 0 to 65535 (0: the system
  // picks one).
  static Result<HostPort> Parse(std::string_view text);

  // 127.0.0.0/8, ::1 and localhost: what only this machine can reach.
  bool loopback() const;
  // 0.0.0.0 and ::, which can be listened on but not connected to.
  bool wildcard() const;
};

}  // namespace kronika
