// Makes random messages as bytes from their layouts, without the generated codec: an encoder of its
// own, so that a codec that is wrong twice in the same way is found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "proto/kafka/layout.h"

namespace kronika::kafka {

// A length on the wire, for tests that falsify it.
struct LengthField {
  enum class Form { kInt16, kInt32, kCompact, kTagCount, kTagSize };
  std::size_t position = 0;
  std::size_t width = 0;  // bytes
  Form form = Form::kInt32;
  bool nullable = false;
};

struct MadeMessage {
  std::string bytes;
  std::vector<LengthField> lengths;
};

struct MakerOptions {
  bool unknown_tags = false;  // every tagged section ends with two tags that nobody knows
};

// The same seed makes the same message, with or without unknown tags.
MadeMessage MakeMessage(const MessageLayout& layout, std::int16_t version, std::uint64_t seed,
                        MakerOptions options = {});

// `message` with the length replaced by `value`, in the length's own form.
std::string WithLength(const MadeMessage& message, const LengthField& length, std::int64_t value);

}  // namespace kronika::kafka
