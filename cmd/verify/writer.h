// Writer: one producer of `kronika verify`, which writes down every batch before it sends it and
// how it ended.
//
// One thread each; what several share is safe for that. An idempotent producer that comes to its
// end (producer.h) is followed by another under a new number; the history knows them as two.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "cmd/client/histogram.h"
#include "cmd/client/producer.h"
#include "cmd/verify/history_file.h"

namespace kronika::verify {

struct WriteOptions {
  client::ClientOptions client;
  client::ProducerOptions producer;
  std::string topic;
  std::uint64_t run = 0;
  std::size_t value_bytes = 256;
  std::size_t batch_records = 10;
  double records_per_second = 0;  // of this writer; 0: as fast as it goes
  client::Moment end{};
};

// What all writers count together; read while they run.
struct WriteCounters {
  std::atomic<std::int32_t> next_producer{0};
  std::atomic<std::uint64_t> acknowledged{0};  // records
  std::atomic<std::uint64_t> unknown{0};
  std::atomic<std::uint64_t> bytes{0};     // acknowledged
  std::atomic<std::uint64_t> repeated{0};  // batches that were sent again
  std::atomic<std::uint64_t> ended_producers{0};
  std::atomic<std::size_t> writers_left{0};
};

class Writer {
 public:
  Writer(WriteOptions options, HistoryFile& history, WriteCounters& counters)
      : options_(std::move(options)), history_(history), counters_(counters) {}
  // Until the end of its time; then until everything is acknowledged or given up.
  void Run();

 private:
  // One producer's life. False: nothing more is to be done.
  bool RunProducer(client::Cluster& cluster);
  void SendBatch(client::Producer& producer, std::int32_t partition);
  void WaitForTurn(client::Producer& producer);

  const WriteOptions options_;
  HistoryFile& history_;
  WriteCounters& counters_;
  std::int32_t number_ = 0;
  std::map<std::int32_t, std::int64_t> next_sequence_;  // by partition
  double records_sent_ = 0;
  client::Moment began_{};
};

}  // namespace kronika::verify
