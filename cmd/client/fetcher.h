// Reading records: one Fetch to one broker, and a reader that follows the leaders of a topic.
//
// One thread at a time.
// Source: Kafka protocol guide, "Fetch"; KIP-392 for reading from a follower.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cmd/client/cluster.h"
#include "wal/record_batch.h"
#include "wal/record_reader.h"

namespace kronika::client {

struct FetchFrom {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

struct FetchCall {
  std::string topic;
  Uuid topic_id;  // zero: the cluster is older than topic ids
  std::vector<FetchFrom> partitions;
  std::int32_t bytes_max = 8 << 20;
  std::int32_t partition_bytes_max = 1 << 20;
  std::int32_t bytes_min = 1;
  Milliseconds wait_max{500};
};

struct Fetched {
  std::int32_t partition = 0;
  kafka::KafkaError error = kafka::KafkaError::kNone;
  std::int64_t high_watermark = -1;
  std::int64_t log_start_offset = -1;
  Slice records;
};

// Versions from 11 on, which followers answer.
Status SendFetch(Connection& connection, const FetchCall& call, Moment deadline);
Result<std::vector<Fetched>> ReceiveFetch(Connection& connection, Moment deadline);

using OnRecord = std::function<void(const wal::BatchHeader&, const wal::RecordView&)>;
struct RecordsRead {
  std::int64_t next_offset = 0;  // where to go on
  std::uint64_t records = 0;
};
// Every record of `records` from offset `from` on; an incomplete batch at the end is left.
// kCorruption: a batch's checksum or shape is wrong; `where` has its offset.
Result<RecordsRead> ReadRecords(const Slice& records, std::int64_t from, const OnRecord& on_record);

// Follows partitions of one topic through their leaders.
class TopicReader {
 public:
  TopicReader(Cluster& cluster, std::string topic, std::map<std::int32_t, std::int64_t> positions)
      : cluster_(cluster), topic_(std::move(topic)), positions_(std::move(positions)) {}

  using OnPartitionRecord =
      std::function<void(std::int32_t partition, const wal::BatchHeader&, const wal::RecordView&)>;
  // One Fetch to each leader, and all that came. Where a leader moved, or brokers went away, the
  // next round asks again; other errors are returned.
  Status Round(const OnPartitionRecord& on_record);

  const std::map<std::int32_t, std::int64_t>& positions() const { return positions_; }
  // As far as was told; a partition without an entry was not answered yet.
  const std::map<std::int32_t, std::int64_t>& high_watermarks() const { return high_watermarks_; }
  std::uint64_t bytes() const { return bytes_; }
  // Why some partition could not be read in any round of the last `patience`; none: all could.
  std::optional<Error> StuckFor(Milliseconds patience) const;

  FetchCall limits;  // sizes and waiting; topic and partitions are set by Round()

 private:
  Status Take(const Fetched& fetched, const OnPartitionRecord& on_record);
  void Trouble(Error why);
  Status NobodyTells(Error why);
  void LoseLeader(std::int32_t leader, const Error& why);
  void EndRound();
  void AskAgainLater();
  std::map<std::int32_t, FetchCall> ByLeader() const;

  Cluster& cluster_;
  std::string topic_;
  std::map<std::int32_t, std::int64_t> positions_;
  std::map<std::int32_t, std::int64_t> high_watermarks_;
  TopicInfo info_;
  bool stale_ = true;
  std::uint64_t bytes_ = 0;
  std::optional<Error> trouble_;       // of this round, then of the last one
  std::optional<Moment> stuck_since_;  // the first of the rounds in a row that had trouble
};

}  // namespace kronika::client
