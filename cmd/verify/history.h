// History: what producers were about to write and what they were told. The format is in
// docs/formats.md.
//
// Pure. A batch of records with consecutive sequences is one event. An event `invoke` stands before
// anything is sent; `ack` and `unknown` end it. What has no end is as good as `unknown`: it may be
// stored, once, or not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kronika::verify {

enum class EventKind { kInvoke, kAck, kUnknown };

struct Event {
  EventKind kind = EventKind::kInvoke;
  std::int64_t time_us = 0;  // since 1970
  std::int32_t producer = 0;
  std::int32_t partition = 0;
  std::int64_t first = 0;  // sequences
  std::int64_t last = 0;
  std::int64_t offset = -1;  // ack: of the first record; -1: not told
  bool operator==(const Event&) const = default;
};

struct History {
  std::uint64_t run = 0;
  std::string topic;
  std::map<std::int32_t, std::int64_t> starts;  // by partition: what lies before is not looked at
  std::map<std::int32_t, bool> idempotent;      // by producer
  std::vector<Event> events;
};

// Each with its line end.
std::string HeadLines(const History& history);
std::string ProducerLine(std::int32_t producer, bool idempotent);
std::string EventLine(const Event& event);

// A last line without its end, as a killed writer leaves it, is not looked at. kCorruption names
// the line.
Result<History> ParseHistory(std::string_view text);

}  // namespace kronika::verify
