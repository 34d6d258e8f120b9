// Checker: a history and what each replica was found to hold → what is wrong.
//
// Pure; used from one thread. Replicas are given one after the other, each between BeginReplica()
// and EndReplica().
// 1. An acknowledged record is in every replica that was read beyond its offset, once, where the
//    acknowledgement said.
// 2. A record without an acknowledgement is in a replica at most once, and only if it was invoked.
// 3. Of one idempotent producer and partition, all records stand in the order of their sequences;
//    of another producer those that were acknowledged do.
// 4. All replicas hold the same record at the same offset. Of three, the one that differs from two
//    is named.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/verify/history.h"

namespace kronika::verify {

enum class FindingKind {
  kLost,        // acknowledged and not there
  kDuplicated,  // there twice
  kReordered,   // behind a later one of its producer
  kUnexpected,  // never invoked, of another partition, or not of this run
  kDamaged,     // the value's checksum or the batch's is wrong
  kMoved,       // at another offset than acknowledged
  kDiverging,   // differs from the other replicas
  kBehind,      // the replica did not come up to the end
  kUnreadable,  // the replica could not be read
};
std::string_view Name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kLost;
  std::int32_t broker = -1;
  std::int32_t partition = 0;
  std::int64_t offset = -1;  // -1: none
  std::string text;
};

struct Findings {
  std::vector<Finding> named;  // at most kNamedMax of each kind
  std::map<FindingKind, std::uint64_t> counts;
  bool empty() const { return counts.empty(); }
};
inline constexpr std::uint64_t kNamedMax = 20;

struct ReplicaRecord {
  std::int64_t offset = 0;
  std::string_view value;
  std::uint32_t digest = 0;  // of everything that replicas must agree on
  bool control = false;      // a marker without a value of ours
};

class Checker {
 public:
  explicit Checker(const History& history);

  void BeginReplica(std::int32_t partition, std::int32_t broker);
  void Add(const ReplicaRecord& record);
  // Everything from the partition's start to `read_to` was read.
  void EndReplica(std::int64_t read_to);
  // What only the reader can find.
  void Report(Finding finding);
  // Compares the replicas; to be called once, at the end.
  Findings Finish();

  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t unknown() const { return invoked_ - acknowledged_; }
  std::uint64_t records_read() const { return records_read_; }

 private:
  static constexpr std::int64_t kNotAcknowledged = -2;
  struct Stream {  // one producer's records for one partition
    bool idempotent = false;
    std::vector<std::int64_t> acknowledged_at;  // by sequence; -1: not told where
    // Of the replica that is read:
    std::vector<std::int64_t> found_at;  // -1: not found
    std::int64_t highest = -1;           // sequence that counts for the order
  };
  struct Copy {  // what one replica holds of a partition
    std::int32_t broker = -1;
    std::int64_t read_to = 0;
    std::vector<std::pair<std::int64_t, std::uint32_t>> digests;  // by rising offset
  };
  using StreamKey = std::pair<std::int32_t, std::int32_t>;  // partition, producer

  void TakeEvent(const Event& event);
  void CheckValue(const ReplicaRecord& record);
  void CheckPlace(const ReplicaRecord& record, std::int64_t sequence, Stream& stream);
  void FindLost(std::int32_t producer, const Stream& stream, std::int64_t read_to);
  void Compare(std::int32_t partition, const std::vector<Copy>& copies);
  Finding At(FindingKind kind, std::int64_t offset, std::string text) const;

  std::uint64_t run_;
  std::map<StreamKey, Stream> streams_;
  std::map<std::int32_t, std::vector<Copy>> copies_;  // by partition
  std::int32_t partition_ = -1;
  std::uint64_t invoked_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t records_read_ = 0;
  Findings findings_;
};

}  // namespace kronika::verify
