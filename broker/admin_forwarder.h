// AdminForwarder: changes of the cluster that a client asks for. Any broker takes them; they are
// carried to the metadata leader and committed there.
//
// Called on the broker's loop; completions run there, never inside the call, with the same number
// of results in the same order as was asked for. Source: Kafka's CreateTopics, DeleteTopics,
// InitProducerId, ElectLeaders, IncrementalAlterConfigs; DESIGN part 6.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/loop.h"
#include "base/result.h"
#include "broker/kafka_error.h"
#include "broker/partition_id.h"

namespace kronika::broker {

struct TopicSpec {
  std::string name;
  std::int32_t partitions = -1;          // -1 = the broker's default
  std::int16_t replication_factor = -1;  // -1 = the broker's default
  // By partition number; empty = the controller places the replicas. Then both counts are -1.
  std::vector<std::vector<BrokerId>> assignment = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> configs = {};
};

struct CreateTopicsCall {
  std::vector<TopicSpec> topics;
  bool validate_only = false;
  Instant deadline = {};
};

struct TopicOutcome {
  KafkaError error = KafkaError::kNone;
  std::string text = {};  // for people, with an error
  std::string name = {};
  Uuid id = {};
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};

// One of the two is set.
struct TopicRef {
  std::string name = {};
  Uuid id = {};
};

struct ElectionOutcome {
  KafkaError error = KafkaError::kNone;
  std::string text = {};  // for people, with an error
};

struct ProducerIdentity {
  KafkaError error = KafkaError::kNone;
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

class AdminForwarder {
 public:
  virtual ~AdminForwarder() = default;
  // Completes when the records are applied on this broker and every partition has a leader known
  // here; at the deadline with success if they are committed, else with kRequestTimedOut.
  virtual void CreateTopics(CreateTopicsCall call,
                            std::move_only_function<void(std::vector<TopicOutcome>)> done) = 0;
  virtual void DeleteTopics(std::vector<TopicRef> topics, Instant deadline,
                            std::move_only_function<void(std::vector<TopicOutcome>)> done) = 0;
  // Lets the first replica of each partition's assignment lead it. Completes when all do as far as
  // this broker knows, or cannot; at the deadline with kRequestTimedOut for those that do not yet.
  virtual void ElectPreferred(std::vector<PartitionId> partitions, Instant deadline,
                              std::move_only_function<void(std::vector<ElectionOutcome>)> done) = 0;
  // A fresh producer id with epoch 0, from a block of this broker's.
  virtual void AllocateProducerId(std::move_only_function<void(ProducerIdentity)> done) = 0;
};

}  // namespace kronika::broker
