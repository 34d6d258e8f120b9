// What is wrong with a cluster: a pure function of what the cluster says of itself and of who
// answers. A broker that was just killed is still named, leads and counts as in sync until the
// others have noticed; that it does not answer counts here at once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cmd/client/cluster.h"

namespace kronika::cmd {

struct HealthView {
  client::ClusterInfo info;
  std::set<std::int32_t> silent;  // brokers that the cluster names and that do not answer
  std::map<std::string, std::int32_t> min_in_sync;  // by topic, where it is known
  std::size_t brokers_expected = 0;
};

struct PartitionProblem {
  std::string topic;
  std::int32_t partition = 0;
  bool writable = true;  // with acks=all
  std::string text;
};

struct Health {
  std::vector<std::string> reasons;   // a line each; none: healthy
  std::vector<std::int32_t> missing;  // brokers that do not answer, or hold replicas and are gone
  std::vector<PartitionProblem> partitions;
};

Health Judge(const HealthView& view);
// Topics that have a replica which is not in sync: only there the number that must be matters.
std::vector<std::string> TopicsInDoubt(const HealthView& view);

}  // namespace kronika::cmd
