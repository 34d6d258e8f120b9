// Partition: one replica of a topic-partition as the Kafka handlers see it. Implemented over a Raft
// group and a partition log; by a fake in the handlers' tests.
//
// Everything is called on, and completes on, the partition's loop. Completions may run inside the
// call.
// 1. Append takes batches in call order: their offsets are in that order, and a batch is never
//    accepted over a refused one of the same producer.
// 2. Read gives committed batches only, whole, the first one containing the offset asked for.
// 3. Nothing here waits by polling: a parked fetch is woken through the partition's WaitList
//    (wait_list.h).
//
// Source: decisions D4, D10, D17; safety rules C1, C2, C3, C9; Kafka's produce, fetch and
// list-offsets semantics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/ids.h"
#include "broker/kafka_error.h"
#include "broker/partition/wait_list.h"

namespace kronika::broker {

// Acknowledge never (0), when the leader's own journal has it (1), or when it is committed and
// durable on max(majority, min.insync.replicas) voters (-1).
enum class Acks : std::int8_t { kNone = 0, kLeader = 1, kAll = -1 };

struct AppendRequest {
  // One record batch as the client sent it, with nothing before or behind it. Not validated beyond
  // that: the partition checks it, and may stamp base offset and leader epoch in place.
  Slice batch;
  Acks acks = Acks::kAll;
  // The version of the Produce request; zstd is refused below 7.
  std::int16_t produce_version = 0;
};

// A record that made its batch be refused.
struct RefusedRecord {
  std::int32_t index = 0;  // within the batch
  std::string text;
};

struct AppendResult {
  KafkaError error = KafkaError::kNone;
  std::string text = {};                    // for people, with an error
  std::vector<RefusedRecord> records = {};  // with kInvalidRecord
  std::int64_t base_offset = -1;            // of a duplicate: the offset it got the first time
  std::int64_t log_append_time_ms = -1;     // only with message.timestamp.type=LogAppendTime
  std::int64_t log_start_offset = -1;
  bool may_be_in_log = false;  // with an error: it was appended, and its fate is not known here
};
using AppendDone = std::move_only_function<void(AppendResult)>;

enum class Isolation : std::int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

struct ReadRequest {
  std::int64_t offset = 0;
  std::size_t bytes_max = 0;
  bool first_batch_whole = false;  // give the first batch even if it is larger than bytes_max
  Isolation isolation = Isolation::kReadUncommitted;
};

struct ReadResult {
  KafkaError error =
      KafkaError::kNone;  // kOffsetOutOfRange, kKafkaStorageError, kNotLeaderOrFollower
  std::int64_t high_watermark = -1;
  std::int64_t last_stable_offset = -1;
  std::int64_t log_start_offset = -1;
  Slices records = {};
};
using ReadDone = std::move_only_function<void(ReadResult)>;

struct OffsetQuery {
  enum class Kind {
    kEarliest,  // the log start
    // The others are confirmed by a quorum (safety rule C1).
    kLatest,        // the high watermark, or the last stable offset
    kMaxTimestamp,  // the record with the largest timestamp
    kTimestamp,     // the first record whose timestamp is at least `timestamp_ms`
  };
  Kind kind = Kind::kLatest;
  std::int64_t timestamp_ms = -1;
  Isolation isolation = Isolation::kReadUncommitted;
};

struct OffsetAnswer {
  KafkaError error =
      KafkaError::kNone;     // kOffsetNotAvailable while no quorum confirms; kNotLeaderOrFollower
  std::int64_t offset = -1;  // -1 with no error: no record answers the query
  std::int64_t timestamp_ms = -1;
  std::int32_t leader_epoch = -1;
};
using OffsetDone = std::move_only_function<void(OffsetAnswer)>;

struct PartitionStatus {
  bool leads =
      false;  // leads and has applied an entry of its own term: may append and answer queries
  bool readable =
      false;  // this replica's committed prefix may be read (not while recovering or fenced)
  std::int32_t leader_epoch = -1;
  std::int64_t log_start_offset = -1;
  std::int64_t high_watermark = -1;
  bool begins_to_lead = false;  // elected, and does not serve everything yet
};

class Partition {
 public:
  virtual ~Partition() = default;
  virtual PartitionStatus Status() const = 0;
  // Answers kNotLeaderOrFollower on a replica that does not lead. acks=0 completes when the batch
  // was taken or refused. The caller keeps the time limit.
  virtual void Append(AppendRequest request, AppendDone done) = 0;
  // On any replica that is readable. Does not wait for records; an offset between the high
  // watermark and the log's end is an empty read.
  virtual void Read(ReadRequest request, ReadDone done) = 0;
  // Only on the leader.
  virtual void FindOffset(OffsetQuery query, OffsetDone done) = 0;
  // Where fetches that found too little wait. The partition calls its WaitList when its high
  // watermark or last stable offset moves, and when its leadership, epoch, log start or existence
  // changes.
  virtual WaitList& waiters() = 0;
};

// The replicas of this broker. A Partition pointer is good for the current turn of the loop only.
class Partitions {
 public:
  virtual ~Partitions() = default;
  // Null: this broker has no replica of it (yet).
  virtual Partition* Find(const Uuid& topic, std::int32_t partition) = 0;
};

}  // namespace kronika::broker
