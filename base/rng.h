// Rng: the only source of randomness that code above base may use. Seeded; the same seed gives the
// same sequence on every platform (standard distributions do not, so none is used).
#pragma once

#include <cstdint>

namespace kronika {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual std::uint64_t Next() = 0;
  // Uniform in [0, n); n > 0.
  std::uint64_t Below(std::uint64_t n);
  // True with probability p in [0, 1].
  bool Chance(double p);
};

// xoshiro256** seeded through splitmix64.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed);
  std::uint64_t Next() override;

 private:
  std::uint64_t state_[4];
};

// 64 bits from the operating system; to seed the daemon's SeededRng and to draw UUIDs.
std::uint64_t SystemEntropy();

}  // namespace kronika
