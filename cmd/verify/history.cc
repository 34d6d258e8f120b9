// The text of a history; see history.h.
#include "cmd/verify/history.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>

#include "cmd/verify/value.h"

namespace kronika::verify {
namespace {

constexpr std::string_view kMagic = "kronika-history 1";

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const auto space = line.find(' ');
    out.push_back(line.substr(0, space));
    line = space == std::string_view::npos ? "" : line.substr(space + 1);
  }
  return out;
}

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool TakeEvent(EventKind kind, const std::vector<std::string_view>& words, History& history) {
  if (words.size() != (kind == EventKind::kAck ? 7U : 6U)) return false;
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto number = Number(words[i]);
    if (!number) return false;
    numbers.push_back(*number);
  }
  history.events.push_back({.kind = kind,
                            .time_us = numbers[0],
                            .producer = static_cast<std::int32_t>(numbers[1]),
                            .partition = static_cast<std::int32_t>(numbers[2]),
                            .first = numbers[3],
                            .last = numbers[4],
                            .offset = kind == EventKind::kAck ? numbers[5] : -1});
  return numbers[3] >= 0 && numbers[4] >= numbers[3];
}

bool TakeHead(const std::vector<std::string_view>& words, History& history) {
  const auto key = words[0];
  if (key == "topic" && words.size() == 2) {
    history.topic = words[1];
    return true;
  }
  if (key == "run" && words.size() == 2) {
    const auto [end, error] =
        std::from_chars(words[1].data(), words[1].data() + words[1].size(), history.run, 16);
    return error == std::errc() && end == words[1].data() + words[1].size();
  }
  if (words.size() != 3) return false;
  const auto number = Number(words[1]);
  if (!number) return false;
  const auto id = static_cast<std::int32_t>(*number);
  if (key == "producer") {
    history.idempotent[id] = words[2] == "idempotent";
    return words[2] == "idempotent" || words[2] == "plain";
  }
  const auto offset = Number(words[2]);
  if (key != "start" || !offset) return false;
  history.starts[id] = *offset;
  return true;
}

bool TakeLine(std::string_view line, History& history) {
  const auto words = Words(line);
  if (words.empty()) return false;
  if (words[0] == "invoke") return TakeEvent(EventKind::kInvoke, words, history);
  if (words[0] == "ack") return TakeEvent(EventKind::kAck, words, history);
  if (words[0] == "unknown") return TakeEvent(EventKind::kUnknown, words, history);
  return TakeHead(words, history);
}

}  // namespace

std::string HeadLines(const History& history) {
  std::string out =
      fmt::format("{}\nrun {}\ntopic {}\n", kMagic, RunText(history.run), history.topic);
  for (const auto& [partition, offset] : history.starts) {
    out += fmt::format("start {} {}\n", partition, offset);
  }
  return out;
}

std::string ProducerLine(std::int32_t producer, bool idempotent) {
  return fmt::format("producer {} {}\n", producer, idempotent ? "idempotent" : "plain");
}

std::string EventLine(const Event& event) {
  const std::string facts = fmt::format("{} {} {} {} {}", event.time_us, event.producer,
                                        event.partition, event.first, event.last);
  switch (event.kind) {
    case EventKind::kInvoke:
      return "invoke " + facts + "\n";
    case EventKind::kAck:
      return fmt::format("ack {} {}\n", facts, event.offset);
    case EventKind::kUnknown:
      return "unknown " + facts + "\n";
  }
  std::unreachable();
}

Result<History> ParseHistory(std::string_view text) {
  History history;
  for (std::size_t number = 1;; ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) break;
    const auto line = text.substr(0, end);
    text = text.substr(end + 1);
    if (number == 1 ? line != kMagic : !TakeLine(line, history)) {
      return Fail(ErrorCode::kCorruption,
                  number == 1 ? "this is not a history of `kronika verify`"
                              : "this line cannot be read: " + std::string(line),
                  "line " + std::to_string(number));
    }
  }
  if (history.topic.empty() || history.starts.empty()) {
    return Fail(ErrorCode::kCorruption, "the history has no topic or no starting offsets");
  }
  return history;
}

}  // namespace kronika::verify
