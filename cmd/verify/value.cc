// Values of records; see value.h.
#include "cmd/verify/value.h"

#include <fmt/core.h>

#include <array>
#include <charconv>

#include "base/crc32c.h"

namespace kronika::verify {
namespace {

constexpr std::string_view kPrefix = "kv1 ";
constexpr std::size_t kSumDigits = 8;

// The next word of `text`, which loses it and the space behind it.
std::string_view TakeWord(std::string_view& text) {
  const auto space = text.find(' ');
  const auto word = text.substr(0, space);
  text = space == std::string_view::npos ? "" : text.substr(space + 1);
  return word;
}

template <class T>
bool TakeNumber(std::string_view& text, T& out, int base = 10) {
  const auto word = TakeWord(text);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out, base);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::string RunText(std::uint64_t run) {
  return fmt::format("{:016x}", run);
}

std::string MakeValue(const ValueId& id, std::size_t bytes) {
  std::string out = fmt::format("{}{} {} {} {} ", kPrefix, RunText(id.run), id.producer,
                                id.partition, id.sequence);
  const std::size_t fixed = out.size() + 1 + kSumDigits;
  // The padding differs from record to record, so that a codec has something to do.
  std::uint64_t state = id.run + static_cast<std::uint64_t>(id.sequence) * 2654435761U;
  for (std::size_t i = fixed; i < bytes; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    out += static_cast<char>('a' + (state >> 60));
  }
  out += ' ';
  return out + fmt::format("{:08x}", crc32c::Value(AsBytes(out)));
}

Result<ValueId> ParseValue(std::string_view value) {
  if (!value.starts_with(kPrefix) || value.size() < kPrefix.size() + kSumDigits) {
    return Fail(ErrorCode::kNotFound, "not written by `kronika verify`");
  }
  const auto body = value.substr(0, value.size() - kSumDigits);
  auto rest = value.substr(body.size());
  std::uint32_t sum = 0;
  if (!TakeNumber(rest, sum, 16) || sum != crc32c::Value(AsBytes(body))) {
    return Fail(ErrorCode::kCorruption, "its checksum is wrong");
  }
  ValueId id;
  rest = body.substr(kPrefix.size());
  if (!TakeNumber(rest, id.run, 16) || !TakeNumber(rest, id.producer) ||
      !TakeNumber(rest, id.partition) || !TakeNumber(rest, id.sequence)) {
    return Fail(ErrorCode::kCorruption, "its checksum is right and its shape is not");
  }
  return id;
}

}  // namespace kronika::verify
