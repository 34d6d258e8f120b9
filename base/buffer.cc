#include "base/buffer.h"

#include <new>

#include "base/check.h"

namespace kronika {

struct Slice::Block {
  std::atomic<std::uint32_t> references{1};
  std::size_t size = 0;
  std::size_t alignment = 16;
  std::size_t header = 0;  // distance from the allocation's start to the first byte
};

Slice Slice::Allocate(std::size_t size, std::size_t alignment) {
  if (alignment < alignof(Block)) alignment = alignof(Block);
  std::size_t header = (sizeof(Block) + alignment - 1) / alignment * alignment;
  auto* memory =
      static_cast<std::byte*>(::operator new(header + size, std::align_val_t(alignment)));
  Slice out;
  out.block_ = new (memory) Block;
  out.block_->size = size;
  out.block_->alignment = alignment;
  out.block_->header = header;
  out.data_ = memory + header;
  out.size_ = size;
  return out;
}

Slice Slice::CopyOf(Bytes bytes) {
  Slice out = Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(out.data_, bytes.data(), bytes.size());
  return out;
}

void Slice::Retain() noexcept {
  if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
}

void Slice::Release() noexcept {
  if (!block_ || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  auto alignment = std::align_val_t(block_->alignment);
  block_->~Block();
  ::operator delete(static_cast<void*>(block_), alignment);
}

Slice Slice::Sub(std::size_t position, std::size_t size) const {
  KRONIKA_CHECK(position <= size_ && size <= size_ - position);
  Slice out(*this);
  out.data_ += position;
  out.size_ = size;
  return out;
}

std::size_t Slice::block_size() const {
  return block_ ? block_->size : 0;
}

std::size_t TotalSize(const Slices& slices) {
  std::size_t out = 0;
  for (const auto& slice : slices) out += slice.size();
  return out;
}

Slice Flatten(const Slices& slices) {
  if (slices.size() == 1) return slices.front();
  Slice out = Slice::Allocate(TotalSize(slices));
  std::size_t at = 0;
  for (const auto& slice : slices) {
    if (!slice.empty()) std::memcpy(out.mutable_bytes().data() + at, slice.data(), slice.size());
    at += slice.size();
  }
  return out;
}

}  // namespace kronika
