// What a consumer group of the simulated cluster was told, and whether it fits together.
//
// 1. A generation has one leader and one list of members, in which nobody appears twice; a join
// that is sent after a generation was told is not answered with an earlier one.
// 2. An assignment is the one that the leader of that very generation made for that very member.
// 3. A committed offset never goes back: what is fetched is at least what was acknowledged, or
// fetched, before it was asked for; and it was committed by somebody.
// Each call returns what is wrong; empty: nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kronika::sim {

class GroupOracle {
 public:
  // To be given to Joined: no generation before it may be told any more.
  std::int32_t generation_floor() const { return last_generation_; }
  std::string Joined(std::int32_t floor, std::int32_t generation, const std::string& leader);
  // What the leader is told: identities, which are instances of static members.
  std::string Led(std::int32_t generation, std::vector<std::string> members);
  std::string Assigned(std::int32_t generation, const std::string& identity,
                       const std::string& assignment);
  static std::string MakeAssignment(std::int32_t generation, const std::string& identity,
                                    const std::string& partitions);

  // The next value to commit for a partition; greater than all before.
  std::int64_t NextOffset(std::int32_t partition) { return ++sent_[partition]; }
  void Committed(std::int32_t partition, std::int64_t offset);
  std::int64_t offset_floor(std::int32_t partition) const;
  std::string Fetched(std::int32_t partition, std::int64_t floor, std::int64_t offset);

 private:
  struct Generation {
    std::string leader;
    std::vector<std::string> members;  // empty: not told yet
  };
  std::int32_t last_generation_ = 0;
  std::map<std::int32_t, Generation> generations_;
  std::map<std::int32_t, std::int64_t> sent_, floors_;
};

}  // namespace kronika::sim
