// ElectLeaders (key 43), versions 0-2: any broker takes it; the partitions' leaders hand over to
// their preferred replicas, and the answer leaves when they lead.
//
//   v0      preferred elections only
//   v1      the election's type; an error of the whole request
//
// There is no unclean election here: a leader without everything that was acknowledged cannot be.
// Source: Kafka protocol guide; KIP-460.
#include "proto/kafka/elect_leaders.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::ElectLeadersRequest;
using kafka::ElectLeadersResponse;
using Elected = ElectLeadersResponse::Partition;

constexpr std::int8_t kPreferred = 0;
constexpr std::int8_t kUnclean = 1;

struct Place {
  std::size_t topic = 0;
  std::size_t partition = 0;
};

struct Call {
  Reply<ElectLeadersResponse> reply;
  ElectLeadersResponse response;
  bool all = false;                     // those that need none are not told
  std::vector<PartitionId> partitions;  // to be elected
  std::vector<Place> places;            // where their results belong
};

void Set(Elected& out, KafkaError error, std::string text) {
  out.error_code = error;
  out.error_message.reset();
  if (error != KafkaError::kNone) out.error_message = std::move(text);
}

void Finish(Call call, std::vector<ElectionOutcome> outcomes) {
  KRONIKA_CHECK(outcomes.size() == call.places.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Place place = call.places[i];
    Set(call.response.replica_election_results[place.topic].partition_result[place.partition],
        outcomes[i].error, std::move(outcomes[i].text));
  }
  if (call.all) {
    for (auto& topic : call.response.replica_election_results) {
      std::erase_if(topic.partition_result, [](const Elected& partition) {
        return partition.error_code == KafkaError::kElectionNotNeeded;
      });
    }
  }
  call.reply(call.response);
}

// A partition that is led needs no unclean election, and one that is not can have none.
KafkaError AnswerUnclean(const Services& services, const PartitionId& partition) {
  const bool led = services.leadership->Find(partition.topic, partition.number).leader != kNoBroker;
  return led ? KafkaError::kElectionNotNeeded : KafkaError::kEligibleLeadersNotAvailable;
}

void Add(const Services& services, const metadata::Topic* topic, std::int32_t number,
         std::int8_t type, Call& call) {
  auto& results = call.response.replica_election_results;
  auto& partitions = results.back().partition_result;
  Elected& out = partitions.emplace_back();
  out.partition_id = number;
  if (topic == nullptr) {
    Set(out, KafkaError::kUnknownTopicOrPartition, "No such topic as " + results.back().topic);
  } else if (number < 0 || static_cast<std::size_t>(number) >= topic->partitions.size()) {
    Set(out, KafkaError::kUnknownTopicOrPartition,
        "No such partition as " + topic->name + "-" + std::to_string(number));
  } else if (type == kUnclean) {
    const KafkaError error = AnswerUnclean(services, {topic->id, number});
    Set(out, error, std::string(kafka::Text(error)));
  } else {
    call.partitions.push_back({topic->id, number});
    call.places.push_back({results.size() - 1, partitions.size() - 1});
  }
}

void AddAll(const Services& services, const metadata::Image& image, std::int8_t type, Call& call) {
  image.topics.ForEach([&](const Uuid&, const metadata::TopicPtr& topic) {
    call.response.replica_election_results.emplace_back().topic = topic->name;
    for (const auto& partition : topic->partitions)
      Add(services, topic.get(), partition->number, type, call);
  });
}

void Answer(const Services& services, const RequestContext&, ElectLeadersRequest request,
            Reply<ElectLeadersResponse> reply) {
  if (request.election_type != kPreferred && request.election_type != kUnclean)
    return reply(
        MakeErrorResponse(request, KafkaError::kInvalidRequest,
                          "Unknown election type " + std::to_string(request.election_type)));
  Call call{.reply = std::move(reply), .response = {}, .partitions = {}, .places = {}};
  const auto image = services.metadata->Image();
  call.all = !request.topic_partitions.has_value();
  if (call.all) {
    AddAll(services, *image, request.election_type, call);
  } else {
    for (const auto& topic : *request.topic_partitions) {
      const auto known = image->FindTopic(topic.topic);
      call.response.replica_election_results.emplace_back().topic = topic.topic;
      for (const auto number : topic.partitions)
        Add(services, known.get(), number, request.election_type, call);
    }
  }
  if (call.partitions.empty()) return Finish(std::move(call), {});
  const Instant deadline =
      services.loop->Now() + std::chrono::milliseconds(std::max(request.timeout_ms, 0));
  auto partitions = call.partitions;
  services.admin->ElectPreferred(
      std::move(partitions), deadline,
      [call = std::move(call)](std::vector<ElectionOutcome> outcomes) mutable {
        Finish(std::move(call), std::move(outcomes));
      });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(ElectLeaders, &broker::Answer)
