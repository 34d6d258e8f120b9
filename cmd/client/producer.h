// Producer: sends record batches to the leaders of one topic's partitions and says of each how it
// ended.
//
// One thread at a time; nothing happens outside Poll() and Flush().
// 1. Batches of one partition are sent in the order of Send(). While one of them waits to be
//    repeated, no other of its partition is under way. An idempotent producer's first batch is
//    acknowledged before the second is sent: a leader that does not know the producer takes
//    whatever sequence comes first, and a first batch that is repeated would come too late.
// 2. An idempotent producer repeats until a batch is acknowledged, is refused for good, or its time
//    is over; a refusal or the end of the time is the end of the producer (Poll() fails), because a
//    gap in the sequences is.
// 3. Without idempotence and with `repeat` false nothing is sent twice, so nothing can be stored
//    twice.
// 4. A failed batch may be stored all the same: the broker's answer may be what was lost.
// 5. Every batch given to Send() is delivered exactly once, at the latest by Abandon(). Source:
//    Kafka protocol guide, "Produce"; KIP-98 for idempotence.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cmd/client/admin.h"
#include "cmd/client/cluster.h"
#include "wal/record_builder.h"

namespace kronika::kafka {
struct ProduceResponse;
}

namespace kronika::client {

struct ProducerOptions {
  std::int16_t acks = -1;
  bool idempotent = true;  // only with acks -1
  bool repeat = true;      // what failed in a way that may heal
  wal::Codec codec = wal::Codec::kNone;
  std::size_t in_flight_max = 5;  // requests to one broker without an answer
  std::size_t request_bytes_max = 1 << 20;
  Milliseconds delivery_timeout{120'000};
};

struct Delivery {
  std::int32_t partition = 0;
  std::uint64_t tag = 0;  // as given to Send()
  std::size_t records = 0;
  std::int64_t base_offset = -1;   // -1: not told (acks 0, or a duplicate that the broker knew)
  std::uint64_t microseconds = 0;  // from Send() to the answer
  std::size_t attempts = 0;
  std::optional<Error> error;  // none: acknowledged
};

class Producer {
 public:
  using OnDelivery = std::function<void(const Delivery&)>;
  Producer(Cluster& cluster, std::string topic, ProducerOptions options, OnDelivery on_delivery);

  // The topic's partitions and, for idempotence, an identity. Before anything else.
  Status Start(Moment deadline);
  const TopicInfo& topic() const { return info_; }

  // Queues one batch; the records are copied. Not after a failed Poll().
  void Send(std::int32_t partition, std::span<const wal::NewRecord> records, std::uint64_t tag);
  // Sends what may be sent and takes what came, waiting for at most `wait`. An error is the end of
  // this producer.
  Status Poll(Milliseconds wait);
  // Until nothing is outstanding.
  Status Flush();
  // Delivers what is outstanding as failed.
  void Abandon(const Error& error);

  std::size_t outstanding() const { return outstanding_; }
  std::size_t outstanding(std::int32_t partition) const;

 private:
  struct Batch {
    std::int32_t partition = 0;
    std::uint64_t tag = 0;
    std::size_t records = 0;
    Slice bytes;
    Moment queued_at{};
    Moment not_before{};
    std::size_t attempts = 0;
    bool in_flight = false;
    bool failed = false;  // once or more, and not acknowledged since
    std::optional<Error> last_error;
  };
  using BatchPtr = std::shared_ptr<Batch>;
  struct PartitionQueue {
    std::deque<BatchPtr> queue;
    std::int32_t next_sequence = 0;
    bool known = false;  // the leader has stored a batch of this producer
  };
  struct Request {
    std::vector<BatchPtr> batches;
    Moment deadline{};
  };

  void Dispatch();
  void RefreshLeaders();
  BatchPtr NextOf(const PartitionQueue& of, Moment now) const;
  std::vector<BatchPtr> CollectFor(std::int32_t broker, Moment now);
  bool SendTo(std::int32_t broker, std::vector<BatchPtr> batches);
  void Await(Moment deadline);
  void Receive(std::int32_t broker);
  void Take(const kafka::ProduceResponse& answer, const Request& request);
  void LoseBroker(std::int32_t broker, const Error& error);
  void EndOverdue();
  Error WhyNotAcknowledged(const Batch& batch) const;
  void Conclude(const BatchPtr& batch, kafka::KafkaError error, std::int64_t base_offset);
  void Failed(const BatchPtr& batch, Error error, bool may_heal);
  void Deliver(const BatchPtr& batch, std::int64_t base_offset, std::optional<Error> error);

  Cluster& cluster_;
  const std::string topic_;
  const ProducerOptions options_;
  const OnDelivery on_delivery_;
  TopicInfo info_;
  ProducerIdentity identity_;
  std::map<std::int32_t, PartitionQueue> queues_;
  std::map<std::int32_t, std::deque<Request>> requests_;  // by broker, oldest first
  bool stale_ = false;
  Moment refresh_at_{};
  std::size_t first_partition_ = 0;  // rotates, so that no partition starves
  std::size_t outstanding_ = 0;
  std::optional<Error> fatal_;
};

}  // namespace kronika::client
