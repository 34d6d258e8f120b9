// DeleteTopics (key 20), versions 1-6: any broker takes it; the controller decides.
//
//   v1-v5   names
//   v5      messages in the answer
//   v6      names or ids; an entry has one of the two
#include "proto/kafka/delete_topics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;
using Deleted = DeleteTopicsResponse::Topic;

constexpr std::int16_t kIdsFirstVersion = 6;

struct Call {
  Reply<DeleteTopicsResponse> reply;
  DeleteTopicsResponse response;
  std::vector<TopicRef> topics;        // sent to the controller
  std::vector<std::size_t> positions;  // where their results belong
};

void Finish(Call call, const std::vector<TopicOutcome>& outcomes) {
  KRONIKA_CHECK(outcomes.size() == call.positions.size());
  for (std::size_t i = 0; i < call.positions.size(); ++i) {
    Deleted& out = call.response.responses[call.positions[i]];
    const TopicOutcome& outcome = outcomes[i];
    out.error_code = outcome.error;
    if (!outcome.name.empty()) out.name = outcome.name;
    if (!outcome.id.IsZero()) out.topic_id = outcome.id;
    if (outcome.error != KafkaError::kNone) {
      out.error_message =
          outcome.text.empty() ? std::string(kafka::Text(outcome.error)) : outcome.text;
    }
  }
  call.reply(call.response);
}

std::vector<TopicRef> ReadTopics(const DeleteTopicsRequest& request, std::int16_t version) {
  std::vector<TopicRef> out;
  if (version < kIdsFirstVersion) {
    for (const auto name : request.topic_names) out.push_back({.name = std::string(name)});
    return out;
  }
  for (const auto& topic : request.topics) {
    out.push_back(
        {.name = std::string(topic.name.value_or(std::string_view{})), .id = topic.topic_id});
  }
  return out;
}

void Add(Call& call, const TopicRef& topic, bool is_duplicate) {
  const std::size_t position = call.response.responses.size();
  Deleted& out = call.response.responses.emplace_back();
  out.name.reset();
  if (!topic.name.empty() || call.reply.version() < kIdsFirstVersion) out.name = topic.name;
  out.topic_id = topic.id;
  if (is_duplicate) {
    out.error_code = KafkaError::kInvalidRequest;
    out.error_message = "the topic is in the request more than once";
  } else if (topic.name.empty() == topic.id.IsZero()) {
    out.error_code = KafkaError::kInvalidRequest;
    out.error_message = "give either a name or an id";
  } else {
    call.positions.push_back(position);
    call.topics.push_back(topic);
  }
}

void Answer(const Services& services, const RequestContext& context, DeleteTopicsRequest request,
            Reply<DeleteTopicsResponse> reply) {
  Call call{.reply = std::move(reply), .response = {}, .topics = {}, .positions = {}};
  const auto topics = ReadTopics(request, context.version);
  std::map<std::pair<std::string, Uuid>, int> times;
  for (const auto& topic : topics) ++times[{topic.name, topic.id}];
  for (const auto& topic : topics) Add(call, topic, times[{topic.name, topic.id}] > 1);
  if (call.topics.empty()) return call.reply(call.response);
  const Instant deadline =
      services.loop->Now() + std::chrono::milliseconds(std::max(request.timeout_ms, 0));
  auto forwarded = call.topics;
  services.admin->DeleteTopics(
      std::move(forwarded), deadline,
      [call = std::move(call)](std::vector<TopicOutcome> outcomes) mutable {
        Finish(std::move(call), outcomes);
      });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(DeleteTopics, &broker::Answer)
