// Strong types for ids: mixing a broker id and a group id does not compile.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace kronika {

// An id that is compared and printed, nothing else.
template <class Tag, class Rep>
struct StrongId {
  Rep value{};
  constexpr auto operator<=>(const StrongId&) const = default;
};

// A position in a sequence: an id that can be advanced and subtracted.
template <class Tag>
struct Ordinal {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Ordinal&) const = default;
  constexpr Ordinal operator+(std::uint64_t n) const { return {value + n}; }
  constexpr Ordinal operator-(std::uint64_t n) const { return {value - n}; }
  constexpr std::uint64_t operator-(Ordinal other) const { return value - other.value; }
  constexpr Ordinal& operator++() {
    ++value;
    return *this;
  }
  constexpr Ordinal& operator--() {
    --value;
    return *this;
  }
};

using BrokerId = StrongId<struct BrokerIdTag, std::int32_t>;  // node id, from 1; -1 = none
using GroupId =
    StrongId<struct GroupIdTag, std::uint32_t>;  // a Raft group; 0 = metadata; never reused
using Index = Ordinal<struct IndexTag>;          // Raft log index, from 1; 0 = before the first
using Term = Ordinal<struct TermTag>;            // Raft term, below 2^31; 0 = none
// The index of the metadata record that placed a replica (SAFETY A4). The founding metadata
// replicas have 0.
using Incarnation = Ordinal<struct IncarnationTag>;
using Generation =
    StrongId<struct GenerationTag, std::uint32_t>;  // raised only by forced recovery (B14); 1 first

inline constexpr BrokerId kNoBroker{-1};
inline constexpr GroupId kMetadataGroup{0};

// 128 random bits; topic ids, directory ids, cluster ids.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  bool IsZero() const { return *this == Uuid{}; }
  // 22 characters of URL-safe base64 without padding, as Kafka prints its Uuid.
  std::string ToString() const;
  static Result<Uuid> Parse(std::string_view text);
};

}  // namespace kronika

template <class Tag, class Rep>
struct std::hash<kronika::StrongId<Tag, Rep>> {
  std::size_t operator()(const kronika::StrongId<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
template <class Tag>
struct std::hash<kronika::Ordinal<Tag>> {
  std::size_t operator()(const kronika::Ordinal<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
template <>
struct std::hash<kronika::Uuid> {
  std::size_t operator()(const kronika::Uuid& id) const noexcept {
    std::uint64_t out = 0;
    for (auto byte : id.bytes) out = out * 1099511628211ULL + byte;
    return out;
  }
};
