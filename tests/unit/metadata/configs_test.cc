// The config tables, what a topic's values come to, and who is alive.
#include <gtest/gtest.h>

#include <algorithm>

#include "metadata/broker_configs.h"
#include "metadata/liveness.h"
#include "metadata/topic_configs.h"

namespace kronika::metadata {
namespace {

void ExpectTableIsSound(std::span<const ConfigDefinition> table) {
  EXPECT_TRUE(std::ranges::is_sorted(table, {}, &ConfigDefinition::name));
  for (const auto& definition : table) {
    EXPECT_TRUE(CheckConfig(definition, definition.default_value)) << definition.name;
    EXPECT_TRUE(definition.documentation.ends_with('.')) << definition.name;
  }
}

TEST(ConfigTables, AreSortedAndTheirDefaultsPassTheirOwnChecks) {
  ExpectTableIsSound(TopicConfigs());
  ExpectTableIsSound(BrokerConfigs());
}

// A config that is kept and not acted on must say so to the person who sets it.
TEST(ConfigTables, WhatTakesNoEffectSaysSo) {
  for (const auto& definition : TopicConfigs()) {
    const bool later =
        definition.documentation.find("takes effect in a later") != std::string_view::npos;
    EXPECT_EQ(later, definition.effect == ConfigEffect::kStored) << definition.name;
    const bool none = definition.documentation.starts_with("No effect");
    EXPECT_EQ(none, definition.effect == ConfigEffect::kNoOp) << definition.name;
  }
}

TEST(ConfigTables, ValuesOutsideTypeOrRangeAreRefused) {
  auto refused = [](std::string_view name, std::string_view value) {
    return !CheckConfig(*FindConfig(TopicConfigs(), name), value).has_value();
  };
  EXPECT_TRUE(refused("segment.bytes", "1048575"));
  EXPECT_FALSE(refused("segment.bytes", "1048576"));
  EXPECT_TRUE(refused("segment.bytes", "2147483648"));
  EXPECT_TRUE(refused("retention.ms", "-2"));
  EXPECT_FALSE(refused("retention.ms", "-1"));
  EXPECT_TRUE(refused("retention.ms", "1e3"));
  EXPECT_TRUE(refused("retention.ms", ""));
  EXPECT_TRUE(refused("min.insync.replicas", "0"));
  EXPECT_TRUE(refused("compression.type", "zstd"));
  EXPECT_FALSE(refused("cleanup.policy", "compact,delete"));
  EXPECT_TRUE(refused("cleanup.policy", "compact,"));
  EXPECT_TRUE(refused("message.timestamp.type", "createtime"));
  EXPECT_TRUE(refused("message.downconversion.enable", "yes"));
  EXPECT_TRUE(refused("min.cleanable.dirty.ratio", "nan"));
  EXPECT_TRUE(refused("min.cleanable.dirty.ratio", "1.01"));
}

TEST(TopicConfigs, TheTopicsOwnValueWinsThenTheNodeFileThenTheTable) {
  Topic topic;
  topic.configs = {{"max.message.bytes", "100"}, {"message.timestamp.type", "LogAppendTime"}};
  const ConfigMap defaults = {{"max.message.bytes", "200"}, {"min.insync.replicas", "2"}};
  const TopicSettings settings = ResolveSettings(topic, defaults);
  EXPECT_EQ(settings.message_bytes_max, 100);
  EXPECT_EQ(settings.min_insync_replicas, 2);
  EXPECT_TRUE(settings.log_append_time);
  EXPECT_EQ(settings.segment_bytes, 1 << 30);
  EXPECT_EQ(settings.index_interval_bytes, 4096);
}

TEST(TopicConfigs, DescriptionNamesSourceAndSynonyms) {
  Topic topic;
  topic.configs = {{"max.message.bytes", "100"}, {"message.downconversion.enable", "false"}};
  const auto described =
      DescribeTopicConfigs(topic, {{"max.message.bytes", "200"}, {"retention.ms", "7"}});
  ASSERT_EQ(described.size(), TopicConfigs().size());
  auto find = [&](std::string_view name) {
    return *std::ranges::find(
        described, name, [](const DescribedConfig& config) { return config.definition->name; });
  };
  const auto bytes = find("max.message.bytes");
  EXPECT_EQ(bytes.value, "100");
  EXPECT_EQ(bytes.source, ConfigSource::kDynamicTopic);
  const std::vector<ConfigSynonym> synonyms = {
      {"max.message.bytes", "100", ConfigSource::kDynamicTopic},
      {"message.max.bytes", "200", ConfigSource::kStaticBroker},
      {"message.max.bytes", "1048588", ConfigSource::kDefault}};
  EXPECT_EQ(bytes.synonyms, synonyms);
  EXPECT_EQ(find("retention.ms").source, ConfigSource::kStaticBroker);
  EXPECT_EQ(find("segment.ms").source, ConfigSource::kDefault);
  EXPECT_EQ(find("message.downconversion.enable").value, "true") << "a no-op reports its default";
}

TEST(BrokerConfigs, ResolveTakesWhatIsSet) {
  EXPECT_EQ(ResolveBrokerSettings({}), BrokerSettings{}) << "the struct's defaults are the table's";
  const auto settings =
      ResolveBrokerSettings({{"num.partitions", "6"}, {"auto.create.topics.enable", "false"}});
  EXPECT_EQ(settings.partitions, 6);
  EXPECT_FALSE(settings.auto_create_topics);
  for (const auto& config : DescribeBrokerConfigs({{"num.partitions", "6"}})) {
    EXPECT_EQ(config.set, config.definition->name == "num.partitions");
  }
}

TEST(NearestName, FindsSlipsOnly) {
  const std::string_view names[] = {"retention.ms", "retention.bytes", "segment.ms"};
  EXPECT_EQ(NearestName(names, "retention.m"), "retention.ms");
  EXPECT_EQ(NearestName(names, "segmnet.ms"), "segment.ms");
  EXPECT_EQ(NearestName(names, "flush.messages"), "");
}

TEST(Liveness, ABrokerIsAliveForTwoSecondsAfterItWasHeard) {
  using namespace std::chrono_literals;
  auto at = [](Duration since) { return Instant{since}; };
  Liveness liveness;
  EXPECT_FALSE(liveness.IsLive({1}, at(0s)));
  liveness.Heard({1}, at(1s));
  EXPECT_TRUE(liveness.IsLive({1}, at(3s)));
  EXPECT_FALSE(liveness.IsLive({1}, at(3s + 1ns)));
  liveness.BeginLeading({{2}, {3}}, at(10s));
  liveness.Heard({3}, at(11s));
  liveness.Heard({3}, at(10s));  // late news do not take life away
  EXPECT_EQ(liveness.Live(at(12s)), (std::vector<BrokerId>{{2}, {3}}));
  EXPECT_EQ(liveness.Live(at(13s)), (std::vector<BrokerId>{{3}}));
  liveness.Forget({3});
  EXPECT_TRUE(liveness.Live(at(13s)).empty());
}

}  // namespace
}  // namespace kronika::metadata
