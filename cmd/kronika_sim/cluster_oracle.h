// The oracle of the simulated cluster: what was promised to clients, and whether logs keep it.
//
// Values are "<kind><writer>:<number>". 1. What was acknowledged, or was ever shown to a reader,
// stays at its offset with its leader epoch, on every replica, for as long as its topic lives.
// 2. Logs are dense from 0, every value was sent, and none is there twice.
// 3. Values of one ordered writer (kind 'i') appear in ascending order.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"

namespace kronika::sim {

struct LogId {
  Uuid topic;
  std::int32_t partition = 0;
  auto operator<=>(const LogId&) const = default;
};

struct OracleRecord {
  std::int64_t offset = -1;
  std::int32_t epoch = -1;
  std::string value;
  bool operator==(const OracleRecord&) const = default;
};

class Oracle {
 public:
  void Sent(const std::string& value) { sent_.insert(value); }
  // These return what is wrong; empty: nothing.
  std::string Acknowledged(const LogId& log, std::int64_t offset, const std::string& value);
  std::string Shown(const LogId& log, const OracleRecord& record);
  // Everything that one replica holds.
  std::string CheckReplica(const LogId& log, const std::vector<OracleRecord>& records) const;
  // Behind everything that was acknowledged or shown.
  std::int64_t End(const LogId& log) const;
  // False: it was given before.
  bool TakeProducerId(std::int64_t id) { return producer_ids_.insert(id).second; }
  // The highest leader epoch that was shown; -1: none.
  std::int32_t LastEpoch(const LogId& log) const;
  std::uint64_t acknowledged() const { return acknowledged_count_; }

 private:
  struct Known {
    std::int32_t epoch = -1;  // -1: acknowledged, and not shown yet
    bool acknowledged = false;
    std::string value;
  };
  std::map<LogId, std::map<std::int64_t, Known>> logs_;
  std::set<std::string> sent_;
  std::set<std::int64_t> producer_ids_;
  std::uint64_t acknowledged_count_ = 0;
};

}  // namespace kronika::sim
