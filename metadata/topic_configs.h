// The topic configs that Kronika knows, and what a topic's values come to.
//
// Called from any thread. What is not in the table is refused with INVALID_CONFIG: nothing is
// accepted and ignored but the entries marked as no-op, which report their default. Source: Kafka's
// topic config names, units, defaults.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metadata/config_definition.h"
#include "metadata/image.h"

namespace kronika::metadata {

// Sorted by name.
std::span<const ConfigDefinition> TopicConfigs();

// What a partition needs of its topic's configs, resolved.
struct TopicSettings {
  std::int32_t min_insync_replicas = 1;
  std::int32_t message_bytes_max = 0;
  bool log_append_time = false;
  std::int64_t segment_bytes = 0;
  std::int64_t segment_ms = 0;
  std::int32_t index_interval_bytes = 0;
  bool compacts = false;  // cleanup.policy has compact
  double dirty_ratio_min = 0.5;
  std::int64_t compaction_lag_min_ms = 0;
  std::int64_t compaction_lag_max_ms = 0;
  std::int64_t delete_retention_ms = 0;
  bool operator==(const TopicSettings&) const = default;
};

// `defaults` are the node file's topic_defaults, checked. Order: the topic's own value, the
// defaults, the table.
TopicSettings ResolveSettings(const Topic& topic, const ConfigMap& defaults);

// Numbers as in Kafka's DescribeConfigs response.
enum class ConfigSource : std::uint8_t {
  kDynamicTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
};

struct ConfigSynonym {
  std::string name;
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
  bool operator==(const ConfigSynonym&) const = default;
};

struct DescribedConfig {
  const ConfigDefinition* definition = nullptr;
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
  std::vector<ConfigSynonym> synonyms;  // all places that give a value, the one in force first
};

// Every config of the table, by name.
std::vector<DescribedConfig> DescribeTopicConfigs(const Topic& topic, const ConfigMap& defaults);

}  // namespace kronika::metadata
