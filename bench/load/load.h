// The load of bench/compare.sh: what a row asks for, what was measured, and the two loads.
//
// 1. Everything of a load runs on the thread that calls it, which also serves librdkafka's
//    callbacks; librdkafka has threads of its own.
// 2. Connecting, metadata and the first record of each partition are not measured.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kronika::bench {

struct LoadOptions {
  std::string bootstrap;
  std::string topic;
  int partitions = 1;
  std::size_t record_bytes = 1024;
  std::int64_t bytes_max = 0;  // produce: no more than these
  double seconds_max = 10;     // produce: no longer than this, and then until all is answered
  bool one_in_flight = false;  // produce: the next record after the answer to the one before
  std::int64_t records = 0;    // consume: in each pass
  int passes = 1;              // consume: from the beginning again, so often
  std::vector<std::pair<std::string, std::string>> settings;  // of librdkafka
};

struct LoadResult {
  std::int64_t records = 0;  // acknowledged or read
  std::int64_t bytes = 0;    // of their values
  std::int64_t failed = 0;   // records with another answer than an acknowledgement
  std::string error;         // the first such answer; not empty also when nothing could be done
  double seconds = 0;
  std::vector<std::uint32_t> latencies_us;  // from the call of produce to the answer
};

// Records of zeros, round robin over the partitions.
LoadResult Produce(const LoadOptions& options);

// Reads each partition from its beginning, `records` in all, `passes` times.
LoadResult Consume(const LoadOptions& options);

}  // namespace kronika::bench
