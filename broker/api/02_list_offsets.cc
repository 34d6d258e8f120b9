// ListOffsets (key 2), versions 1-10: offsets by time.
//
//   timestamp   -1 the end; -2 the start; -3 (v7) the record with the largest timestamp; -4 (v8)
//   the local start, which
//               is the start; -5 (v9) the last tiered offset, of which there is none; ≥ 0 the first
//               record that is not older. Anything else, or too early a version, is
//               UNSUPPORTED_VERSION for that partition.
//   v4          the client's leader epoch is checked, and the offset's is told
//   before v5   OFFSET_NOT_AVAILABLE is LEADER_NOT_AVAILABLE
//   v10         a time limit
//
// Only the leader answers; a partition that is asked for twice is INVALID_REQUEST.
#include "proto/kafka/list_offsets.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "broker/api/lookup.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;
using Asked = ListOffsetsRequest::Partition;
using Found = ListOffsetsResponse::Partition;

constexpr std::int16_t kNotAvailableFirstVersion = 5;
constexpr std::int16_t kTimeLimitFirstVersion = 10;
constexpr std::int32_t kTimeLimitMs = 30'000;
constexpr std::int64_t kTiered = -5;

// What to ask the partition; nothing if the version does not know the timestamp.
std::optional<OffsetQuery::Kind> KindOf(std::int64_t timestamp, std::int16_t version) {
  if (timestamp >= 0) return OffsetQuery::Kind::kTimestamp;
  if (timestamp == -1) return OffsetQuery::Kind::kLatest;
  if (timestamp == -2) return OffsetQuery::Kind::kEarliest;
  if (timestamp == -3 && version >= 7) return OffsetQuery::Kind::kMaxTimestamp;
  if (timestamp == -4 && version >= 8) return OffsetQuery::Kind::kEarliest;
  return std::nullopt;
}

// A request under way. Held by the partitions' completions and its timer.
class ListCall : public std::enable_shared_from_this<ListCall> {
 public:
  ListCall(const Services& services, const ListOffsetsRequest& request,
           Reply<ListOffsetsResponse> reply)
      : services_(services),
        isolation_(request.isolation_level == 1 ? Isolation::kReadCommitted
                                                : Isolation::kReadUncommitted),
        reply_(std::move(reply)),
        response_(MakeErrorResponse(request, KafkaError::kRequestTimedOut)) {}

  void Start(const ListOffsetsRequest& request) {
    const auto image = services_.metadata->Image();
    const std::int16_t version = reply_.version();
    ++waiting_;  // for this call itself
    for (std::size_t t = 0; t < request.topics.size(); ++t) {
      const auto& asked = request.topics[t];
      const auto topic = image->FindTopic(asked.name);
      std::map<std::int32_t, int> times;
      for (const auto& partition : asked.partitions) ++times[partition.partition_index];
      for (std::size_t p = 0; p < asked.partitions.size(); ++p) {
        const Asked& partition = asked.partitions[p];
        ++waiting_;
        if (times[partition.partition_index] > 1) {
          Set(t, p, {.error = KafkaError::kInvalidRequest});
        } else if (topic == nullptr) {
          Set(t, p, {.error = KafkaError::kUnknownTopicOrPartition});
        } else {
          Ask(t, p, *topic, partition);
        }
      }
    }
    const std::int32_t limit_ms =
        version >= kTimeLimitFirstVersion ? std::max(request.timeout_ms, 0) : kTimeLimitMs;
    if (waiting_ > 1) {
      timer_ = services_.loop->RunAfter(std::chrono::milliseconds(limit_ms),
                                        [self = shared_from_this()] { self->Finish(); });
    }
    Done();
  }

 private:
  void Ask(std::size_t t, std::size_t p, const metadata::Topic& topic, const Asked& asked) {
    const auto refuse = [&](KafkaError error) { Set(t, p, {.error = error}); };
    const auto kind = KindOf(asked.timestamp, reply_.version());
    if (!kind) {
      const bool is_tiered = asked.timestamp == kTiered && reply_.version() >= 9;
      return refuse(is_tiered ? KafkaError::kNone : KafkaError::kUnsupportedVersion);
    }
    const Replica replica = FindReplica(services_, topic, asked.partition_index);
    if (replica.error != KafkaError::kNone) return refuse(replica.error);
    const PartitionStatus status = replica.partition->Status();
    if (!status.leads) return refuse(KafkaError::kNotLeaderOrFollower);
    const KafkaError epoch = CheckLeaderEpoch(asked.current_leader_epoch, status.leader_epoch);
    if (epoch != KafkaError::kNone) return refuse(epoch);
    replica.partition->FindOffset(
        {.kind = *kind, .timestamp_ms = asked.timestamp, .isolation = isolation_},
        [self = shared_from_this(), t, p](OffsetAnswer answer) { self->Set(t, p, answer); });
  }

  void Set(std::size_t t, std::size_t p, const OffsetAnswer& answer) {
    if (finished_) return;
    Found& out = response_.topics[t].partitions[p];
    out.error_code = answer.error;
    if (answer.error == KafkaError::kOffsetNotAvailable &&
        reply_.version() < kNotAvailableFirstVersion) {
      out.error_code = KafkaError::kLeaderNotAvailable;
    }
    out.offset = answer.offset;
    out.timestamp = answer.timestamp_ms;
    out.leader_epoch = answer.leader_epoch;
    Done();
  }

  void Done() {
    if (--waiting_ == 0) Finish();
  }

  void Finish() {
    if (finished_) return;
    finished_ = true;
    services_.loop->Cancel(timer_);
    reply_(response_);
  }

  const Services& services_;
  const Isolation isolation_;
  Reply<ListOffsetsResponse> reply_;
  ListOffsetsResponse response_;  // REQUEST_TIMED_OUT where nothing was answered yet
  std::size_t waiting_ = 0;
  bool finished_ = false;
  TimerId timer_;
};

void Answer(const Services& services, const RequestContext&, ListOffsetsRequest request,
            Reply<ListOffsetsResponse> reply) {
  std::make_shared<ListCall>(services, request, std::move(reply))->Start(request);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(ListOffsets, &broker::Answer)
