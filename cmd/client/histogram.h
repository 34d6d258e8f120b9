// Histogram: latencies in microseconds, kept in buckets of at most 3 % width, so that any number of
// them takes the same memory.
//
// One thread at a time; merge those of several threads.
#pragma once

#include <array>
#include <cstdint>

namespace kronika::client {

class Histogram {
 public:
  void Add(std::uint64_t microseconds);
  void Merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t largest() const { return largest_; }
  // The value that `fraction` (0 to 1) of all are not above, at the upper edge of its bucket; 0
  // without values.
  std::uint64_t Percentile(double fraction) const;

 private:
  static constexpr std::size_t kBucketsPerDoubling = 32;
  static constexpr std::size_t kBuckets = kBucketsPerDoubling * 60;
  static std::size_t BucketOf(std::uint64_t value);
  static std::uint64_t UpperEdge(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace kronika::client
