// A simulated producer of one partition.
//
// Idempotent, acks=all: up to five batches in flight. When one fails, those under way are awaited,
// and all that are not acknowledged are sent again in order, until they are: as stock clients do.
// Until its first batch is acknowledged only one is under way, because a leader that does not know
// a producer takes whatever sequence comes first.
// acks=1 without idempotence: every value is sent once; what is not acknowledged stays unknown.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_client.h"
#include "proto/kafka/produce.h"

namespace kronika::sim {

struct ProducerPlan {
  std::string topic;
  Uuid topic_id;
  std::int32_t partition = 0;
  bool idempotent = true;
  // Whether an acknowledgement is a promise to the end: always for acks=all; for acks=1 only with a
  // single replica.
  bool promised = true;
  std::size_t value_bytes_max = 64;
  // A client that begins anew for each batch: not idempotent itself, it gives every batch an id of
  // its own, so that the partition remembers more producers than a record of the journal has room
  // for.
  bool crowd = false;
};

class SimProducer {
 public:
  SimProducer(ClientWorld& world, ProducerPlan plan, std::uint64_t number);

  void Start();
  // Nothing new is begun; what is under way is still repeated until it is acknowledged.
  void Finish() { finishing_ = true; }
  // Nothing is under way, and nothing more will be.
  bool settled() const { return settled_ || (finishing_ && batches_.empty()); }
  std::string Describe() const;
  // The topic is gone for good: what is under way is given up.
  void GiveUp();

 private:
  struct Batch {
    std::int32_t sequence = 0;
    std::vector<std::string> values;
    bool in_flight = false;
    std::uint64_t round = 0;
    std::uint64_t number = 0;  // counts the producer's batches
  };
  using BatchPtr = std::shared_ptr<Batch>;
  void AskIdentity();
  void Pump();
  void SendUnsent();
  BatchPtr NewBatch();
  bool Send(const BatchPtr& batch);
  Slice Build(const Batch& batch);
  void Answered(const BatchPtr& batch, Result<kafka::ProduceResponse> answer);
  void Acknowledge(const BatchPtr& batch, std::int64_t base_offset);
  void Failed(const BatchPtr& batch, const std::string& why);
  void Forget(const BatchPtr& batch);
  void RetryLater();
  bool Quiet() const;

  SimClient client_;
  const ProducerPlan plan_;
  const std::uint64_t number_;
  const std::int16_t version_;
  const std::size_t window_;
  std::int64_t id_ = -1;
  std::int16_t epoch_ = -1;
  std::int32_t next_sequence_ = 0;
  std::uint64_t batches_made_ = 0;
  std::uint64_t next_value_ = 1;
  std::deque<BatchPtr> batches_;  // not acknowledged yet, in order of their sequences
  bool known_ = false;            // the leader has stored a batch of this producer
  bool repeating_ = false;        // something failed: nothing new until all is quiet
  bool waiting_ = false;          // for the pause before a repetition, or for metadata
  bool finishing_ = false;
  bool settled_ = false;
  std::string last_failure_;
  TimerId timer_;
};

}  // namespace kronika::sim
