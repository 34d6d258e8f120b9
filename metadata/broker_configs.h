// The broker configs with Kafka's names that a node file may set under `broker_defaults`, and their
// typed form.
//
// Called from any thread. Only what something reads is in the table; every other name is refused.
#pragma once

#include <cstdint>
#include <span>

#include "metadata/config_definition.h"

namespace kronika::metadata {

// Sorted by name.
std::span<const ConfigDefinition> BrokerConfigs();

struct BrokerSettings {
  bool auto_create_topics = true;
  bool leader_rebalance = true;
  std::int32_t leader_check_interval_s = 300;
  std::int32_t partitions = 1;  // of a topic created without a count
  std::int32_t replication_factor =
      0;  // of a topic created without one; 0 = min(3, registered brokers)
  std::int32_t offsets_partitions = 50;
  std::int32_t offsets_replication_factor = 3;  // at most the registered brokers
  std::int32_t offsets_metadata_bytes_max = 4096;
  std::int32_t offsets_commit_timeout_ms = 5'000;
  std::int64_t offsets_retention_minutes = 10'080;
  std::int64_t offsets_check_interval_ms = 600'000;
  std::int32_t group_initial_rebalance_delay_ms = 3'000;
  std::int32_t group_session_timeout_min_ms = 6'000;
  std::int32_t group_session_timeout_max_ms = 1'800'000;
  std::int32_t group_members_max = 2'147'483'647;
  std::int64_t replica_lag_max_ms = 10'000;
  std::int64_t producer_id_expiration_ms = 86'400'000;
  std::int32_t request_bytes_max = 104'857'600;
  std::int64_t request_memory_bytes_max = 268'435'456;
  std::int32_t fetch_bytes_max = 57'671'680;
  std::int64_t connection_idle_ms_max = 600'000;
  std::int64_t cleaner_backoff_ms = 15'000;
  std::int64_t cleaner_map_bytes = 134'217'728;
  std::int64_t cleaner_bytes_per_second = 33'554'432;
  bool operator==(const BrokerSettings&) const = default;
};

// `configs` are checked against the table.
BrokerSettings ResolveBrokerSettings(const ConfigMap& configs);

struct DescribedBrokerConfig {
  const ConfigDefinition* definition = nullptr;
  std::string value;
  bool set = false;  // in the node file; else the default
};
std::vector<DescribedBrokerConfig> DescribeBrokerConfigs(const ConfigMap& configs);

}  // namespace kronika::metadata
