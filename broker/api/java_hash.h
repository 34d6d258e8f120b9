// Java's String.hashCode, by which Kafka spreads groups and transactional ids over partitions.
//
// Pure; any thread. Source: Kafka's coordinators; java.lang.String.
#pragma once

#include <cstdint>
#include <string_view>

namespace kronika::broker {

// Over the UTF-16 code units of `utf8`; a byte that is not UTF-8 counts as U+FFFD.
std::int32_t JavaHash(std::string_view utf8);

// abs(hash) mod partitions, where the smallest number counts as 0. `partitions` > 0.
std::int32_t PartitionOfText(std::string_view utf8, std::int32_t partitions);

}  // namespace kronika::broker
