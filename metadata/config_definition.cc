#include "metadata/config_definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/check.h"

namespace kronika::metadata {
namespace {

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::unexpected<Error> Refuse(const ConfigDefinition& definition, std::string_view value,
                              std::string why) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid value {} for configuration {}: {}",
                                                       value, definition.name, why));
}

Status CheckOneOf(const ConfigDefinition& definition, std::string_view value,
                  std::string_view part) {
  if (definition.one_of.empty()) return {};
  const auto allowed = Split(definition.one_of);
  if (std::ranges::find(allowed, part) != allowed.end()) return {};
  return Refuse(definition, value, fmt::format("it must be one of {}", definition.one_of));
}

Status CheckRange(const ConfigDefinition& definition, std::string_view value) {
  const auto number = ParseNumber<std::int64_t>(value);
  if (!number) return Refuse(definition, value, "it must be a whole number");
  if (*number >= definition.min && *number <= definition.max) return {};
  return Refuse(definition, value,
                fmt::format("it must lie between {} and {}", definition.min, definition.max));
}

Status CheckRatio(const ConfigDefinition& definition, std::string_view value) {
  const auto number = ParseNumber<double>(value);
  if (number && *number >= 0.0 && *number <= 1.0) return {};
  return Refuse(definition, value, "it must be a number between 0 and 1");
}

// Edits (insert, remove, replace) that turn one word into the other.
std::size_t EditDistance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

const ConfigDefinition* FindConfig(std::span<const ConfigDefinition> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &ConfigDefinition::name);
  return found == table.end() ? nullptr : &*found;
}

Status CheckConfig(const ConfigDefinition& definition, std::string_view value) {
  switch (definition.type) {
    case ConfigType::kBoolean:
      if (value != "true" && value != "false")
        return Refuse(definition, value, "it must be true or false");
      return CheckOneOf(definition, value, value);
    case ConfigType::kString:
      return CheckOneOf(definition, value, value);
    case ConfigType::kInt:
    case ConfigType::kLong:
      return CheckRange(definition, value);
    case ConfigType::kDouble:
      return CheckRatio(definition, value);
    case ConfigType::kList:
      for (const auto part : Split(value)) KRONIKA_TRY(CheckOneOf(definition, value, part));
      return {};
  }
  std::unreachable();
}

Status CheckConfigs(std::span<const ConfigDefinition> table, const ConfigMap& configs) {
  for (const auto& [name, value] : configs) {
    const ConfigDefinition* definition = FindConfig(table, name);
    if (definition) {
      KRONIKA_TRY(CheckConfig(*definition, value));
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& known : table) names.push_back(known.name);
    const auto nearest = NearestName(names, name);
    return Fail(ErrorCode::kInvalidArgument,
                nearest.empty()
                    ? fmt::format("Unknown configuration {}", name)
                    : fmt::format("Unknown configuration {}; did you mean {}?", name, nearest));
  }
  return {};
}

std::string_view NearestName(std::span<const std::string_view> names, std::string_view name) {
  std::string_view nearest;
  // More than a third of the letters wrong is no longer a slip of the finger.
  std::size_t distance_max = std::max<std::size_t>(2, name.size() / 3);
  for (const auto known : names) {
    const std::size_t distance = EditDistance(known, name);
    if (distance > distance_max || (distance == distance_max && !nearest.empty())) continue;
    nearest = known;
    distance_max = distance;
  }
  return nearest;
}

std::int64_t ConfigAsInt(std::string_view value) {
  const auto number = ParseNumber<std::int64_t>(value);
  KRONIKA_CHECK(number.has_value(), "a value that CheckConfig has passed");
  return *number;
}

bool ConfigAsBool(std::string_view value) {
  return value == "true";
}

double ConfigAsRatio(std::string_view value) {
  const auto number = ParseNumber<double>(value);
  KRONIKA_CHECK(number.has_value(), "a value that CheckConfig has passed");
  return *number;
}

}  // namespace kronika::metadata
