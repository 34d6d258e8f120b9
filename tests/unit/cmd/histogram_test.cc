// The histogram of latencies against the values themselves.
//
// Single thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "cmd/client/histogram.h"

namespace kronika::client {
namespace {

TEST(Histogram, PercentilesAreAtMostThreePercentTooHigh) {
  SeededRng rng(1);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    const auto value = rng.Below(std::uint64_t{1} << (1 + rng.Below(40)));
    values.push_back(value);
    histogram.Add(value);
  }
  std::ranges::sort(values);
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * 20000.0)) - 1;
    EXPECT_GE(histogram.Percentile(fraction), values[rank]) << fraction;
    EXPECT_LE(static_cast<double>(histogram.Percentile(fraction)),
              static_cast<double>(values[rank]) * 1.04)
        << fraction;
  }
}

TEST(Histogram, MergedIsAsAddedToOne) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::uint64_t i = 0; i < 100; ++i) {
    (i % 3 == 0 ? one : other).Add(i * i);
    both.Add(i * i);
  }
  one.Merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.largest(), both.largest());
  EXPECT_EQ(one.Percentile(0.5), both.Percentile(0.5));
  EXPECT_EQ(Histogram().Percentile(0.99), 0U);
}

}  // namespace
}  // namespace kronika::client
