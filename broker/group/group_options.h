// What may be set about groups, under Kafka's names; see metadata/broker_configs.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kronika::broker {

struct GroupOptions {
  std::int32_t initial_rebalance_delay_ms = 3'000;
  std::int32_t session_timeout_min_ms = 6'000;
  std::int32_t session_timeout_max_ms = 1'800'000;
  std::int32_t members_max = INT32_MAX;  // group.max.size
  std::int64_t offsets_retention_ms = 7LL * 24 * 3600 * 1000;
  std::int64_t offsets_check_interval_ms = 600'000;
  std::size_t metadata_bytes_max = 4096;  // offset.metadata.max.bytes
  // A member that was never part of a generation and waits to join is given up after this time.
  std::int32_t new_member_timeout_ms = 300'000;
  // Until a record that was refused for want of replicas or room is tried again.
  std::int32_t retry_ms = 500;
  // Of one proposal that removes offsets.
  std::size_t removals_per_proposal = 2'000;
  // Of commits that waited and go together: half of what a batch may have, so that nobody's commit
  // is refused because of others'.
  std::size_t commit_bytes_per_proposal = 512 << 10;
};

}  // namespace kronika::broker
