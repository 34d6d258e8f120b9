// The keys of the Kv store of a data directory: one column family, one prefix per owner. metadata/ has its own.
#pragma once

#include <fmt/core.h>

#include <string>

#include "base/ids.h"

namespace kronika::broker {

inline constexpr std::string_view kPartitionPrefix = "partition/";  // wal::Manifest
inline constexpr std::string_view kCheckpointKey =
    "checkpoint";  // u64 id, u64 journal position; little-endian

inline std::string PartitionKey(GroupId group) {
  return fmt::format("{}{:08x}", kPartitionPrefix, group.value);
}

}  // namespace kronika::broker
