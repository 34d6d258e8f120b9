#include "base/ids.h"

namespace kronika {
namespace {
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

std::string Uuid::ToString() const {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (auto byte : bytes) {
    bits = bits << 8 | byte;
    for (have += 8; have >= 6; have -= 6) out.push_back(kAlphabet[bits >> (have - 6) & 63]);
  }
  out.push_back(kAlphabet[bits << (6 - have) & 63]);
  return out;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 22)
    return Fail(ErrorCode::kInvalidArgument,
                "a UUID has 22 base64 characters: " + std::string(text));
  Uuid out;
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t at = 0;
  for (char c : text) {
    auto value = kAlphabet.find(c);
    if (value == std::string_view::npos)
      return Fail(ErrorCode::kInvalidArgument, "not a UUID: " + std::string(text));
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (have += 6; have >= 8) {
      have -= 8;
      out.bytes[at++] = static_cast<std::uint8_t>(bits >> have);
    }
  }
  // Four bits are left over; each id has one text only.
  if ((bits & 15) != 0)
    return Fail(ErrorCode::kInvalidArgument, "not a UUID: " + std::string(text));
  return out;
}

}  // namespace kronika
