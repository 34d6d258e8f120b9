// SipHash-2-4 with 128 bits: tells keys apart that a client chose, without keeping them.
//
// Pure, callable from any thread. With a secret seed nobody can make two inputs of one hash, so two
// keys are taken for one with a chance of 2^-128 a pair.
//
// Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF"; the test vectors are
// those of its reference implementation.
#pragma once

#include <cstdint>

#include "base/buffer.h"

namespace kronika {

struct SipSeed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

struct Hash128 {
  std::uint64_t low = 0;  // the first eight bytes of the output, little-endian
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

Hash128 SipHash128(const SipSeed& seed, Bytes bytes);

}  // namespace kronika
