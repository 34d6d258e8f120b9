// A compacted topic of the simulated cluster: one writer of keys, values and deletions, and what
// every replica must know of them in the end.
//
//   create ─▶ learn its id ─▶ batches, one at a time, each repeated until it is acknowledged
//
// One thread. 1. With one writer that repeats what is not acknowledged the order of all writes is
// known: the model is exact. 2. However replicas compact, and whatever they are installed from: a
// record that is left is the one that was written at its offset; whoever reads one replica from its
// start knows the model's keys and values; a deletion shows for delete.retention.ms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_client.h"
#include "proto/kafka/produce.h"

namespace kronika::sim {

struct KeyedWrite {
  std::int64_t offset = -1;
  std::string key;
  std::optional<std::string> value;  // none: a deletion
  Instant acknowledged;
};

// Takes `batches` apart, from offset `next` on; `next` is behind them then. False: malformed.
bool ParseKeyed(const Slices& batches, std::int64_t& next, std::vector<KeyedWrite>& out);

class SimKeyed {
 public:
  SimKeyed(ClientWorld& world, std::string topic);

  void Start() { Create(); }
  // Writes nothing new; what is under way is repeated until it is acknowledged.
  void Finish() { finishing_ = true; }
  void Stop();
  bool settled() const { return finishing_ && !topic_id_.IsZero() && batch_.empty() && !creating_; }
  LogId log() const { return {topic_id_, 0}; }
  // What is wrong with all that one replica holds; empty: nothing.
  std::string CheckReplica(const std::vector<KeyedWrite>& records, Instant now) const;
  std::string Describe() const;

 private:
  void Create();
  void FindId();
  void AskIdentity();
  void Next();
  void Send();
  void Answered(Result<kafka::ProduceResponse> answer);
  void Later(Duration pause, void (SimKeyed::*next)());

  ClientWorld& world_;
  const std::string topic_;
  SimClient client_;
  const std::int16_t version_;
  const std::int64_t delete_retention_ms_;
  const std::uint64_t keys_;
  Uuid topic_id_;
  bool creating_ = true;
  bool finishing_ = false;
  std::int64_t producer_ = -1;
  std::int16_t epoch_ = -1;
  std::int32_t sequence_ = 0;
  std::uint64_t values_ = 0;
  std::vector<KeyedWrite> batch_;  // under way
  std::vector<KeyedWrite> written_;
  std::string last_failure_;
  TimerId timer_;
};

}  // namespace kronika::sim
