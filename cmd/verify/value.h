// The value of a record that `kronika verify` writes: who wrote it, where to, its number, and a
// checksum.
//
// Pure. Text, so that any client shows it:
//
//   kv1 <run, 16 hex digits> <producer> <partition> <sequence> <padding> <CRC-32C of all before, 8
//   hex digits>
//
// Sequences count from 0 for each producer and partition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kronika::verify {

struct ValueId {
  std::uint64_t run = 0;
  std::int32_t producer = 0;
  std::int32_t partition = 0;
  std::int64_t sequence = 0;
  bool operator==(const ValueId&) const = default;
};

// At least `bytes` long, and exactly that if the facts fit.
std::string MakeValue(const ValueId& id, std::size_t bytes);
// kNotFound: not such a value at all; kCorruption: its checksum is wrong.
Result<ValueId> ParseValue(std::string_view value);

std::string RunText(std::uint64_t run);

}  // namespace kronika::verify
