// Kafka's primitive types on the wire: big-endian integers, varints, and length-prefixed text,
// bytes and arrays in their old and their compact ("flexible") form.
//
// Any thread; a Reader and a Writer belong to one. Used by the generated messages and by the record
// codec.
//
// 1. A Reader never reads past its end: the first fault is kept, everything after it reads as zero
//    or empty.
// 2. No length is trusted: it is compared with the bytes that are left before anything is allocated
//    or skipped. Arrays have at most kArrayElementsMax elements and reserve at most
//    kFirstCapacityMax; tagged sections have at most kTagsMax fields.
// 3. SizeCounter and Writer have the same members, so that one function gives the exact size and
//    the bytes.
//
// Source: Kafka protocol guide, "Protocol Primitive Types"; KIP-482 (compact types, tagged fields).
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace kronika::kafka {

inline constexpr std::size_t kArrayElementsMax = 1'000'000;
inline constexpr std::size_t kTagsMax = 10'000;
inline constexpr std::size_t kFirstCapacityMax = 1'000;
inline constexpr std::size_t kTextBytesMax = 32'767;
inline constexpr std::size_t kVarintBytesMax = 5;
inline constexpr std::size_t kVarlongBytesMax = 10;

// Zigzag: small negative numbers become small unsigned ones.
constexpr std::uint32_t ZigZag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
constexpr std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int32_t UnZigZag(std::uint32_t value) {
  return static_cast<std::int32_t>((value >> 1) ^ (~(value & 1) + 1));
}
constexpr std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Bytes that an unsigned varint or varlong takes.
constexpr std::size_t UnsignedVarintSize(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}
constexpr std::size_t VarintSize(std::int32_t value) {
  return UnsignedVarintSize(ZigZag(value));
}
constexpr std::size_t VarlongSize(std::int64_t value) {
  return UnsignedVarintSize(ZigZag(value));
}

// Writes the varint at `to` (which has room for it) and returns the place behind it.
inline std::byte* PutUnsignedVarint(std::byte* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}
inline std::byte* PutVarint(std::byte* to, std::int32_t value) {
  return PutUnsignedVarint(to, ZigZag(value));
}
inline std::byte* PutVarlong(std::byte* to, std::int64_t value) {
  return PutUnsignedVarint(to, ZigZag(value));
}

// How a value with a length is written in the version at hand.
struct Shape {
  bool flexible = false;  // compact lengths
  bool nullable = false;  // null is allowed
};

class Reader {
 public:
  // Slices that are read share `frame`'s block; texts are views into it.
  explicit Reader(Slice frame)
      : frame_(std::move(frame)),
        begin_(frame_.data()),
        at_(begin_),
        end_(begin_ + frame_.size()) {}
  // Slices that are read are copies; texts are views into `bytes`, which must outlive them.
  explicit Reader(Bytes bytes) : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool ok() const { return reason_ == nullptr; }
  // What was wrong first, and where; only when not ok().
  std::string_view reason() const { return reason_ == nullptr ? std::string_view{} : reason_; }
  std::size_t fault_position() const { return fault_position_; }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  // Tagged fields that this code does not know and therefore skipped.
  std::size_t unknown_tags() const { return unknown_tags_; }
  const Slice& frame() const { return frame_; }

  template <std::integral T>
  T Int() {
    if (left() < sizeof(T)) [[unlikely]] {
      Fail("the bytes end inside an integer");
      return T{};
    }
    const T value = LoadBe<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  bool Bool() { return Int<std::int8_t>() != 0; }
  double Float64() { return std::bit_cast<double>(Int<std::uint64_t>()); }
  Uuid Id();
  std::uint32_t UnsignedVarint();
  std::uint64_t UnsignedVarlong();
  std::int32_t Varint() { return UnZigZag(UnsignedVarint()); }
  std::int64_t Varlong() { return UnZigZag(UnsignedVarlong()); }
  // The next `count` bytes as they are.
  Bytes Take(std::size_t count);

  // Values with a length. Null where `shape` does not allow it is a fault.
  std::string_view Text(bool flexible) {
    return NullableText({flexible, false}).value_or(std::string_view{});
  }
  std::optional<std::string_view> NullableText(Shape shape);
  Slice Blob(bool flexible) { return NullableBlob({flexible, false}).value_or(Slice{}); }
  std::optional<Slice> NullableBlob(Shape shape);
  // The number of elements of an array; nothing when it is null.
  std::optional<std::size_t> ArraySize(Shape shape);
  // Whether a struct that may be null is there (a signed byte: below 0 is null).
  bool Present() { return Int<std::int8_t>() >= 0; }

  // read(Reader&, T&) is called for each element.
  template <class T, class Read>
  void Array(std::vector<T>& out, Shape shape, Read read) {
    out.clear();
    const std::size_t count = ArraySize(shape).value_or(0);
    out.reserve(count < kFirstCapacityMax ? count : kFirstCapacityMax);
    for (std::size_t i = 0; i < count && ok(); ++i) read(*this, out.emplace_back());
  }
  template <class T, class Read>
  void Array(std::optional<std::vector<T>>& out, Shape shape, Read read) {
    out.reset();
    const std::optional<std::size_t> count = ArraySize(shape);
    if (!count) return;
    out.emplace().reserve(*count < kFirstCapacityMax ? *count : kFirstCapacityMax);
    for (std::size_t i = 0; i < *count && ok(); ++i) read(*this, out->emplace_back());
  }

  // A section of tagged fields: read(tag) returns whether it knew the tag and read its field, which
  // then must fill the declared size exactly. Tags must rise.
  template <class Read>
  void Tags(Read read) {
    const std::uint32_t count = TagCount();
    std::int64_t previous = -1;
    for (std::uint32_t i = 0; i < count && ok(); ++i) {
      const std::uint32_t tag = UnsignedVarint();
      const std::byte* outer = EnterTag(tag, previous);
      if (!ok()) return;
      previous = tag;
      LeaveTag(outer, read(tag));
    }
  }

  // Called last: bytes that nobody read are a fault.
  void ExpectEnd();
  void Fail(const char* reason);

 private:
  std::int64_t Length(Shape shape, bool short_form);
  std::uint32_t TagCount();
  const std::byte* EnterTag(std::uint32_t tag, std::int64_t previous);
  void LeaveTag(const std::byte* outer, bool known);

  Slice frame_;
  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  const char* reason_ = nullptr;
  std::size_t fault_position_ = 0;
  std::size_t unknown_tags_ = 0;
};

// What both outputs share: everything is built from Raw, Int and Attach of the derived class.
template <class Derived>
class Output {
 public:
  void Bool(bool value) { self().Int(static_cast<std::int8_t>(value)); }
  void Float64(double value) { self().Int(std::bit_cast<std::uint64_t>(value)); }
  void Id(const Uuid& id) { self().Raw(std::as_bytes(std::span(id.bytes))); }
  void Varint(std::int32_t value) { self().UnsignedVarint(ZigZag(value)); }
  void Varlong(std::int64_t value) { self().UnsignedVarint(ZigZag(value)); }

  // Longer texts are cut at kTextBytesMax: nobody could read them otherwise.
  void Text(std::string_view text, bool flexible) {
    text = text.substr(0, kTextBytesMax);
    if (flexible)
      self().UnsignedVarint(text.size() + 1);
    else
      self().Int(static_cast<std::int16_t>(text.size()));
    self().Raw(AsBytes(text));
  }
  // Nothing, where null is not allowed, is written as an empty value (for all that may be null).
  template <class OptionalText>
  void NullableText(const OptionalText& text, Shape shape) {
    if (text || !shape.nullable)
      return Text(text ? std::string_view(*text) : std::string_view{}, shape.flexible);
    if (shape.flexible)
      self().UnsignedVarint(0);
    else
      self().Int(std::int16_t{-1});
  }
  void Blob(const Slice& bytes, bool flexible) {
    Size(bytes.size(), flexible);
    self().Raw(bytes.bytes());
  }
  void NullableBlob(const std::optional<Slice>& bytes, Shape shape) {
    if (!bytes && shape.nullable) return NullSize(shape.flexible);
    Blob(bytes.value_or(Slice{}), shape.flexible);
  }
  // Records are attached, not copied.
  void Records(const std::optional<Slice>& records, Shape shape) {
    if (!records && shape.nullable) return NullSize(shape.flexible);
    Size(records ? records->size() : 0, shape.flexible);
    if (records) self().Attach(*records);
  }
  void Records(const std::optional<Slices>& records, Shape shape) {
    if (!records && shape.nullable) return NullSize(shape.flexible);
    Size(records ? TotalSize(*records) : 0, shape.flexible);
    if (!records) return;
    for (const Slice& part : *records) self().Attach(part);
  }
  // The length of bytes or an array.
  void Size(std::size_t size, bool flexible) {
    if (flexible)
      self().UnsignedVarint(size + 1);
    else
      self().Int(static_cast<std::int32_t>(size));
  }
  void NullSize(bool flexible) {
    if (flexible)
      self().UnsignedVarint(0);
    else
      self().Int(std::int32_t{-1});
  }
  void Present(bool present) { self().Int(static_cast<std::int8_t>(present ? 1 : -1)); }
  // write(output, element) is called for each element.
  template <class T, class Write>
  void Array(const std::vector<T>& values, Shape shape, Write write) {
    Size(values.size(), shape.flexible);
    for (const T& value : values) write(self(), value);
  }
  template <class T, class Write>
  void Array(const std::optional<std::vector<T>>& values, Shape shape, Write write) {
    if (values) return Array(*values, shape, write);
    if (shape.nullable) return NullSize(shape.flexible);
    Size(0, shape.flexible);
  }
  // One tagged field: write(output) is called for its size and for its bytes.
  template <class Write>
  void Tag(std::uint32_t tag, Write write);

 private:
  Derived& self() { return static_cast<Derived&>(*this); }
};

class SizeCounter : public Output<SizeCounter> {
 public:
  template <std::integral T>
  void Int(T) {
    total_ += sizeof(T);
  }
  void UnsignedVarint(std::uint64_t value) { total_ += UnsignedVarintSize(value); }
  void Raw(Bytes bytes) { total_ += bytes.size(); }
  void Attach(const Slice& bytes) {
    total_ += bytes.size();
    attached_ += bytes.size();
  }
  std::size_t total() const { return total_; }
  // Of these, bytes that are attached and need no room in the writer's block.
  std::size_t attached() const { return attached_; }

 private:
  std::size_t total_ = 0;
  std::size_t attached_ = 0;
};

// Writes into one block of the size that a SizeCounter found.
class Writer : public Output<Writer> {
 public:
  explicit Writer(std::size_t block_bytes)
      : block_(Slice::Allocate(block_bytes)),
        at_(block_.mutable_bytes().data()),
        left_(block_bytes) {}

  template <std::integral T>
  void Int(T value) {
    StoreBe(Room(sizeof(T)), value);
  }
  void UnsignedVarint(std::uint64_t value) {
    PutUnsignedVarint(Room(UnsignedVarintSize(value)), value);
  }
  void Raw(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
  }
  void Attach(const Slice& bytes);
  // The bytes written and attached, in order. A block that is not full is a bug.
  Slices Finish();

 private:
  std::byte* Room(std::size_t size);
  void EndPart();

  Slice block_;
  std::byte* at_;
  std::size_t left_;
  std::size_t part_begin_ = 0;
  Slices parts_;
};

template <class Derived>
template <class Write>
void Output<Derived>::Tag(std::uint32_t tag, Write write) {
  SizeCounter size;
  write(size);
  self().UnsignedVarint(tag);
  self().UnsignedVarint(size.total());
  write(self());
}

// The error of a message that could not be read, with its name, version, cause and position.
Error DecodeError(const Reader& in, std::string_view message, std::int16_t version);

}  // namespace kronika::kafka
