// See siphash.h.
#include "base/siphash.h"

#include <bit>

#include "base/bytes.h"

namespace kronika {
namespace {

constexpr int kRoundsPerWord = 2;
constexpr int kRoundsAtEnd = 4;

struct State {
  std::uint64_t v0, v1, v2, v3;

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0, v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1, v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2, v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  }
  void Take(std::uint64_t word) {
    v3 ^= word;
    Rounds(kRoundsPerWord);
    v0 ^= word;
  }
  std::uint64_t Output() const { return v0 ^ v1 ^ v2 ^ v3; }
};

}  // namespace

Hash128 SipHash128(const SipSeed& seed, Bytes bytes) {
  State state{seed.first ^ 0x736f6d6570736575, seed.second ^ 0x646f72616e646f6d ^ 0xee,
              seed.first ^ 0x6c7967656e657261, seed.second ^ 0x7465646279746573};
  const auto size = static_cast<std::uint64_t>(bytes.size());
  for (; bytes.size() >= 8; bytes = bytes.subspan(8))
    state.Take(LoadLe<std::uint64_t>(bytes.data()));
  std::uint64_t last = size << 56;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    last |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  state.Take(last);
  state.v2 ^= 0xee;
  state.Rounds(kRoundsAtEnd);
  const std::uint64_t low = state.Output();
  state.v1 ^= 0xdd;
  state.Rounds(kRoundsAtEnd);
  return {low, state.Output()};
}

}  // namespace kronika
