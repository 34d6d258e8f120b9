#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <array>
#include <cstring>

#include "base/check.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace kronika::crc32c {
namespace {

constexpr std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = MakeTable();

}  // namespace

std::uint32_t ExtendPortable(std::uint32_t crc, Bytes bytes) {
  crc = ~crc;
  for (auto byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
  return ~crc;
}

#if defined(__x86_64__)
bool HardwareAvailable() {
  return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) std::uint32_t ExtendHardware(std::uint32_t crc, Bytes bytes) {
  std::uint64_t state = static_cast<std::uint32_t>(~crc);
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
  return ~narrow;
}
#elif defined(__ARM_FEATURE_CRC32)
bool HardwareAvailable() {
  return true;
}

std::uint32_t ExtendHardware(std::uint32_t crc, Bytes bytes) {
  crc = ~crc;
  for (auto byte : bytes) crc = __crc32cb(crc, static_cast<std::uint8_t>(byte));
  return ~crc;
}
#else
bool HardwareAvailable() {
  return false;
}
std::uint32_t ExtendHardware(std::uint32_t crc, Bytes bytes) {
  return ExtendPortable(crc, bytes);
}
#endif

std::uint32_t Extend(std::uint32_t crc, Bytes bytes) {
  // ISA-L's length is an int and its crc is not inverted at either end.
  constexpr std::size_t kStep = 1u << 30;
  crc = ~crc;
  while (!bytes.empty()) {
    auto part = bytes.first(std::min(bytes.size(), kStep));
    auto* start = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.data()));
    crc = crc32_iscsi(start, static_cast<int>(part.size()), crc);
    bytes = bytes.subspan(part.size());
  }
  return ~crc;
}

}  // namespace kronika::crc32c
