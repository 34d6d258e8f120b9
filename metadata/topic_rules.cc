#include "metadata/topic_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "metadata/topic_configs.h"

namespace kronika::metadata {
namespace {

constexpr std::size_t kNameBytesMax = 249;

bool NameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool Ambiguous(char c) {
  return c == '.' || c == '_';
}

bool Collide(std::string_view left, std::string_view right) {
  return std::ranges::equal(
      left, right, [](char a, char b) { return a == b || (Ambiguous(a) && Ambiguous(b)); });
}

Refusal Refuse(RefusalCode code, std::string text) {
  return {.code = code, .text = std::move(text)};
}

}  // namespace

std::optional<Refusal> CheckTopicName(const Image& image, std::string_view name) {
  const auto code = RefusalCode::kInvalidTopicName;
  if (name.empty()) return Refuse(code, "Topic name is invalid: the empty string is not allowed");
  if (name == "." || name == "..")
    return Refuse(code, "Topic name is invalid: it cannot be '.' or '..'");
  if (name.size() > kNameBytesMax) {
    return Refuse(
        code, fmt::format("Topic name is invalid: it is longer than {} characters", kNameBytesMax));
  }
  if (!std::ranges::all_of(name, NameCharacter)) {
    return Refuse(
        code,
        fmt::format("Topic name is invalid: '{}' has a character other than ASCII letters, digits, "
                    "'.', '_' and '-'",
                    name));
  }
  if (image.topic_names.Find(name)) {
    return Refuse(RefusalCode::kTopicExists, fmt::format("Topic '{}' already exists.", name));
  }
  if (std::ranges::none_of(name, Ambiguous)) return std::nullopt;
  std::optional<Refusal> collision;
  image.topic_names.ForEach([&](const std::string& other, const Uuid&) {
    if (collision || !Collide(name, other)) return;
    collision =
        Refuse(code, fmt::format("Topic '{}' collides with existing topic: {}", name, other));
  });
  return collision;
}

CheckedConfigs CheckTopicConfigs(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& configs,
    std::uint64_t entry_bytes_max) {
  auto refuse = [](std::string text) {
    return CheckedConfigs{.configs = {},
                          .refusal = Refuse(RefusalCode::kInvalidConfig, std::move(text))};
  };
  ConfigMap given;
  for (const auto& [name, value] : configs) {
    if (!value) return refuse(fmt::format("Null value not supported for topic configs: {}", name));
    if (!given.emplace(name, *value).second)
      return refuse(fmt::format("Configuration {} is given twice", name));
  }
  if (auto checked = CheckConfigs(TopicConfigs(), given); !checked)
    return refuse(checked.error().text);
  CheckedConfigs out;
  for (auto& [name, value] : given) {
    if (name == "max.message.bytes" &&
        static_cast<std::uint64_t>(ConfigAsInt(value)) > entry_bytes_max) {
      return refuse(fmt::format(
          "Invalid value {} for configuration {}: the journal takes entries of {} bytes at most",
          value, name, entry_bytes_max));
    }
    if (FindConfig(TopicConfigs(), name)->effect == ConfigEffect::kNoOp) continue;
    out.configs.push_back({.name = name, .value = std::move(value)});
  }
  return out;
}

}  // namespace kronika::metadata
