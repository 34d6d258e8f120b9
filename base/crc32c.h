// CRC-32C (Castagnoli, reflected, as in iSCSI and in Kafka's record batches).
//
// Three implementations agree in a test: portable (table), hardware (SSE4.2 or ARMv8) and ISA-L,
// which is what Extend() uses where it was linked.
#pragma once

#include <cstdint>

#include "base/buffer.h"

namespace kronika::crc32c {

// Continues `crc` (0 to begin with) over `bytes`.
std::uint32_t Extend(std::uint32_t crc, Bytes bytes);
inline std::uint32_t Value(Bytes bytes) {
  return Extend(0, bytes);
}

std::uint32_t ExtendPortable(std::uint32_t crc, Bytes bytes);
bool HardwareAvailable();
std::uint32_t ExtendHardware(std::uint32_t crc, Bytes bytes);  // only if HardwareAvailable()

}  // namespace kronika::crc32c
