// Reading every replica of a topic, each from its own broker, into a Checker.
//
// One thread. A follower answers a Fetch of version 11 or later with committed records up to its
// high watermark (KIP-392). What cannot be read is repeated until `settle` is over, then reported.
#pragma once

#include <cstdint>
#include <functional>

#include "cmd/client/cluster.h"
#include "cmd/verify/checker.h"

namespace kronika::verify {

struct ScanOptions {
  client::Milliseconds settle{
      30'000};  // for a replica to come up to the end, and for a leader to be there
  bool leaders_only = false;
};

struct ScanProgress {
  std::int32_t partition = 0;
  std::int32_t broker = 0;
  std::uint64_t records = 0;
};
using OnProgress = std::function<void(const ScanProgress&)>;

// An error only where nothing can be read at all.
Status ScanReplicas(client::Cluster& cluster, const History& history, const ScanOptions& options,
                    Checker& checker, const OnProgress& on_progress);

}  // namespace kronika::verify
