#include "base/rng.h"

#include <sys/random.h>

#include <bit>

#include "base/check.h"

namespace kronika {

std::uint64_t Rng::Below(std::uint64_t n) {
  KRONIKA_CHECK(n > 0);
  // Multiply-shift without the rejection step: the bias is below n / 2^64.
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(Next()) * n >> 64);
}

bool Rng::Chance(double p) {
  return static_cast<double>(Next() >> 11) * 0x1.0p-53 < p;
}

SeededRng::SeededRng(std::uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    word = z ^ z >> 31;
  }
}

std::uint64_t SeededRng::Next() {
  std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
  std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return out;
}

std::uint64_t SystemEntropy() {
  std::uint64_t out = 0;
  KRONIKA_CHECK(::getrandom(&out, sizeof out, 0) == sizeof out, "no entropy from the kernel");
  return out;
}

}  // namespace kronika
