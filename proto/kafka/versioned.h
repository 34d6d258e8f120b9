// Messages that stand in keys, values and blobs behind two bytes that say how to read them: the
// records of __consumer_offsets and what consumers say to each other through their group.
//
// Any thread. A key begins with its record type (kRecordType of the schema), everything else with
// its version.
#pragma once

#include <algorithm>
#include <array>

#include "proto/kafka/wire.h"

namespace kronika::kafka {

namespace versioned {
inline std::array<std::byte, 2> Number(std::int16_t number) {
  std::array<std::byte, 2> bytes;
  StoreBe(bytes.data(), number);
  return bytes;
}
}  // namespace versioned

// The two bytes at the front: a key's record type, a value's version. kCorruption when there are
// fewer.
inline Result<std::int16_t> LeadingNumber(const Slice& bytes) {
  if (bytes.size() < 2) {
    return Fail(ErrorCode::kCorruption, "a versioned message is shorter than two bytes");
  }
  return LoadBe<std::int16_t>(bytes.data());
}

template <class Key>
Slice EncodeKey(const Key& key) {
  return Flatten(key.Encode(Key::kVersionLast, versioned::Number(Key::kRecordType)));
}

template <class Message>
Slice EncodeVersioned(const Message& message, std::int16_t version) {
  return Flatten(message.Encode(version, versioned::Number(version)));
}

// kCorruption when the bytes are of another record type or cannot be read.
template <class Key>
Result<Key> DecodeKey(Slice bytes) {
  const auto type = LeadingNumber(bytes);
  if (!type) return std::unexpected(type.error());
  if (*type != Key::kRecordType) {
    return Fail(ErrorCode::kCorruption, "the key is of another record type");
  }
  return Key::Decode(bytes.Sub(2, bytes.size() - 2), Key::kVersionLast);
}

// kUnsupported for versions that the schema does not have, kCorruption for what cannot be read.
template <class Message>
Result<Message> DecodeVersioned(Slice bytes) {
  const auto version = LeadingNumber(bytes);
  if (!version) return std::unexpected(version.error());
  return Message::Decode(bytes.Sub(2, bytes.size() - 2), *version);
}

// For the consumer protocol, whose later versions only append fields: a later version is read as
// the last one known, and what follows is left aside.
template <class Message>
Result<Message> DecodeVersionedOrLater(Slice bytes) {
  const auto version = LeadingNumber(bytes);
  if (!version) return std::unexpected(version.error());
  Slice body = bytes.Sub(2, bytes.size() - 2);
  if (*version <= Message::kVersionLast) return Message::Decode(std::move(body), *version);
  Reader in(std::move(body));
  Message message;
  message.Read(in, Message::kVersionLast);
  if (!in.ok()) return std::unexpected(DecodeError(in, Message::kName, *version));
  return message;
}

}  // namespace kronika::kafka
