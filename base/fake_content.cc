#include "base/fake_content.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/planted.h"

namespace kronika {
namespace {

constexpr std::size_t kSectorBytes = 512;

FakeContent::Block ZeroIsNull(const FakeContent::BlockBytes& bytes) {
  const bool zero = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
  return zero ? nullptr : std::make_shared<const FakeContent::BlockBytes>(bytes);
}

FakeContent::BlockBytes Expand(const FakeContent::Block& block) {
  return block ? *block : FakeContent::BlockBytes{};
}

}  // namespace

void FakeContent::Write(std::uint64_t position, Bytes bytes, std::uint64_t sequence) {
  while (!bytes.empty()) {
    const std::uint64_t number = position / kBlockBytes;
    const std::size_t within = position % kBlockBytes;
    const std::size_t size = std::min(bytes.size(), kBlockBytes - within);
    auto& block = blocks_[number];
    BlockBytes next = Expand(block.newest());
    std::memcpy(next.data() + within, bytes.data(), size);
    block.unsynced.push_back({sequence, ZeroIsNull(next)});
    bytes = bytes.subspan(size);
    position += size;
  }
  size_ = std::max(size_, position);
}

void FakeContent::Read(std::uint64_t position, MutableBytes out) const {
  KRONIKA_CHECK(position <= size_ && out.size() <= size_ - position);
  while (!out.empty()) {
    const std::size_t within = position % kBlockBytes;
    const std::size_t size = std::min(out.size(), kBlockBytes - within);
    auto found = blocks_.find(position / kBlockBytes);
    if (found == blocks_.end() || !found->second.newest()) {
      std::memset(out.data(), 0, size);
    } else {
      std::memcpy(out.data(), found->second.newest()->data() + within, size);
    }
    out = out.subspan(size);
    position += size;
  }
}

void FakeContent::Truncate(std::uint64_t size, std::uint64_t sequence) {
  if (size < size_) {
    // What is cut off reads as zeros when the file grows again, even within the last block.
    for (auto at = blocks_.lower_bound(size / kBlockBytes); at != blocks_.end(); ++at) {
      const std::uint64_t start = at->first * kBlockBytes;
      BlockBytes next = Expand(at->second.newest());
      const std::size_t keep = start >= size ? 0 : size - start;
      std::fill(next.begin() + static_cast<std::ptrdiff_t>(keep), next.end(), std::byte{0});
      at->second.unsynced.push_back({sequence, ZeroIsNull(next)});
    }
    shrink_sequence_ = sequence;
    shrunk_size_ = std::min(size, shrunk_size_.value_or(size));
  }
  size_ = size;
}

void FakeContent::MakeBlockDurable(BlockState& block, std::uint64_t sequence) {
  auto end = std::find_if(block.unsynced.begin(), block.unsynced.end(),
                          [&](const Version& version) { return version.sequence > sequence; });
  if (end == block.unsynced.begin() || std::prev(end)->dropped) return;
  block.durable = std::prev(end)->bytes;
  block.unsynced.erase(block.unsynced.begin(), end);
}

void FakeContent::MakeDurable(std::uint64_t sequence) {
  if (KRONIKA_PLANTED("fake-sync-does-nothing")) return;
  for (auto& [number, block] : blocks_) MakeBlockDurable(block, sequence);
  MakeSizeDurable();
}

void FakeContent::MakeSizeDurable() {
  if (shrunk_size_) {
    for (auto& [number, block] : blocks_) MakeBlockDurable(block, shrink_sequence_);
    shrunk_size_.reset();
  }
  durable_size_ = size_;
}

void FakeContent::MakeRangeDurable(std::uint64_t position, std::uint64_t size,
                                   std::uint64_t sequence) {
  if (KRONIKA_PLANTED("fake-sync-does-nothing")) return;
  auto end = blocks_.upper_bound((position + size) / kBlockBytes);
  for (auto at = blocks_.lower_bound(position / kBlockBytes); at != end; ++at) {
    MakeBlockDurable(at->second, sequence);
  }
  MakeSizeDurable();
}

void FakeContent::DropUnsynced() {
  for (auto& [number, block] : blocks_) {
    for (auto& version : block.unsynced) version.dropped = true;
  }
}

FakeContent::Block FakeContent::Mixed(const Block& old_bytes, const Block& new_bytes, Rng& rng) {
  BlockBytes out = Expand(old_bytes);
  const BlockBytes from = Expand(new_bytes);
  for (std::size_t at = 0; at < kBlockBytes; at += kSectorBytes) {
    if (rng.Chance(0.5)) std::memcpy(out.data() + at, from.data() + at, kSectorBytes);
  }
  return ZeroIsNull(out);
}

void FakeContent::Crash(const CrashOptions& options, const std::vector<Block>& stale, Rng& rng) {
  if (shrunk_size_) {
    if (rng.Chance(options.keep_size)) {
      for (auto& [number, block] : blocks_) MakeBlockDurable(block, shrink_sequence_);
      durable_size_ = std::min(durable_size_, *shrunk_size_);
    } else {
      // A shrinking that is not recorded leaves the old blocks alone; later writes went to others.
      for (auto& [number, block] : blocks_) block.unsynced.clear();
      size_ = durable_size_;
    }
    shrunk_size_.reset();
  }
  for (auto& [number, block] : blocks_) {
    if (block.unsynced.empty()) continue;
    const bool grown = number * kBlockBytes >= durable_size_;
    if (rng.Chance(options.keep_block)) {
      const Block chosen = block.unsynced[rng.Below(block.unsynced.size())].bytes;
      block.durable = options.tear_blocks ? Mixed(block.durable, chosen, rng) : chosen;
    } else if (grown && options.missing == MissingBlock::kStale && !stale.empty()) {
      block.durable = stale[rng.Below(stale.size())];
    }
    block.unsynced.clear();
  }
  std::uint64_t survived = durable_size_;
  if (size_ != durable_size_ && rng.Chance(options.keep_size)) {
    survived = size_;
    // A file that grew by many writes may have recorded any of the sizes on the way.
    if (size_ > durable_size_ && rng.Chance(0.5)) {
      survived = durable_size_ + rng.Below(size_ - durable_size_ + 1);
    }
  }
  Truncate(survived, 0);
  shrunk_size_.reset();
  for (auto& [number, block] : blocks_) {
    block.durable = block.newest();
    block.unsynced.clear();
  }
  std::erase_if(blocks_, [](const auto& item) { return !item.second.durable; });
  durable_size_ = size_;
}

void FakeContent::Corrupt(std::uint64_t position, std::byte mask) {
  auto& block = blocks_[position / kBlockBytes];
  auto flip = [&](Block& bytes) {
    BlockBytes next = Expand(bytes);
    next[position % kBlockBytes] ^= mask;
    bytes = ZeroIsNull(next);
  };
  flip(block.durable);
  for (auto& version : block.unsynced) flip(version.bytes);
}

std::size_t FakeContent::unsynced_blocks() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      blocks_, [](const auto& item) { return !item.second.unsynced.empty(); }));
}

void FakeContent::CollectBlocks(std::vector<Block>& out, std::size_t max) const {
  for (const auto& [number, block] : blocks_) {
    if (out.size() >= max) return;
    if (block.durable) out.push_back(block.durable);
  }
}

}  // namespace kronika
