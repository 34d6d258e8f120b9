// What is known of one API besides its messages: a row of the API table.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kronika::kafka {

enum class ApiKey : std::int16_t;

struct VersionRange {
  std::int16_t first = 0;
  std::int16_t last = 0;
  constexpr bool Contains(std::int16_t version) const {
    return first <= version && version <= last;
  }
  bool operator==(const VersionRange&) const = default;
};

struct ApiInfo {
  ApiKey key{};
  std::string_view name;
  // Versions whose messages can be read and written, and those that ApiVersions names; nothing
  // while no handler serves the key. They differ for Produce alone, whose low versions are named
  // and refused (KAFKA-18659).
  VersionRange serve;
  std::optional<VersionRange> advertise;
  std::int16_t flexible_first = 0;
  bool fixed_response_header =
      false;  // ApiVersions: readable before the version is agreed on (KIP-511)

  constexpr std::int16_t RequestHeaderVersion(std::int16_t version) const {
    return version >= flexible_first ? 2 : 1;
  }
  constexpr std::int16_t ResponseHeaderVersion(std::int16_t version) const {
    return version >= flexible_first && !fixed_response_header ? 1 : 0;
  }
};

}  // namespace kronika::kafka
