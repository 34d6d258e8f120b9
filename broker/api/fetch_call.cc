// Reading, waiting and answering; see fetch_call.h.
#include "broker/api/fetch_call.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/api/lookup.h"

namespace kronika::broker {
namespace {

constexpr std::int16_t kStorageErrorFirstVersion = 6;
constexpr std::int16_t kAnyReplicaFirstVersion = 11;
constexpr std::int16_t kTopicIdsFirstVersion = 13;
constexpr std::int16_t kHintsFirstVersion = 16;

std::size_t NotNegative(std::int32_t value) {
  return static_cast<std::size_t>(std::max(value, 0));
}

}  // namespace

void FetchCall::Start(const Services& services, const RequestContext& context,
                      const kafka::FetchRequest& request, Reply<kafka::FetchResponse> reply) {
  const auto call = std::make_shared<FetchCall>(services, context, request, std::move(reply));
  call->AddTargets(request);
  call->ReadAll();
}

FetchCall::FetchCall(const Services& services, const RequestContext& context,
                     const kafka::FetchRequest& request, Reply<kafka::FetchResponse> reply)
    : services_(services),
      context_(context),
      reply_(std::move(reply)),
      response_(MakeErrorResponse(request, KafkaError::kNone)),
      isolation_(request.isolation_level == 1 ? Isolation::kReadCommitted
                                              : Isolation::kReadUncommitted),
      bytes_max_(
          std::min(NotNegative(request.max_bytes), NotNegative(services.settings.fetch_bytes_max))),
      bytes_min_(std::min(NotNegative(request.min_bytes), bytes_max_)),
      deadline_(services.loop->Now() +
                std::chrono::milliseconds(std::max(request.max_wait_ms, 0))) {}

void FetchCall::AddTargets(const kafka::FetchRequest& request) {
  const auto image = services_.metadata->Image();
  const bool by_id = context_.version >= kTopicIdsFirstVersion;
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& asked = request.topics[t];
    const auto topic = by_id ? image->FindTopic(asked.topic_id) : image->FindTopic(asked.topic);
    KafkaError error = KafkaError::kNone;
    if (topic == nullptr) {
      error = by_id ? KafkaError::kUnknownTopicId : KafkaError::kUnknownTopicOrPartition;
    }
    for (std::size_t p = 0; p < asked.partitions.size(); ++p) {
      const auto& partition = asked.partitions[p];
      Target& target = targets_.emplace_back();
      target.topic = topic != nullptr ? topic->id : Uuid{};
      target.error = error;
      target.partition = partition.partition;
      target.leader_epoch = partition.current_leader_epoch;
      target.offset = partition.fetch_offset;
      target.bytes_max = NotNegative(partition.partition_max_bytes);
      target.out = &response_.responses[t].partitions[p];
    }
  }
}

void FetchCall::ReadAll() {
  reading_ = 0;
  bytes_read_ = 0;
  bytes_grown_ = 0;
  is_parked_ = false;
  must_answer_ = changed_ || targets_.empty() || services_.loop->Now() >= deadline_;
  places_.clear();
  ReadOn();
}

// One partition after the other, because each takes from what is left of max_bytes. A read that
// completes inside the call goes on in this loop, any other in OnRead.
void FetchCall::ReadOn() {
  in_read_on_ = true;
  while (!finished_ && reading_ < targets_.size()) {
    read_done_ = false;
    ReadOne(targets_[reading_]);
    if (!read_done_) break;
    ++reading_;
  }
  in_read_on_ = false;
  if (!finished_ && reading_ == targets_.size()) OnAllRead();
}

void FetchCall::ReadOne(Target& target) {
  if (target.error != KafkaError::kNone) return Refuse(target, target.error);
  const auto topic = services_.metadata->Image()->FindTopic(target.topic);
  if (topic == nullptr) return Refuse(target, KafkaError::kUnknownTopicOrPartition);
  const Replica replica = FindReplica(services_, *topic, target.partition);
  if (replica.error != KafkaError::kNone) return Refuse(target, replica.error);
  const PartitionStatus status = replica.partition->Status();
  const bool may_read =
      status.leads || (status.readable && context_.version >= kAnyReplicaFirstVersion);
  if (!may_read) return Refuse(target, KafkaError::kNotLeaderOrFollower);
  const KafkaError epoch = CheckLeaderEpoch(target.leader_epoch, status.leader_epoch);
  if (epoch != KafkaError::kNone) return Refuse(target, epoch);
  if (!must_answer_) replica.partition->waiters().Join(places_.emplace_back(this));
  const std::size_t left = bytes_max_ - std::min(bytes_max_, bytes_read_);
  replica.partition->Read({.offset = target.offset,
                           .bytes_max = std::min(target.bytes_max, left),
                           .first_batch_whole = bytes_read_ == 0,
                           .isolation = isolation_},
                          [self = shared_from_this(), &target](ReadResult result) {
                            self->OnRead(target, std::move(result));
                          });
}

void FetchCall::OnRead(Target& target, ReadResult result) {
  if (finished_) return;
  if (result.error != KafkaError::kNone) {
    Refuse(target, result.error);
  } else {
    target.out->error_code = KafkaError::kNone;
    bytes_read_ += TotalSize(result.records);
    target.out->records = std::move(result.records);
    read_done_ = true;
  }
  target.out->high_watermark = result.high_watermark;
  target.out->last_stable_offset = result.last_stable_offset;
  target.out->log_start_offset = result.log_start_offset;
  target.out->aborted_transactions.reset();
  if (isolation_ == Isolation::kReadCommitted) target.out->aborted_transactions.emplace();
  if (in_read_on_) return;
  ++reading_;
  ReadOn();
}

void FetchCall::Refuse(Target& target, KafkaError error) {
  if (error == KafkaError::kKafkaStorageError && context_.version < kStorageErrorFirstVersion) {
    error = KafkaError::kNotLeaderOrFollower;
  }
  target.out->error_code = error;
  target.out->records = Slices{};
  const bool has_hint =
      error == KafkaError::kNotLeaderOrFollower || error == KafkaError::kFencedLeaderEpoch;
  if (has_hint && context_.version >= kHintsFirstVersion) {
    AddLeaderHint(services_, context_, services_.leadership->Find(target.topic, target.partition),
                  target.out->current_leader, response_.node_endpoints);
  }
  must_answer_ = true;
  read_done_ = true;
}

void FetchCall::OnAllRead() {
  if (must_answer_ || bytes_read_ >= bytes_min_) return Finish();
  if (changed_ || bytes_read_ + bytes_grown_ >= bytes_min_) return ReadAgainSoon();
  is_parked_ = true;
  context_.connection->waiting.Join(connection_place_);
  if (timer_.value == 0) {
    timer_ = services_.loop->RunAt(deadline_, [self = shared_from_this()] { self->OnTimeOver(); });
  }
}

void FetchCall::OnGrown(std::uint64_t bytes) {
  bytes_grown_ += bytes;
  if (KRONIKA_PLANTED("fetch-sleeps-on")) return;
  if (is_parked_ && bytes_read_ + bytes_grown_ >= bytes_min_) ReadAgainSoon();
}

void FetchCall::OnChanged() {
  changed_ = true;
  if (is_parked_) ReadAgainSoon();
}

void FetchCall::Hurry() {
  if (!KRONIKA_PLANTED("fetch-waits-on-memory")) OnChanged();
}

void FetchCall::ReadAgainSoon() {
  is_parked_ = false;
  if (std::exchange(read_is_posted_, true)) return;
  services_.loop->Post([self = shared_from_this()] {
    self->read_is_posted_ = false;
    if (!self->finished_) self->ReadAll();
  });
}

// What was read last is the answer, unless there is more by now.
void FetchCall::OnTimeOver() {
  timer_ = {};
  if (finished_ || !is_parked_) return;
  if (bytes_grown_ == 0) return Finish();
  ReadAgainSoon();
}

void FetchCall::Finish() {
  finished_ = true;
  services_.loop->Cancel(timer_);
  places_.clear();
  connection_place_.Leave();
  reply_(response_);
}

void FetchCall::Drop() {
  // The timer may hold the last reference.
  const auto keep_alive = shared_from_this();
  finished_ = true;
  services_.loop->Cancel(timer_);
  timer_ = {};
  for (auto& place : places_) place.Leave();
}

}  // namespace kronika::broker
