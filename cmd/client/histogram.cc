// Histogram; see histogram.h. Values below 32 have a bucket each; above, each doubling is cut into
// 32 equal buckets.
#include "cmd/client/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kronika::client {

std::size_t Histogram::BucketOf(std::uint64_t value) {
  if (value < kBucketsPerDoubling) return value;
  const auto doubling = static_cast<std::size_t>(std::bit_width(value)) - 5;  // from 1
  const std::size_t within = (value >> (doubling - 1)) - kBucketsPerDoubling;
  return std::min(doubling * kBucketsPerDoubling + within, kBuckets - 1);
}

std::uint64_t Histogram::UpperEdge(std::size_t bucket) {
  if (bucket < kBucketsPerDoubling) return bucket;
  const std::size_t doubling = bucket / kBucketsPerDoubling;
  const std::uint64_t within = bucket % kBucketsPerDoubling;
  return ((kBucketsPerDoubling + within + 1) << (doubling - 1)) - 1;
}

void Histogram::Add(std::uint64_t microseconds) {
  ++buckets_[BucketOf(microseconds)];
  ++count_;
  largest_ = std::max(largest_, microseconds);
}

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  largest_ = std::max(largest_, other.largest_);
}

std::uint64_t Histogram::Percentile(double fraction) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) return std::min(UpperEdge(i), largest_);
  }
  return largest_;
}

}  // namespace kronika::client
