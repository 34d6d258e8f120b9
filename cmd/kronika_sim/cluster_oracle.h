// The oracle of the simulated cluster: what was acknowledged, and whether every replica has it,
// once and in order.
//
// Values are "<producer>:<sequence>"; a producer writes one value at a time and repeats it until it
// is acknowledged, so values of one producer must appear in ascending order and at most once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kronika::sim {

struct OracleRecord {
  std::int64_t offset = -1;
  std::string value;
  bool operator==(const OracleRecord&) const = default;
};

class Oracle {
 public:
  void Acknowledged(std::int32_t partition, std::int64_t offset, const std::string& value);
  void Sent(std::int32_t partition, const std::string& value) { ++sent_[partition][value]; }
  // Everything that one replica holds of a partition. Returns what is wrong; empty: nothing.
  std::string CheckReplica(std::int32_t partition, const std::vector<OracleRecord>& records) const;
  std::uint64_t acknowledged() const { return acknowledged_count_; }

 private:
  std::map<std::int32_t, std::map<std::int64_t, std::string>> acknowledged_;
  std::map<std::int32_t, std::map<std::string, std::uint64_t>> sent_;
  std::uint64_t acknowledged_count_ = 0;
};

}  // namespace kronika::sim
