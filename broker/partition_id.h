// PartitionId: a partition by its topic's id. Pure; any thread.
#pragma once

#include <compare>
#include <cstdint>

#include "base/ids.h"

namespace kronika::broker {

struct PartitionId {
  Uuid topic;
  std::int32_t number = 0;
  auto operator<=>(const PartitionId&) const = default;
};

}  // namespace kronika::broker
