// Produce (key 0), versions 3-11: appends record batches. Advertised from 0, see
// proto/kafka/produce.kmsg.
//
//   v5    the log start offset is told
//   v7    zstd may be used; before, UNSUPPORTED_COMPRESSION_TYPE (which the partition says)
//   v8    refused records and a message are told
//   v10   NOT_LEADER_OR_FOLLOWER comes with the leader and its address (KIP-951)
//
// The batches of one request are handed to their partitions in the order in which they stand,
// inside the call, so that appends happen in the order of arrival. acks=0 has no answer: an error
// closes the connection. When the time of the request is over, what is not answered yet is
// REQUEST_TIMED_OUT, though it may still be committed. A partition that stands twice in a request
// is INVALID_REQUEST the second time. There are no transactions yet: a transactional id or batch is
// INVALID_REQUEST.
#include "proto/kafka/produce.h"

#include <algorithm>
#include <memory>
#include <set>

#include "broker/api/lookup.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::ProduceRequest;
using kafka::ProduceResponse;
using Appended = ProduceResponse::Partition;

constexpr std::int16_t kHintsFirstVersion = 10;
constexpr std::string_view kAdminClientId = "__admin_client";

// A request under way. Held by the completions of its appends, and by its timer.
class ProduceCall : public std::enable_shared_from_this<ProduceCall> {
 public:
  ProduceCall(const Services& services, const RequestContext& context,
              const ProduceRequest& request, Reply<ProduceResponse> reply)
      : services_(services),
        context_(context),
        acks_(static_cast<Acks>(request.acks)),
        reply_(std::move(reply)),
        response_(MakeErrorResponse(request, KafkaError::kNone)) {}

  void Start(const ProduceRequest& request) {
    const auto image = services_.metadata->Image();
    for (std::size_t t = 0; t < request.topic_data.size(); ++t) {
      const auto& data = request.topic_data[t];
      const auto topic = image->FindTopic(data.name);
      for (std::size_t p = 0; p < data.partition_data.size(); ++p) {
        const auto& part = data.partition_data[p];
        if (named_.emplace(data.name, part.index).second || KRONIKA_PLANTED("repeats-answered")) {
          StartAppend({t, p}, topic, part);
        } else {
          Refuse({t, p}, KafkaError::kInvalidRequest);
        }
      }
    }
    named_.clear();  // views into the request
    all_started_ = true;
    if (waiting_ == 0) return Finish();
    if (acks_ != Acks::kNone) StartTimer(request.timeout_ms);
  }

 private:
  // Where one partition stands in the response.
  struct Place {
    std::size_t topic;
    std::size_t partition;
  };
  Appended& At(Place place) {
    return response_.responses[place.topic].partition_responses[place.partition];
  }

  void StartAppend(Place place, const metadata::TopicPtr& topic,
                   const ProduceRequest::Partition& data) {
    if (const KafkaError error = Check(topic.get()); error != KafkaError::kNone) {
      return Refuse(place, error);
    }
    const Replica replica = FindReplica(services_, *topic, data.index);
    if (replica.error != KafkaError::kNone) {
      if (replica.error == KafkaError::kNotLeaderOrFollower) AddHint(place, topic->id, data.index);
      return Refuse(place, replica.error);
    }
    ++waiting_;
    At(place).error_code = KafkaError::kRequestTimedOut;  // until it is answered
    replica.partition->Append(
        {.batch = data.records.value_or(Slice{}),
         .acks = acks_,
         .produce_version = context_.version},
        [self = shared_from_this(), place, id = topic->id, index = data.index](
            AppendResult result) { self->OnAppended(place, id, index, std::move(result)); });
  }

  // What can be seen without the partition; the batch is the partition's to check.
  KafkaError Check(const metadata::Topic* topic) const {
    if (topic == nullptr) return KafkaError::kUnknownTopicOrPartition;
    if (topic->internal() && context_.client_id != kAdminClientId) {
      return KafkaError::kInvalidTopicException;
    }
    return KafkaError::kNone;
  }

  void Refuse(Place place, KafkaError error) {
    At(place).error_code = error;
    At(place).error_message = kafka::Text(error);
    failed_ = true;
  }

  void OnAppended(Place place, const Uuid& topic, std::int32_t partition, AppendResult result) {
    if (finished_) return;
    Appended& out = At(place);
    out.error_code = result.error;
    out.base_offset = result.base_offset;
    out.log_append_time_ms = result.log_append_time_ms;
    out.log_start_offset = result.log_start_offset;
    if (result.error != KafkaError::kNone) {
      failed_ = true;
      out.error_message =
          result.text.empty() ? std::string(kafka::Text(result.error)) : result.text;
      for (auto& record : result.records) {
        auto& refused = out.record_errors.emplace_back();
        refused.batch_index = record.index;
        refused.batch_index_error_message = std::move(record.text);
      }
      if (result.error == KafkaError::kNotLeaderOrFollower) AddHint(place, topic, partition);
    }
    --waiting_;
    if (waiting_ == 0 && all_started_) Finish();
  }

  void AddHint(Place place, const Uuid& topic, std::int32_t partition) {
    if (context_.version < kHintsFirstVersion) return;
    AddLeaderHint(services_, context_, services_.leadership->Find(topic, partition),
                  At(place).current_leader, response_.node_endpoints);
  }

  void StartTimer(std::int32_t timeout_ms) {
    timer_ = services_.loop->RunAfter(std::chrono::milliseconds(std::max(timeout_ms, 0)),
                                      [self = shared_from_this()] { self->OnTimeout(); });
  }

  void OnTimeout() {
    if (finished_) return;
    timer_ = {};
    for (std::size_t t = 0; t < response_.responses.size(); ++t) {
      for (std::size_t p = 0; p < response_.responses[t].partition_responses.size(); ++p) {
        const bool is_open = At({t, p}).error_code == KafkaError::kRequestTimedOut;
        if (is_open) Refuse({t, p}, KafkaError::kRequestTimedOut);
      }
    }
    Finish();
  }

  void Finish() {
    finished_ = true;
    services_.loop->Cancel(timer_);
    if (acks_ != Acks::kNone) return reply_(response_);
    if (failed_) return reply_.Close("a batch with acks=0 was refused");
    reply_.Nothing();
  }

  const Services& services_;
  const RequestContext context_;
  const Acks acks_;
  Reply<ProduceResponse> reply_;
  ProduceResponse response_;
  std::set<std::pair<std::string_view, std::int32_t>> named_;
  std::size_t waiting_ = 0;
  bool all_started_ = false;
  bool failed_ = false;
  bool finished_ = false;
  TimerId timer_;
};

bool IsAcks(std::int16_t acks) {
  return acks >= -1 && acks <= 1;
}

void Answer(const Services& services, const RequestContext& context, ProduceRequest request,
            Reply<ProduceResponse> reply) {
  if (!IsAcks(request.acks)) {
    return reply(MakeErrorResponse(request, KafkaError::kInvalidRequiredAcks,
                                   kafka::Text(KafkaError::kInvalidRequiredAcks)));
  }
  if (request.transactional_id.has_value()) {
    if (request.acks == 0) return reply.Close("a transactional id with acks=0");
    return reply(
        MakeErrorResponse(request, KafkaError::kInvalidRequest, "there are no transactions yet"));
  }
  std::make_shared<ProduceCall>(services, context, request, std::move(reply))->Start(request);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(Produce, &broker::Answer)
