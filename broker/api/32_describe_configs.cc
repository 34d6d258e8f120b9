// DescribeConfigs (key 32), versions 1-4: the configs of topics and of this broker.
//
//   v3   types and documentation
//
// A broker describes itself only: asked for another one it answers INVALID_REQUEST, as Kafka does.
// The empty broker name asks for defaults that were set for all brokers at run time; there are
// none. Loggers are not served.
#include "proto/kafka/describe_configs.h"

#include <algorithm>
#include <optional>

#include "broker/api/lookup.h"
#include "broker/api/serve.h"
#include "metadata/topic_configs.h"

namespace kronika::broker {
namespace {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using Asked = DescribeConfigsRequest::Resource;
using Described = DescribeConfigsResponse::Resource;
using Config = DescribeConfigsResponse::Config;

constexpr std::int8_t kTopic = 2;
constexpr std::int8_t kBroker = 4;

bool IsAskedFor(const Asked& asked, std::string_view name) {
  return !asked.configuration_keys ||
         std::ranges::find(*asked.configuration_keys, name) != asked.configuration_keys->end();
}

Config MakeConfig(const DescribeConfigsRequest& request,
                  const metadata::ConfigDefinition& definition, const std::string& value) {
  Config out;
  out.name = definition.name;
  out.value = value;
  out.config_type = static_cast<std::int8_t>(definition.type);
  out.documentation.reset();
  if (request.include_documentation) out.documentation = definition.documentation;
  return out;
}

void DescribeTopic(const Services& services, const DescribeConfigsRequest& request,
                   const Asked& asked, Described& out) {
  const auto topic = services.metadata->Image()->FindTopic(asked.resource_name);
  if (topic == nullptr) {
    out.error_code = KafkaError::kUnknownTopicOrPartition;
    out.error_message = kafka::Text(out.error_code);
    return;
  }
  for (const auto& known : metadata::DescribeTopicConfigs(*topic, services.topic_defaults)) {
    if (!IsAskedFor(asked, known.definition->name)) continue;
    Config& config = out.configs.emplace_back(MakeConfig(request, *known.definition, known.value));
    config.config_source = static_cast<std::int8_t>(known.source);
    if (!request.include_synonyms) continue;
    for (const auto& synonym : known.synonyms) {
      auto& added = config.synonyms.emplace_back();
      added.name = synonym.name;
      added.value = synonym.value;
      added.source = static_cast<std::int8_t>(synonym.source);
    }
  }
}

void DescribeThisBroker(const Services& services, const DescribeConfigsRequest& request,
                        const Asked& asked, Described& out) {
  for (const auto& known : metadata::DescribeBrokerConfigs(services.broker_configs)) {
    if (!IsAskedFor(asked, known.definition->name)) continue;
    const auto source =
        known.set ? metadata::ConfigSource::kStaticBroker : metadata::ConfigSource::kDefault;
    Config& config = out.configs.emplace_back(MakeConfig(request, *known.definition, known.value));
    config.read_only = true;
    config.config_source = static_cast<std::int8_t>(source);
    if (!request.include_synonyms) continue;
    auto& synonym = config.synonyms.emplace_back();
    synonym.name = config.name;
    synonym.value = config.value;
    synonym.source = config.config_source;
  }
}

void Refuse(Described& out, std::string text) {
  out.error_code = KafkaError::kInvalidRequest;
  out.error_message = std::move(text);
}

void Answer(const Services& services, const RequestContext&, DescribeConfigsRequest request,
            Reply<DescribeConfigsResponse> reply) {
  DescribeConfigsResponse response;
  DropRepeats(request.resources, [](const Asked& asked) {
    return std::pair(asked.resource_type, asked.resource_name);
  });
  for (const auto& asked : request.resources) {
    Described& out = response.results.emplace_back();
    out.resource_type = asked.resource_type;
    out.resource_name = asked.resource_name;
    out.error_message.reset();
    if (asked.resource_type == kTopic) {
      DescribeTopic(services, request, asked, out);
    } else if (asked.resource_type != kBroker) {
      Refuse(out, "only topics and brokers have configs here");
    } else if (asked.resource_name == std::to_string(services.broker.value)) {
      DescribeThisBroker(services, request, asked, out);
    } else if (!asked.resource_name.empty()) {
      Refuse(out, "ask broker " + std::string(asked.resource_name) + " itself; this is broker " +
                      std::to_string(services.broker.value));
    }
  }
  reply(response);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(DescribeConfigs, &broker::Answer)
