// Swarm: the members of many consumer groups, each on a connection of its own, in one thread.
//
// Frames are Kafka's own (proto/kafka), so any broker of Kafka's protocol will do. Members join
// with protocol type "consumer"; the leader of a group gives everybody one partition. A group is
// stable once all its members have the assignment of one generation, and the swarm once every group
// still is after a round of heartbeats.
// Source: Kafka protocol guide, "JoinGroup" to "OffsetCommit".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/client/cluster.h"
#include "cmd/client/histogram.h"

namespace kronika::bench {

struct SwarmOptions {
  std::vector<HostPort> brokers;
  std::string prefix = "swarm-";  // of the groups' names
  std::string topic;              // exists; offsets of its partitions are committed
  std::int32_t partitions = 1;
  std::size_t groups = 1;
  std::size_t members = 1;  // of each group
  double stable_seconds_max = 120;
  double commit_seconds = 0;  // 0: no offsets are committed
  // So many members commit at a time, each one offset after the other.
  std::size_t committers = 64;
};

struct SwarmResult {
  std::string error;  // empty: all groups became stable and every commit was taken
  double connect_seconds = 0;
  double stable_seconds = 0;    // from the first join until the last group was stable
  client::Histogram stable;     // of the groups: from the first join until it was stable
  std::int32_t generation = 0;  // the highest
  std::uint64_t commits = 0;
  double commits_per_second = 0;
  client::Histogram commit;  // latency
};

SwarmResult RunSwarm(const SwarmOptions& options);

}  // namespace kronika::bench
