// The keys of the Kv store of a data directory: one column family, one prefix per owner. metadata/
// has its own.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace kronika::broker {

inline constexpr std::string_view kPartitionPrefix = "partition/";  // wal::Manifest
inline constexpr std::string_view kCheckpointKey =
    "checkpoint";  // u64 id, u64 journal position; little-endian

// FencedReplica: which replica of this directory answers nothing any more, and why, until it has a
// new incarnation (safety rule A11). u64 incarnation, u32 length, text.
inline constexpr std::string_view kFencedPrefix = "fenced/";

// wal::Manifest of a full install; metadata/ has its own staged ones (staged_installs.h).
inline constexpr std::string_view kStagedPrefix = "staged/";

// What the records of a partition add up to (partition/partition_state.h), by group and
// incarnation: a replica that comes back as a new one begins with nothing.
inline constexpr std::string_view kStatePrefix = "state/";

inline std::string StateKeyPrefix(GroupId group, Incarnation incarnation) {
  return fmt::format("{}{:08x}/{:016x}/", kStatePrefix, group.value, incarnation.value);
}

inline std::string FencedKey(GroupId group) {
  return fmt::format("{}{:08x}", kFencedPrefix, group.value);
}

// Which replica is fenced, and why. Incarnation 0: nothing that was left of it named it.
struct FencedReplica {
  Incarnation incarnation;
  std::string why;
};

inline std::string EncodeFenced(const FencedReplica& fenced) {
  return LeWriter().Int(fenced.incarnation.value).Blob(fenced.why).Take();
}

inline Result<FencedReplica> DecodeFenced(std::string_view value) {
  LeReader in(AsBytes(value));
  FencedReplica out{.incarnation = {in.Int<std::uint64_t>()}, .why = {}};
  out.why = AsText(in.Blob());
  if (in.ok() && in.left() == 0) return out;
  return Fail(ErrorCode::kCorruption, "the record of a fenced replica is malformed", "store");
}

inline Result<GroupId> ParseFencedKey(std::string_view key) {
  GroupId out;
  key.remove_prefix(std::min(key.size(), kFencedPrefix.size()));
  auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), out.value, 16);
  if (error == std::errc{} && end == key.data() + key.size()) return out;
  return Fail(ErrorCode::kCorruption, "a key of a fenced replica is malformed", "store");
}

inline std::string PartitionKey(GroupId group) {
  return fmt::format("{}{:08x}", kPartitionPrefix, group.value);
}

}  // namespace kronika::broker
