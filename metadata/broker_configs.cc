#include "metadata/broker_configs.h"

#include <limits>

#include "base/check.h"

namespace kronika::metadata {
namespace {

constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLongMax = std::numeric_limits<std::int64_t>::max();

constexpr ConfigDefinition kTable[] = {
    {.name = "auto.create.topics.enable",
     .type = ConfigType::kBoolean,
     .default_value = "true",
     .documentation = "Whether a Metadata request that allows it creates the topics it names."},
    {.name = "auto.leader.rebalance.enable",
     .type = ConfigType::kBoolean,
     .default_value = "true",
     .documentation =
         "Whether leaders return to their preferred replicas, the first ones, by themselves."},
    {.name = "connections.max.idle.ms",
     .type = ConfigType::kLong,
     .default_value = "600000",
     .min = 1,
     .max = kLongMax,
     .documentation = "A client connection without requests is closed after this time."},
    {.name = "default.replication.factor",
     .type = ConfigType::kInt,
     .default_value = "0",
     .min = 0,
     .max = 100,
     .documentation =
         "Replicas of a topic created without a count; 0 means three, or all registered brokers if "
         "there are fewer."},
    {.name = "fetch.max.bytes",
     .type = ConfigType::kInt,
     .default_value = "57671680",
     .min = 1024,
     .max = kIntMax,
     .documentation = "Most bytes of one fetch response, at least one batch."},
    {.name = "group.initial.rebalance.delay.ms",
     .type = ConfigType::kInt,
     .default_value = "3000",
     .min = 0,
     .max = kIntMax,
     .documentation = "How long the first generation of an empty group waits for more members."},
    {.name = "group.max.session.timeout.ms",
     .type = ConfigType::kInt,
     .default_value = "1800000",
     .min = 1,
     .max = kIntMax,
     .documentation = "Longest session timeout that a member of a group may ask for."},
    {.name = "group.max.size",
     .type = ConfigType::kInt,
     .default_value = "2147483647",
     .min = 1,
     .max = kIntMax,
     .documentation = "Most members of one group."},
    {.name = "group.min.session.timeout.ms",
     .type = ConfigType::kInt,
     .default_value = "6000",
     .min = 1,
     .max = kIntMax,
     .documentation = "Shortest session timeout that a member of a group may ask for."},
    {.name = "leader.imbalance.check.interval.seconds",
     .type = ConfigType::kLong,
     .default_value = "300",
     .min = 1,
     .max = 86'400,
     .documentation = "A leader returns to its preferred replica when that one was up and in sync "
                      "for this long without a break."},
    {.name = "log.cleaner.backoff.ms",
     .type = ConfigType::kLong,
     .default_value = "15000",
     .min = 1,
     .max = kLongMax,
     .documentation = "How long compaction rests before it looks again for a log to compact."},
    {.name = "log.cleaner.dedupe.buffer.size",
     .type = ConfigType::kLong,
     .default_value = "134217728",
     .min = 1 << 20,
     .max = 1LL << 40,
     .documentation =
         "Most memory for the keys of one pass of compaction, 32 bytes a key; what does "
         "not fit is the next pass's."},
    {.name = "log.cleaner.io.max.bytes.per.second",
     .type = ConfigType::kLong,
     .default_value = "33554432",
     .min = 1,
     .max = kLongMax,
     .documentation = "Most bytes that compaction reads in a second; it writes no more than that."},
    {.name = "num.partitions",
     .type = ConfigType::kInt,
     .default_value = "1",
     .min = 1,
     .max = 10'000,
     .documentation = "Partitions of a topic created without a count."},
    {.name = "offset.metadata.max.bytes",
     .type = ConfigType::kInt,
     .default_value = "4096",
     .min = 0,
     .max = kIntMax,
     .documentation = "Most bytes of the text that a consumer stores with an offset."},
    {.name = "offsets.commit.timeout.ms",
     .type = ConfigType::kInt,
     .default_value = "5000",
     .min = 1,
     .max = kIntMax,
     .documentation = "How long a commit may wait for the replicas of its group's partition."},
    {.name = "offsets.retention.check.interval.ms",
     .type = ConfigType::kLong,
     .default_value = "600000",
     .min = 1,
     .max = kLongMax,
     .documentation = "How often offsets are looked through for those that expired."},
    {.name = "offsets.retention.minutes",
     .type = ConfigType::kInt,
     .default_value = "10080",
     .min = 1,
     .max = kIntMax,
     .documentation = "Offsets expire this long after their group became empty, or after their "
                      "commit if the group has no members of its own."},
    {.name = "offsets.topic.num.partitions",
     .type = ConfigType::kInt,
     .default_value = "50",
     .min = 1,
     .max = 10'000,
     .documentation = "Partitions of __consumer_offsets; fixed once the topic exists."},
    {.name = "offsets.topic.replication.factor",
     .type = ConfigType::kInt,
     .default_value = "3",
     .min = 1,
     .max = 100,
     .documentation = "Replicas of __consumer_offsets; all registered brokers if there are fewer."},
    {.name = "producer.id.expiration.ms",
     .type = ConfigType::kLong,
     .default_value = "86400000",
     .min = 1,
     .max = kLongMax,
     .documentation = "How long a partition's leader remembers an idempotent producer that is "
                      "silent, by the time of its log."},
    {.name = "queued.max.request.bytes",
     .type = ConfigType::kLong,
     .default_value = "268435456",
     .min = 1 << 20,
     .max = 1LL << 40,
     .documentation =
         "Most bytes of requests that all client connections together hold, from their first byte "
         "to their answer, and one request more. What exceeds it is not read yet. Of each "
         "connection as much as its largest request, 4 KiB to 128 KiB, does not count."},
    {.name = "replica.lag.time.max.ms",
     .type = ConfigType::kLong,
     .default_value = "10000",
     .min = 1,
     .max = kLongMax,
     .documentation =
         "A replica that has not caught up with its leader's end for this long leaves the ISR."},
    {.name = "socket.request.max.bytes",
     .type = ConfigType::kInt,
     .default_value = "104857600",
     .min = 1024,
     .max = kIntMax,
     .documentation = "Largest request that a client may send."},
};

std::string_view ValueInForce(std::string_view name, const ConfigMap& configs) {
  if (const auto found = configs.find(name); found != configs.end()) return found->second;
  const ConfigDefinition* definition = FindConfig(kTable, name);
  KRONIKA_CHECK(definition != nullptr);
  return definition->default_value;
}

}  // namespace

std::span<const ConfigDefinition> BrokerConfigs() {
  return kTable;
}

BrokerSettings ResolveBrokerSettings(const ConfigMap& configs) {
  auto number = [&](std::string_view name) { return ConfigAsInt(ValueInForce(name, configs)); };
  auto small = [&](std::string_view name) { return static_cast<std::int32_t>(number(name)); };
  return {.auto_create_topics = ConfigAsBool(ValueInForce("auto.create.topics.enable", configs)),
          .leader_rebalance = ConfigAsBool(ValueInForce("auto.leader.rebalance.enable", configs)),
          .leader_check_interval_s = small("leader.imbalance.check.interval.seconds"),
          .partitions = small("num.partitions"),
          .replication_factor = small("default.replication.factor"),
          .offsets_partitions = small("offsets.topic.num.partitions"),
          .offsets_replication_factor = small("offsets.topic.replication.factor"),
          .offsets_metadata_bytes_max = small("offset.metadata.max.bytes"),
          .offsets_commit_timeout_ms = small("offsets.commit.timeout.ms"),
          .offsets_retention_minutes = number("offsets.retention.minutes"),
          .offsets_check_interval_ms = number("offsets.retention.check.interval.ms"),
          .group_initial_rebalance_delay_ms = small("group.initial.rebalance.delay.ms"),
          .group_session_timeout_min_ms = small("group.min.session.timeout.ms"),
          .group_session_timeout_max_ms = small("group.max.session.timeout.ms"),
          .group_members_max = small("group.max.size"),
          .replica_lag_max_ms = number("replica.lag.time.max.ms"),
          .producer_id_expiration_ms = number("producer.id.expiration.ms"),
          .request_bytes_max = small("socket.request.max.bytes"),
          .request_memory_bytes_max = number("queued.max.request.bytes"),
          .fetch_bytes_max = small("fetch.max.bytes"),
          .connection_idle_ms_max = number("connections.max.idle.ms"),
          .cleaner_backoff_ms = number("log.cleaner.backoff.ms"),
          .cleaner_map_bytes = number("log.cleaner.dedupe.buffer.size"),
          .cleaner_bytes_per_second = number("log.cleaner.io.max.bytes.per.second")};
}

std::vector<DescribedBrokerConfig> DescribeBrokerConfigs(const ConfigMap& configs) {
  std::vector<DescribedBrokerConfig> out;
  for (const auto& definition : kTable) {
    out.push_back({.definition = &definition,
                   .value = std::string(ValueInForce(definition.name, configs)),
                   .set = configs.contains(definition.name)});
  }
  return out;
}

}  // namespace kronika::metadata
