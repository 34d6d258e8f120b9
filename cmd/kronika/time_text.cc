// Reading times; see time_text.h.
#include "cmd/kronika/time_text.h"

#include <charconv>
#include <chrono>
#include <optional>

namespace kronika::cmd {
namespace {

// A text that is read from the front; after the first mismatch nothing matches any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && text_.empty(); }
  bool Skip(char wanted) {
    if (!ok_ || text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(char wanted) { ok_ = Skip(wanted); }
  // Exactly `digits` of them.
  int Number(std::size_t digits) {
    std::size_t count = 0;
    while (count < text_.size() && count < digits && IsDigit(text_[count])) ++count;
    if (count != digits) ok_ = false;
    return ok_ ? static_cast<int>(Take(count)) : 0;
  }
  // At least one digit and at most nine.
  std::int64_t AnyNumber() {
    std::size_t count = 0;
    while (count < text_.size() && count < 10 && IsDigit(text_[count])) ++count;
    if (count == 0 || count > 9) ok_ = false;
    return ok_ ? Take(count) : 0;
  }
  // Up to nine digits behind a point, as milliseconds.
  std::int64_t Fraction() {
    std::int64_t milliseconds = 0;
    std::int64_t scale = 100;
    if (text_.empty() || !IsDigit(text_.front())) ok_ = false;
    for (; ok_ && !text_.empty() && IsDigit(text_.front()); text_.remove_prefix(1), scale /= 10) {
      milliseconds += scale * (text_.front() - '0');
    }
    return milliseconds;
  }
  char Letter() {
    if (!ok_ || text_.empty()) {
      ok_ = false;
      return '\0';
    }
    const char letter = text_.front();
    text_.remove_prefix(1);
    return letter;
  }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  std::int64_t Take(std::size_t count) {
    std::int64_t value = 0;
    std::from_chars(text_.data(), text_.data() + count, value);
    text_.remove_prefix(count);
    return value;
  }

  std::string_view text_;
  bool ok_ = true;
};

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

std::optional<std::int64_t> TimeOfDay(Scanner& in) {
  const int hour = in.Number(2);
  in.Expect(':');
  const int minute = in.Number(2);
  std::int64_t rest = 0;
  int second = 0;
  if (in.Skip(':')) {
    second = in.Number(2);
    if (in.Skip('.')) rest = in.Fraction();
  }
  if (!in.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return hour * kHour + minute * kMinute + second * kSecond + rest;
}

std::optional<std::int64_t> Zone(Scanner& in) {
  if (in.Skip('Z') || in.done()) return 0;
  const bool west = in.Skip('-');
  if (!west) in.Expect('+');
  const int hour = in.Number(2);
  in.Skip(':');
  const int minute = in.Number(2);
  if (!in.ok() || hour > 18 || minute > 59) return std::nullopt;
  return (west ? -1 : 1) * (hour * kHour + minute * kMinute);
}

std::int64_t UnitOf(char letter, bool in_time) {
  switch (letter) {
    case 'D':
      return in_time ? 0 : kDay;
    case 'H':
      return in_time ? kHour : 0;
    case 'M':
      return in_time ? kMinute : 0;
    case 'S':
      return in_time ? kSecond : 0;
    case 'd':
      return kDay;
    case 'h':
      return kHour;
    case 'm':
      return kMinute;
    case 's':
      return kSecond;
    default:
      return 0;
  }
}

}  // namespace

Result<std::int64_t> ParseDateTime(std::string_view text) {
  Scanner in(text);
  const std::chrono::year year{in.Number(4)};
  in.Expect('-');
  const std::chrono::month month{static_cast<unsigned>(in.Number(2))};
  in.Expect('-');
  const std::chrono::day day{static_cast<unsigned>(in.Number(2))};
  const std::chrono::year_month_day date{year, month, day};
  std::optional<std::int64_t> time = 0;
  std::optional<std::int64_t> zone = 0;
  if (in.Skip('T') || in.Skip(' ')) {
    time = TimeOfDay(in);
    if (time) zone = Zone(in);
  }
  if (!in.done() || !date.ok() || !time || !zone) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) + "' is no time like 2026-11-21T17:05:00Z");
  }
  const std::chrono::sys_days days{date};
  return days.time_since_epoch().count() * kDay + *time - *zone;
}

Result<std::int64_t> ParseDuration(std::string_view text) {
  Scanner in(text);
  const bool iso = in.Skip('P');
  bool in_time = false;
  bool good = true;
  std::int64_t total = 0;
  do {
    if (iso && !in_time && in.Skip('T')) in_time = true;
    const std::int64_t number = in.AnyNumber();
    const char letter = in.Letter();
    const bool upper = letter >= 'A' && letter <= 'Z';
    const std::int64_t unit = UnitOf(letter, in_time);
    good = good && unit != 0 && upper == iso;
    total += number * unit;
  } while (in.ok() && good && !in.done());
  if (!in.done() || !good) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) + "' is no duration like 90s, 2h, 7d or P1DT2H");
  }
  return total;
}

}  // namespace kronika::cmd
