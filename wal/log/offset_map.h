// OffsetMap: the latest offset of each key in a run of records: what compaction keeps is decided by
// it.
//
// Pure; used from one thread at a time. Keys are told apart by a 128-bit hash with a secret seed
// (base/siphash.h), so a key costs 24 bytes however long it is.
// 1. Memory is taken once, at most `bytes_max`; nothing is taken while it is filled.
// 2. A full map refuses new keys and takes newer offsets of the keys that it has. What it covers is
//    then a prefix of the run, and the rest is the next pass's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/siphash.h"

namespace kronika::wal {

class OffsetMap {
 public:
  // For at most `keys_max` keys, fewer if they do not fit into `bytes_max`; room for one at least.
  OffsetMap(SipSeed seed, std::size_t bytes_max, std::size_t keys_max);

  // Offsets of a key come in ascending order. False: the map is full and does not have the key.
  bool Put(Bytes key, std::int64_t offset);
  // -1: not there.
  std::int64_t Find(Bytes key) const;
  std::size_t size() const { return size_; }
  std::size_t keys_max() const { return keys_max_; }
  std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    Hash128 hash;
    std::int64_t offset = -1;  // -1: free
  };
  // The slot of the hash, or the free one where it belongs.
  std::size_t SlotOf(const Hash128& hash) const;

  SipSeed seed_;
  std::size_t keys_max_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace kronika::wal
