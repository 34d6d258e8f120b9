// What changed between two images, in the words of those who must act on it.
//
// Called from any thread. Invariant: Diff(a, b) names every topic, group, broker and config in
// which a and b differ, however many records lie between; shared parts are passed over unread, so
// that a small change costs microseconds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "metadata/image.h"

namespace kronika::metadata {

struct TopicChange {
  TopicPtr before;  // null = created
  TopicPtr after;   // null = deleted
};

struct GroupChange {
  PartitionRef before;  // null members = created
  PartitionRef after;   // null members = removed
};

struct Delta {
  std::vector<BrokerId> brokers;  // new, changed or gone; by id
  std::vector<TopicChange>
      topics;  // by topic id; one that was made again under its name appears twice
  std::vector<GroupChange>
      groups;  // created, removed, or with other members or another wish; by topic id, number
  std::vector<std::pair<std::string, std::string>>
      broker_configs;           // (broker id in decimal or empty, name)
  bool metadata_group = false;  // its members or its wish changed
  bool empty() const;
};

Delta Diff(const Image& before, const Image& after);

}  // namespace kronika::metadata
