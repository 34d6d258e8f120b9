// Reference-counted bytes. A Slice is a view into a shared block; copying it copies no bytes.
//
// 1. A block's bytes are written only between its allocation and the moment the first copy of the
//    slice leaves its maker (stamping a batch header counts as making); after that they are
//    immutable. Nothing locks.
// 2. The count is atomic: slices cross threads freely.
// 3. A slice charges its *whole* block wherever memory is bounded (block_size()).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kronika {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Slice {
 public:
  Slice() = default;
  // A fresh block of `size` bytes, uninitialised, aligned to `alignment` (a power of two).
  static Slice Allocate(std::size_t size, std::size_t alignment = 16);
  static Slice CopyOf(Bytes bytes);
  static Slice CopyOf(std::string_view text) { return CopyOf(AsBytes(text)); }

  Slice(const Slice& other) noexcept
      : block_(other.block_), data_(other.data_), size_(other.size_) {
    Retain();
  }
  Slice(Slice&& other) noexcept { Swap(other); }
  Slice& operator=(Slice other) noexcept {
    Swap(other);
    return *this;
  }
  ~Slice() { Release(); }

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Bytes bytes() const { return {data_, size_}; }
  std::string_view text() const { return AsText(bytes()); }

  // Only for the maker, before the bytes are shared (invariant 1).
  MutableBytes mutable_bytes() { return {data_, size_}; }

  // [position, position + size) of this slice, sharing the block. Both are CHECKed.
  Slice Sub(std::size_t position, std::size_t size) const;
  std::size_t block_size() const;

 private:
  struct Block;
  void Retain() noexcept;
  void Release() noexcept;
  void Swap(Slice& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  Block* block_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

using Slices = std::vector<Slice>;
std::size_t TotalSize(const Slices& slices);
// One contiguous slice with all bytes of `slices` (no copy when there is only one).
Slice Flatten(const Slices& slices);

}  // namespace kronika
