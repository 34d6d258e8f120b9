// The layout of every message as data, and its codec behind one function type: for tests, fuzzing
// and tools that handle messages by key. Not linked into the broker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/kafka/api_info.h"
#include "proto/kafka/wire.h"

namespace kronika::kafka {

enum class Kind { kBool, kInt8, kInt16, kInt32, kInt64, kFloat64, kUuid, kText, kBytes, kStruct };

struct FieldLayout {
  std::string_view name = {};
  Kind kind = Kind::kBool;
  bool array = false;
  VersionRange versions = {0, -1};
  VersionRange nullable = {0, -1};
  int tag = -1;
  bool fixed = false;  // old length form in every version
  std::string_view default_value = {};
  std::span<const FieldLayout> fields = {};  // of kStruct
};

// A message that was read and written again.
struct Recoded {
  Slices bytes;
  std::size_t counted_size = 0;
  std::string json;
};

struct MessageLayout {
  std::string_view name;
  std::int16_t key = -1;  // -1: the header messages
  bool is_request = false;
  VersionRange versions;
  std::int16_t trailing_first = 0;  // from here on bytes behind the message are no error
  std::int16_t flexible_first = 0;
  std::span<const FieldLayout> fields;
  Result<Recoded> (*recode)(Slice bytes, std::int16_t version) = nullptr;
};

// By rising key, each request before its response; the headers last.
std::span<const MessageLayout> MessageLayouts();

template <class Message>
Result<Recoded> Recode(Slice bytes, std::int16_t version) {
  auto message = Message::Decode(std::move(bytes), version);
  if (!message) return std::unexpected(message.error());
  return Recoded{.bytes = message->Encode(version),
                 .counted_size = message->EncodedSize(version),
                 .json = message->ToJson(version)};
}

}  // namespace kronika::kafka
