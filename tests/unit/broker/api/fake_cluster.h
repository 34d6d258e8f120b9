// FakeCluster: what the handlers need of a broker, in memory: an image, leaders, partitions, an
// admin forwarder.
//
// Partitions answer at once unless a test holds their completions back. One thread; the clock is
// simulated.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "base/sim_loop.h"
#include "broker/dispatcher.h"
#include "broker/group/group_coordinator.h"
#include "broker/topic_creator.h"
#include "proto/kafka/frame.h"

namespace kronika::broker {

// Batches are opaque bytes here; each counts as one offset.
class FakePartition final : public Partition {
 public:
  PartitionStatus Status() const override {
    PartitionStatus out = status;
    out.high_watermark = static_cast<std::int64_t>(batches.size());
    return out;
  }
  void Append(AppendRequest request, AppendDone done) override {
    appended.push_back(request);
    if (hold_appends) {
      held.push_back(std::move(done));
      return;
    }
    if (append_error != KafkaError::kNone) return done({.error = append_error});
    const auto offset = static_cast<std::int64_t>(batches.size());
    Commit(request.batch);
    done({.base_offset = offset, .log_start_offset = 0});
  }
  void Read(ReadRequest request, ReadDone done) override;
  void FindOffset(OffsetQuery query, OffsetDone done) override {
    queries.push_back(query);
    done(answer);
  }
  WaitList& waiters() override { return waiters_; }

  // A batch becomes readable.
  void Commit(Slice batch) {
    const std::size_t bytes = batch.size();
    if (state) {
      if (auto header = wal::ParseBatchHeader(batch.bytes())) state->Apply(batch, *header);
    }
    batches.push_back(std::move(batch));
    waiters_.NotifyAppended(bytes);
  }

  PartitionStatus status{.leads = true, .readable = true, .leader_epoch = 5, .log_start_offset = 0};
  std::unique_ptr<PartitionState> state;  // of a partition of __consumer_offsets
  std::vector<Slice> batches;
  std::vector<AppendRequest> appended;
  std::vector<ReadRequest> reads;
  std::vector<OffsetQuery> queries;
  OffsetAnswer answer{.offset = 7, .timestamp_ms = -1, .leader_epoch = 5};
  KafkaError append_error = KafkaError::kNone;
  KafkaError read_error = KafkaError::kNone;
  bool hold_appends = false;
  std::deque<AppendDone> held;
  bool hold_reads = false;
  std::deque<std::pair<ReadRequest, ReadDone>> held_reads;

 private:
  WaitList waiters_;
};

inline void FakePartition::Read(ReadRequest request, ReadDone done) {
  reads.push_back(request);
  if (hold_reads) {
    held_reads.emplace_back(request, std::move(done));
    return;
  }
  const auto end = static_cast<std::int64_t>(batches.size());
  ReadResult out{.error = read_error,
                 .high_watermark = end,
                 .last_stable_offset = end,
                 .log_start_offset = status.log_start_offset};
  if (request.offset < status.log_start_offset || request.offset > end) {
    out.error = KafkaError::kOffsetOutOfRange;
  }
  std::size_t bytes = 0;
  for (auto i = request.offset; out.error == KafkaError::kNone && i < end; ++i) {
    const Slice& batch = batches[static_cast<std::size_t>(i)];
    const bool whole = request.first_batch_whole && out.records.empty();
    if (bytes + batch.size() > request.bytes_max && !whole) break;
    bytes += batch.size();
    out.records.push_back(batch);
  }
  done(std::move(out));
}

class FakeCluster final : public MetadataView,
                          public LeadershipView,
                          public Partitions,
                          public AdminForwarder {
 public:
  FakeCluster();

  // Three brokers, 1 to 3; this is broker 1.
  Uuid AddTopic(const std::string& name, std::int32_t partitions,
                std::vector<metadata::ConfigValue> configs = {});

  metadata::ImagePtr Image() const override { return image; }
  PartitionLeadership Find(const Uuid& topic, std::int32_t partition) const override {
    const auto found = led.find({topic, partition});
    return found == led.end() ? PartitionLeadership{} : found->second;
  }
  bool IsLive(BrokerId broker) const override { return !down.contains(broker); }
  BrokerId Controller() const override { return BrokerId{2}; }
  Partition* Find(const Uuid& topic, std::int32_t partition) override {
    const auto found = replicas.find({topic, partition});
    return found == replicas.end() ? nullptr : found->second.get();
  }
  void CreateTopics(CreateTopicsCall call,
                    std::move_only_function<void(std::vector<TopicOutcome>)> done) override;
  void DeleteTopics(std::vector<TopicRef> topics, Instant deadline,
                    std::move_only_function<void(std::vector<TopicOutcome>)> done) override;
  void ElectPreferred(std::vector<PartitionId> partitions, Instant deadline,
                      std::move_only_function<void(std::vector<ElectionOutcome>)> done) override;
  void AllocateProducerId(std::move_only_function<void(ProducerIdentity)> done) override;

  FakePartition& At(const Uuid& topic, std::int32_t partition) {
    return *replicas.at({topic, partition});
  }

  // __consumer_offsets, coordinated here.
  Uuid AddOffsetsTopic(std::int32_t partitions);

  // Sends one request through the dispatcher as a frame and waits for the answer.
  template <class Request>
  typename Request::Response Call(const Request& request, std::int16_t version);
  // Sends and does not wait; the outcome appears at the given position of `outcomes`.
  template <class Request>
  std::size_t Send(const Request& request, std::int16_t version);
  std::size_t SendFrame(Slice frame);
  // The answer at that position.
  template <class Request>
  typename Request::Response Answer(std::size_t position, std::int16_t version);

  using Key = std::pair<Uuid, std::int32_t>;

  SeededRng rng{1};
  SimScheduler scheduler{rng};
  SimLoop loop{scheduler};
  metadata::ImagePtr image;
  std::map<Key, PartitionLeadership> led;
  std::map<Key, std::unique_ptr<FakePartition>> replicas;
  std::set<BrokerId> down;
  std::vector<CreateTopicsCall> created;
  std::vector<TopicRef> deleted;
  // What is asked for, and what becomes of it; without an entry it is elected.
  std::vector<PartitionId> elected;
  Instant election_deadline;
  std::map<PartitionId, KafkaError> election_errors;
  KafkaError create_error = KafkaError::kNone;
  std::int64_t next_producer_id = 1000;

  TopicCreator creator;
  std::unique_ptr<GroupCoordinator> groups;
  Services services;
  std::unique_ptr<Dispatcher> dispatcher;
  net::Peer peer{.id = 1, .address = "127.0.0.1:5", .host = "127.0.0.1", .listener = "PLAINTEXT"};
  std::vector<std::optional<net::Outcome>> outcomes;
  std::string client_id = "tests";

 private:
  void ApplyRecord(metadata::Record record);

  std::uint64_t last_index_ = 0;
  std::uint32_t last_group_ = 0;
  std::uint8_t last_topic_ = 0;
};

template <class Request>
std::size_t FakeCluster::Send(const Request& request, std::int16_t version) {
  return SendFrame(Flatten(kafka::EncodeRequest(
      request, {.version = version, .correlation_id = 77, .client_id = client_id})));
}

template <class Request>
typename Request::Response FakeCluster::Answer(std::size_t position, std::int16_t version) {
  const auto& outcome = outcomes.at(position);
  KRONIKA_CHECK(outcome.has_value(), "no answer yet");
  KRONIKA_CHECK(outcome->kind == net::Outcome::Kind::kReply, "not a reply");
  auto frame =
      kafka::SplitResponse(Flatten(outcome->bytes), kafka::GetApi(Request::kApiKey), version);
  KRONIKA_CHECK(frame.has_value() && frame->header.correlation_id == 77);
  auto response = Request::Response::Decode(frame->body, version);
  KRONIKA_CHECK(response.has_value());
  return std::move(*response);
}

template <class Request>
typename Request::Response FakeCluster::Call(const Request& request, std::int16_t version) {
  const std::size_t position = Send(request, version);
  scheduler.RunUntilTrue([&] { return outcomes[position].has_value(); }, std::chrono::minutes(1));
  return Answer<Request>(position, version);
}

}  // namespace kronika::broker
