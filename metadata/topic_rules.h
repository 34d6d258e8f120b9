// What makes a topic request valid, apart from where its replicas go: names and configs, by Kafka's
// rules.
//
// Pure functions; any thread. Source: Kafka's Topic name rules (1 to 249 of [a-zA-Z0-9._-], not "."
// or "..", and no two names that differ only in '.' and '_', because metric names could not tell
// them apart).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/controller.h"

namespace kronika::metadata {

// None = fine. Also refuses names that collide with an existing topic's.
std::optional<Refusal> CheckTopicName(const Image& image, std::string_view name);

// The configs to keep, sorted by name: checked, and without those that have no effect.
struct CheckedConfigs {
  std::vector<ConfigValue> configs;
  std::optional<Refusal> refusal;
};
CheckedConfigs CheckTopicConfigs(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& configs,
    std::uint64_t entry_bytes_max);

}  // namespace kronika::metadata
