// CreateTopics (key 19), versions 2-7: any broker takes it; the controller decides.
//
//   v2-v3   counts must be given; from v4 -1 means the broker's default
//   v5      counts and configs of the new topic are told
//   v7      its id is told
//
// What can be seen from the request alone is refused here, topic by topic; everything else is the
// controller's.
#include "proto/kafka/create_topics.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/check.h"
#include "broker/api/serve.h"
#include "metadata/topic_configs.h"

namespace kronika::broker {
namespace {

using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;
using Asked = CreateTopicsRequest::Topic;
using Made = CreateTopicsResponse::Topic;

constexpr std::int16_t kDefaultsFirstVersion = 4;
constexpr std::int16_t kConfigsFirstVersion = 5;

struct Refusal {
  KafkaError error = KafkaError::kNone;
  std::string_view text = {};
};

Refusal Check(const Asked& asked, std::int16_t version) {
  if (!asked.assignments.empty()) {
    if (asked.num_partitions != -1 || asked.replication_factor != -1) {
      return {KafkaError::kInvalidRequest, "give either assignments or counts, not both"};
    }
    return {};
  }
  if (version < kDefaultsFirstVersion && asked.num_partitions == -1) {
    return {KafkaError::kInvalidPartitions, "a default count of partitions needs version 4"};
  }
  if (version < kDefaultsFirstVersion && asked.replication_factor == -1) {
    return {KafkaError::kInvalidReplicationFactor, "a default replication factor needs version 4"};
  }
  return {};
}

// The replicas by partition number; nothing if the numbers are not 0, 1, 2, ...
std::optional<std::vector<std::vector<BrokerId>>> ReadAssignment(const Asked& asked) {
  std::vector<std::vector<BrokerId>> out(asked.assignments.size());
  std::vector<bool> seen(asked.assignments.size(), false);
  for (const auto& assignment : asked.assignments) {
    const auto number = static_cast<std::size_t>(assignment.partition_index);
    if (assignment.partition_index < 0 || number >= out.size() || seen[number]) return std::nullopt;
    seen[number] = true;
    for (const std::int32_t broker : assignment.broker_ids) out[number].push_back(BrokerId{broker});
  }
  return out;
}

TopicSpec SpecOf(const Asked& asked) {
  TopicSpec spec{.name = std::string(asked.name),
                 .partitions = asked.num_partitions,
                 .replication_factor = asked.replication_factor};
  for (const auto& config : asked.configs) {
    spec.configs.emplace_back(
        config.name, config.value ? std::optional<std::string>(*config.value) : std::nullopt);
  }
  return spec;
}

void Refuse(Made& out, const Refusal& refusal) {
  out.error_code = refusal.error;
  out.error_message = std::string(refusal.text);
}

// The configs that the new topic has, or would have.
void AddConfigs(const Services& services, const TopicSpec& spec, Made& out) {
  metadata::Topic topic;
  topic.name = spec.name;
  for (const auto& [name, value] : spec.configs) {
    if (value) topic.configs.push_back({.name = name, .value = *value});
  }
  std::ranges::sort(topic.configs, {}, &metadata::ConfigValue::name);
  out.configs.emplace();
  for (const auto& known : metadata::DescribeTopicConfigs(topic, services.topic_defaults)) {
    auto& config = out.configs->emplace_back();
    config.name = known.definition->name;
    config.value = known.value;
    config.config_source = static_cast<std::int8_t>(known.source);
  }
}

// One request under way: which of its topics went to the controller.
struct Call {
  const Services& services;
  Reply<CreateTopicsResponse> reply;
  CreateTopicsResponse response;
  std::vector<TopicSpec> specs;        // sent to the controller
  std::vector<std::size_t> positions;  // where their results belong
};

void Finish(Call call, const std::vector<TopicOutcome>& outcomes) {
  KRONIKA_CHECK(outcomes.size() == call.positions.size());
  for (std::size_t i = 0; i < call.positions.size(); ++i) {
    Made& out = call.response.topics[call.positions[i]];
    const TopicOutcome& outcome = outcomes[i];
    out.error_code = outcome.error;
    out.error_message.reset();
    if (outcome.error != KafkaError::kNone) {
      out.error_message =
          outcome.text.empty() ? std::string(kafka::Text(outcome.error)) : outcome.text;
      continue;
    }
    out.topic_id = outcome.id;
    out.num_partitions = outcome.partitions;
    out.replication_factor = outcome.replication_factor;
    if (call.reply.version() >= kConfigsFirstVersion) AddConfigs(call.services, call.specs[i], out);
  }
  call.reply(call.response);
}

void Add(Call& call, const Asked& asked, bool is_duplicate) {
  const std::size_t position = call.response.topics.size();
  Made& out = call.response.topics.emplace_back();
  out.name = asked.name;
  out.error_message.reset();
  out.configs.reset();
  if (is_duplicate) {
    return Refuse(out, {KafkaError::kInvalidRequest, "the topic is in the request more than once"});
  }
  if (const Refusal refusal = Check(asked, call.reply.version());
      refusal.error != KafkaError::kNone) {
    return Refuse(out, refusal);
  }
  auto assignment = ReadAssignment(asked);
  if (!assignment) {
    return Refuse(
        out, {KafkaError::kInvalidReplicaAssignment, "partitions should be numbered 0, 1, 2, ..."});
  }
  call.positions.push_back(position);
  call.specs.push_back(SpecOf(asked));
  call.specs.back().assignment = std::move(*assignment);
}

void Answer(const Services& services, const RequestContext&, CreateTopicsRequest request,
            Reply<CreateTopicsResponse> reply) {
  Call call{.services = services,
            .reply = std::move(reply),
            .response = {},
            .specs = {},
            .positions = {}};
  std::map<std::string_view, int> times;
  for (const auto& asked : request.topics) ++times[asked.name];
  for (const auto& asked : request.topics) Add(call, asked, times[asked.name] > 1);
  if (call.specs.empty()) return call.reply(call.response);
  CreateTopicsCall forwarded{.topics = call.specs,
                             .validate_only = request.validate_only,
                             .deadline = services.loop->Now() + std::chrono::milliseconds(std::max(
                                                                    request.timeout_ms, 0))};
  services.admin->CreateTopics(
      std::move(forwarded), [call = std::move(call)](std::vector<TopicOutcome> outcomes) mutable {
        Finish(std::move(call), outcomes);
      });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(CreateTopics, &broker::Answer)
