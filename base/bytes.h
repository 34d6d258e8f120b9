// Reading and writing integers in byte strings. Our own formats are little-endian; Kafka's are
// big-endian.
//
// A reader never reads past its end: the first short read sets ok() to false, and from then on it
// returns zeros. Nothing is allocated from a length that was read before the bytes were seen to be
// there.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

#include "base/buffer.h"

namespace kronika {

template <std::endian Order, std::integral T>
T LoadInt(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (Order != std::endian::native) value = std::byteswap(value);
  return value;
}

template <std::endian Order, std::integral T>
void StoreInt(std::byte* to, T value) {
  if constexpr (Order != std::endian::native) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
T LoadLe(const std::byte* from) {
  return LoadInt<std::endian::little, T>(from);
}
template <std::integral T>
T LoadBe(const std::byte* from) {
  return LoadInt<std::endian::big, T>(from);
}
template <std::integral T>
void StoreLe(std::byte* to, T value) {
  StoreInt<std::endian::little>(to, value);
}
template <std::integral T>
void StoreBe(std::byte* to, T value) {
  StoreInt<std::endian::big>(to, value);
}

// Little-endian cursor for our own formats.
class LeReader {
 public:
  explicit LeReader(Bytes bytes) : left_(bytes) {}
  template <std::integral T>
  T Int() {
    if (left_.size() < sizeof(T)) return Short<T>();
    T value = LoadLe<T>(left_.data());
    left_ = left_.subspan(sizeof(T));
    return value;
  }
  Bytes Take(std::size_t n) {
    if (left_.size() < n) return Short<Bytes>();
    Bytes out = left_.first(n);
    left_ = left_.subspan(n);
    return out;
  }
  // A u32 length and that many bytes.
  Bytes Blob() { return Take(Int<std::uint32_t>()); }
  bool ok() const { return ok_; }
  std::size_t left() const { return left_.size(); }

 private:
  template <class T>
  T Short() {
    ok_ = false;
    left_ = {};
    return T{};
  }
  Bytes left_;
  bool ok_ = true;
};

// Little-endian appender.
class LeWriter {
 public:
  template <std::integral T>
  LeWriter& Int(T value) {
    std::byte raw[sizeof(T)];
    StoreLe(raw, value);
    out_.append(reinterpret_cast<const char*>(raw), sizeof raw);
    return *this;
  }
  LeWriter& Raw(Bytes bytes) {
    out_.append(AsText(bytes));
    return *this;
  }
  LeWriter& Blob(Bytes bytes) {
    Int(static_cast<std::uint32_t>(bytes.size()));
    return Raw(bytes);
  }
  LeWriter& Blob(std::string_view text) { return Blob(AsBytes(text)); }
  std::string& out() { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace kronika
