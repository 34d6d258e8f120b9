#include "metadata/topic_configs.h"

#include <limits>

#include "base/check.h"

namespace kronika::metadata {
namespace {

constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLongMax = std::numeric_limits<std::int64_t>::max();

constexpr ConfigDefinition kTable[] = {
    {.name = "cleanup.policy",
     .type = ConfigType::kList,
     .default_value = "delete",
     .one_of = "delete,compact",
     .synonym = "log.cleanup.policy",
     .documentation = "What happens to old records: with compact the last record of each key is "
                      "kept. By delete alone nothing goes, because retention is not offered yet."},
    {.name = "compression.type",
     .default_value = "producer",
     .one_of = "producer",
     .synonym = "compression.type",
     .documentation =
         "Records are kept as the producer compressed them. Recompression is not offered."},
    {.name = "delete.retention.ms",
     .type = ConfigType::kLong,
     .default_value = "86400000",
     .min = 0,
     .max = kLongMax,
     .synonym = "log.cleaner.delete.retention.ms",
     .documentation = "How long a tombstone of a compacted topic is kept after the compaction that "
                      "first met it."},
    {.name = "index.interval.bytes",
     .type = ConfigType::kInt,
     .default_value = "4096",
     .min = 0,
     .max = kIntMax,
     .synonym = "log.index.interval.bytes",
     .documentation = "Bytes of records between two entries of a segment's offset index."},
    {.name = "max.compaction.lag.ms",
     .type = ConfigType::kLong,
     .default_value = "9223372036854775807",
     .min = 1,
     .max = kLongMax,
     .synonym = "log.cleaner.max.compaction.lag.ms",
     .documentation =
         "A segment that began this long ago is compacted whatever the dirty ratio, and "
         "a new one is begun by then."},
    {.name = "max.message.bytes",
     .type = ConfigType::kInt,
     .default_value = "1048588",
     .min = 0,
     .max = kIntMax,
     .synonym = "message.max.bytes",
     .documentation = "Largest record batch that is taken, as compressed by the producer. At most "
                      "an eighth of a "
                      "journal file."},
    {.name = "message.downconversion.enable",
     .type = ConfigType::kBoolean,
     .default_value = "true",
     .effect = ConfigEffect::kNoOp,
     .synonym = "log.message.downconversion.enable",
     .documentation =
         "No effect: old message formats are not served. Accepted because tools copy it."},
    {.name = "message.format.version",
     .default_value = "3.0-IV1",
     .effect = ConfigEffect::kNoOp,
     .synonym = "log.message.format.version",
     .documentation =
         "No effect: records are always kept in format 2. Accepted because tools copy it."},
    {.name = "message.timestamp.type",
     .default_value = "CreateTime",
     .one_of = "CreateTime,LogAppendTime",
     .synonym = "log.message.timestamp.type",
     .documentation = "Whether a record's time is the producer's or the moment of its append."},
    {.name = "min.cleanable.dirty.ratio",
     .type = ConfigType::kDouble,
     .default_value = "0.5",
     .synonym = "log.cleaner.min.cleanable.ratio",
     .documentation = "Share of uncompacted bytes above which compaction starts."},
    {.name = "min.compaction.lag.ms",
     .type = ConfigType::kLong,
     .default_value = "0",
     .min = 0,
     .max = kLongMax,
     .synonym = "log.cleaner.min.compaction.lag.ms",
     .documentation = "Shortest time that a record stays uncompacted after its append."},
    {.name = "min.insync.replicas",
     .type = ConfigType::kInt,
     .default_value = "1",
     .min = 1,
     .max = kIntMax,
     .synonym = "min.insync.replicas",
     .documentation =
         "Replicas that must have a record before acks=all is answered; a majority always must."},
    {.name = "retention.bytes",
     .type = ConfigType::kLong,
     .default_value = "-1",
     .effect = ConfigEffect::kStored,
     .min = -1,
     .max = kLongMax,
     .synonym = "log.retention.bytes",
     .documentation =
         "Bytes that a partition keeps, -1 for all. Stored; takes effect in a later release."},
    {.name = "retention.ms",
     .type = ConfigType::kLong,
     .default_value = "604800000",
     .effect = ConfigEffect::kStored,
     .min = -1,
     .max = kLongMax,
     .synonym = "log.retention.ms",
     .documentation =
         "How long records are kept, -1 for ever. Stored; takes effect in a later release."},
    {.name = "segment.bytes",
     .type = ConfigType::kInt,
     .default_value = "1073741824",
     .min = 1 << 20,
     .max = kIntMax,
     .synonym = "log.segment.bytes",
     .documentation = "Size at which a new segment file is begun."},
    {.name = "segment.ms",
     .type = ConfigType::kLong,
     .default_value = "604800000",
     .min = 1,
     .max = kLongMax,
     .synonym = "log.roll.ms",
     .documentation = "Age at which a new segment file is begun."},
};

std::string_view ValueInForce(std::string_view name, const Topic& topic,
                              const ConfigMap& defaults) {
  if (const std::string* own = topic.Config(name)) return *own;
  if (const auto found = defaults.find(name); found != defaults.end()) return found->second;
  const ConfigDefinition* definition = FindConfig(kTable, name);
  KRONIKA_CHECK(definition != nullptr);
  return definition->default_value;
}

}  // namespace

std::span<const ConfigDefinition> TopicConfigs() {
  return kTable;
}

TopicSettings ResolveSettings(const Topic& topic, const ConfigMap& defaults) {
  auto number = [&](std::string_view name) {
    return ConfigAsInt(ValueInForce(name, topic, defaults));
  };
  const bool compacts =
      ValueInForce("cleanup.policy", topic, defaults).find("compact") != std::string_view::npos;
  return {
      .min_insync_replicas = static_cast<std::int32_t>(number("min.insync.replicas")),
      .message_bytes_max = static_cast<std::int32_t>(number("max.message.bytes")),
      .log_append_time = ValueInForce("message.timestamp.type", topic, defaults) == "LogAppendTime",
      .segment_bytes = number("segment.bytes"),
      .segment_ms = number("segment.ms"),
      .index_interval_bytes = static_cast<std::int32_t>(number("index.interval.bytes")),
      .compacts = compacts,
      .dirty_ratio_min = ConfigAsRatio(ValueInForce("min.cleanable.dirty.ratio", topic, defaults)),
      .compaction_lag_min_ms = number("min.compaction.lag.ms"),
      .compaction_lag_max_ms = number("max.compaction.lag.ms"),
      .delete_retention_ms = number("delete.retention.ms")};
}

std::vector<DescribedConfig> DescribeTopicConfigs(const Topic& topic, const ConfigMap& defaults) {
  std::vector<DescribedConfig> out;
  for (const auto& definition : kTable) {
    DescribedConfig described{.definition = &definition};
    auto add = [&](std::string_view name, std::string_view value, ConfigSource source) {
      described.synonyms.push_back(
          {.name = std::string(name), .value = std::string(value), .source = source});
    };
    const bool kept = definition.effect != ConfigEffect::kNoOp;
    if (const std::string* own = topic.Config(definition.name); own && kept) {
      add(definition.name, *own, ConfigSource::kDynamicTopic);
    }
    if (const auto found = defaults.find(definition.name); found != defaults.end() && kept) {
      add(definition.synonym, found->second, ConfigSource::kStaticBroker);
    }
    add(definition.synonym, definition.default_value, ConfigSource::kDefault);
    described.value = described.synonyms.front().value;
    described.source = described.synonyms.front().source;
    out.push_back(std::move(described));
  }
  return out;
}

}  // namespace kronika::metadata
