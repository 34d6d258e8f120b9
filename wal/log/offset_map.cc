// See offset_map.h.
#include "wal/log/offset_map.h"

#include <algorithm>

namespace kronika::wal {
namespace {

// Of four slots three are used at most, so that a search is short and ends.
constexpr std::size_t kSlotsOf = 4;
constexpr std::size_t kUsedOf = 3;

}  // namespace

OffsetMap::OffsetMap(SipSeed seed, std::size_t bytes_max, std::size_t keys_max) : seed_(seed) {
  const std::size_t fit = bytes_max / sizeof(Slot) / kSlotsOf * kUsedOf;
  keys_max_ = std::max<std::size_t>(1, std::min(keys_max, fit));
  slots_.resize((keys_max_ + kUsedOf - 1) / kUsedOf * kSlotsOf);
}

std::size_t OffsetMap::SlotOf(const Hash128& hash) const {
  std::size_t at = hash.low % slots_.size();
  while (slots_[at].offset >= 0 && slots_[at].hash != hash)
    at = at + 1 < slots_.size() ? at + 1 : 0;
  return at;
}

bool OffsetMap::Put(Bytes key, std::int64_t offset) {
  const Hash128 hash = SipHash128(seed_, key);
  Slot& slot = slots_[SlotOf(hash)];
  if (slot.offset < 0) {
    if (size_ == keys_max_) return false;
    ++size_;
    slot.hash = hash;
  }
  slot.offset = offset;
  return true;
}

std::int64_t OffsetMap::Find(Bytes key) const {
  return slots_[SlotOf(SipHash128(seed_, key))].offset;
}

}  // namespace kronika::wal
