// The records of __consumer_offsets, in Kafka's own format, so that Kafka's formatters read them.
//
//   key                                   value
//   i16 1 or 0, group, topic, partition   i16 version, offset, leader epoch, metadata, time, topic
//   i16 2, group                          i16 version, protocol type, generation, ..., members
//
// Pure. Values are written in version 4 (offsets: the first that has the topic id) and 3 (groups);
// versions 0 to 4 are read. No value: the offset or group is no more.
// Source: Kafka's schemas of these records.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/buffer.h"
#include "base/result.h"
#include "broker/group/stored.h"

namespace kronika::broker {

// A record as it stands in a batch.
struct GroupRecord {
  std::string key;
  std::optional<std::string> value;  // none removes
  bool operator==(const GroupRecord&) const = default;
};

std::string EncodeKey(const GroupKey& key);
std::string EncodeKey(const OffsetKey& key);
std::string EncodeValue(const StoredGroup& group);
std::string EncodeValue(const StoredOffset& offset);

using AnyKey = std::variant<OffsetKey, GroupKey>;
// kUnsupported: a record of another type, which is none of ours; kCorruption.
Result<AnyKey> DecodeKey(Bytes key);
// kUnsupported: a version that is not known; kCorruption.
Result<StoredGroup> DecodeGroup(Bytes value);
Result<StoredOffset> DecodeOffset(Bytes value);

// What a record takes beside its texts, roughly: for bounds.
inline constexpr std::size_t kRecordOverheadBytes = 80;

// For people and scripts: one line.
std::string Describe(const StoredGroup& group);
std::string Describe(const StoredOffset& offset);

}  // namespace kronika::broker
