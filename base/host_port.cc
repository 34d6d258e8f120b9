#include "base/host_port.h"

#include <fmt/format.h>

#include <charconv>

namespace kronika {

std::string HostPort::Describe() const {
  const bool brackets = host.find(':') != std::string::npos;
  return brackets ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<HostPort> HostPort::Parse(std::string_view text) {
  auto refuse = [&] {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not HOST:PORT", text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse();  // an IPv6 address without brackets: which colon starts the port is a guess
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc{} || end != digits.data() + digits.size()) return refuse();
  return HostPort{.host = std::string(host), .port = port};
}

bool HostPort::loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool HostPort::wildcard() const {
  return host == "0.0.0.0" || host == "::";
}

}  // namespace kronika
