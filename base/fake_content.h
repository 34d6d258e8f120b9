// FakeContent: the bytes of one file of a FakeDisk, in blocks of 4 KiB, with what is durable and
// what is not yet.
//
// One thread. Every block remembers its durable bytes and each unsynced version that was written
// since; a crash picks among them. A block of zeros takes no memory.
//
// 1. Reads see the newest version of each block.
// 2. MakeDurable(sequence) makes the newest version not younger than `sequence` durable, and
//    forgets older ones.
// 3. A version that a failed sync dropped is never made durable by a later sync, though reads still
//    see it: the kernel marks such pages clean.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/rng.h"

namespace kronika {

// What stands in a block that was allocated but whose bytes never reached the disk. A block below
// the durable end of the file always keeps its old bytes.
enum class MissingBlock { kZero, kStale };

struct CrashOptions {
  double keep_block =
      0.5;  // chance that an unsynced block reached the disk, in any of its unsynced versions
  double keep_size = 0.5;  // chance that an unsynced size did
  double keep_name = 0.5;  // chance that an unsynced creation, renaming or removal did
  MissingBlock missing = MissingBlock::kZero;
  bool tear_blocks = false;  // blocks mix old and new at 512 bytes
};

class FakeContent {
 public:
  using BlockBytes = std::array<std::byte, kBlockBytes>;
  using Block = std::shared_ptr<const BlockBytes>;  // null: zeros

  std::uint64_t size() const { return size_; }
  // Puts `bytes` at `position` as unsynced versions of write number `sequence`.
  void Write(std::uint64_t position, Bytes bytes, std::uint64_t sequence);
  void Read(std::uint64_t position, MutableBytes out) const;  // CHECKed to lie within the size
  void Truncate(std::uint64_t size, std::uint64_t sequence);

  void MakeDurable(std::uint64_t sequence);
  // The same for the blocks of one write only.
  void MakeRangeDurable(std::uint64_t position, std::uint64_t size, std::uint64_t sequence);
  void DropUnsynced();  // a failed sync (invariant 3)

  // Power loss: afterwards everything that is left is durable. `stale` holds blocks for
  // MissingBlock::kStale.
  void Crash(const CrashOptions& options, const std::vector<Block>& stale, Rng& rng);
  // Changes durable and visible bytes alike, as a decaying disk does.
  void Corrupt(std::uint64_t position, std::byte mask);

  std::size_t unsynced_blocks() const;
  void CollectBlocks(std::vector<Block>& out, std::size_t max) const;

 private:
  struct Version {
    std::uint64_t sequence = 0;
    Block bytes;
    bool dropped = false;
  };
  struct BlockState {
    Block durable;
    std::vector<Version> unsynced;
    const Block& newest() const { return unsynced.empty() ? durable : unsynced.back().bytes; }
  };

  void MakeSizeDurable();
  void MakeBlockDurable(BlockState& block, std::uint64_t sequence);
  static Block Mixed(const Block& old_bytes, const Block& new_bytes, Rng& rng);

  std::map<std::uint64_t, BlockState> blocks_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  std::optional<std::uint64_t> shrunk_size_;  // the smallest size since the last sync, if it shrank
  std::uint64_t shrink_sequence_ = 0;
};

}  // namespace kronika
