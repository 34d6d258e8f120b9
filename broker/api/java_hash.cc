// Java's hash of a text; see java_hash.h.
#include "broker/api/java_hash.h"

#include <limits>

namespace kronika::broker {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

// Takes one code point off the front of `text`, which is not empty.
std::uint32_t TakeCodePoint(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  if (more == 0 || lead > 0xF4) return kReplacement;
  std::uint32_t point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    if (text.empty() || (static_cast<unsigned char>(text.front()) & 0xC0) != 0x80)
      return kReplacement;
    point = (point << 6) | (static_cast<unsigned char>(text.front()) & 0x3Fu);
    text.remove_prefix(1);
  }
  return point;
}

}  // namespace

std::int32_t JavaHash(std::string_view utf8) {
  std::uint32_t hash = 0;
  const auto add = [&hash](std::uint32_t unit) { hash = hash * 31 + unit; };
  while (!utf8.empty()) {
    const std::uint32_t point = TakeCodePoint(utf8);
    if (point < 0x10000) {
      add(point);
    } else {
      add(0xD800 + ((point - 0x10000) >> 10));
      add(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return static_cast<std::int32_t>(hash);
}

std::int32_t PartitionOfText(std::string_view utf8, std::int32_t partitions) {
  const std::int32_t hash = JavaHash(utf8);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return (hash < 0 ? -hash : hash) % partitions;
}

}  // namespace kronika::broker
