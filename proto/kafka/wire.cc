// Kafka's primitive types on the wire; see wire.h.
#include "proto/kafka/wire.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "proto/kafka/message.h"

namespace kronika::kafka {

void Reader::Fail(const char* reason) {
  if (reason_ == nullptr) {
    reason_ = reason;
    fault_position_ = position();
  }
  at_ = end_;
}

Uuid Reader::Id() {
  Uuid id;
  const Bytes bytes = Take(id.bytes.size());
  if (bytes.size() == id.bytes.size()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

std::uint32_t Reader::UnsignedVarint() {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kVarintBytesMax; ++i) {
    const auto byte = Int<std::uint8_t>();
    if (i + 1 == kVarintBytesMax && byte > 0x0f) break;
    value |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  Fail("a varint is longer than 32 bits");
  return 0;
}

std::uint64_t Reader::UnsignedVarlong() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kVarlongBytesMax; ++i) {
    const auto byte = Int<std::uint8_t>();
    if (i + 1 == kVarlongBytesMax && byte > 0x01) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  Fail("a varlong is longer than 64 bits");
  return 0;
}

Bytes Reader::Take(std::size_t count) {
  if (count > left()) {
    // The bug is to believe a length: the cursor runs past the end of the frame.
    if (!KRONIKA_PLANTED("decoder-trusts-length")) {
      Fail("a length is larger than the bytes that are left");
      return {};
    }
  }
  const Bytes out(at_, count);
  at_ += count;
  return out;
}

// -1 for null, else a length that is not larger than what is left.
std::int64_t Reader::Length(Shape shape, bool short_form) {
  std::int64_t length = 0;
  if (shape.flexible) {
    length = static_cast<std::int64_t>(UnsignedVarint()) - 1;
  } else {
    length = short_form ? Int<std::int16_t>() : Int<std::int32_t>();
  }
  if (!ok()) return -1;
  if (length < -1) {
    Fail("a length is negative");
  } else if (length == -1 && !shape.nullable) {
    Fail("null where the field may not be null");
  } else if (length > static_cast<std::int64_t>(left()) &&
             !KRONIKA_PLANTED("decoder-trusts-length")) {
    Fail("a length is larger than the bytes that are left");
  }
  return ok() ? length : -1;
}

std::optional<std::string_view> Reader::NullableText(Shape shape) {
  const std::int64_t length = Length(shape, true);
  if (length < 0) return std::nullopt;
  if (length > static_cast<std::int64_t>(kTextBytesMax)) {
    Fail("a text is longer than 32767 bytes");
    return std::nullopt;
  }
  return AsText(Take(static_cast<std::size_t>(length)));
}

std::optional<Slice> Reader::NullableBlob(Shape shape) {
  const std::int64_t length = Length(shape, false);
  if (length < 0) return std::nullopt;
  const std::size_t begin = position();
  const Bytes bytes = Take(static_cast<std::size_t>(length));
  if (frame_.empty()) return Slice::CopyOf(bytes);
  return frame_.Sub(begin, bytes.size());
}

std::optional<std::size_t> Reader::ArraySize(Shape shape) {
  // Every element takes at least one byte, so the bytes that are left bound the count.
  const std::int64_t count = Length(shape, false);
  if (count < 0) return std::nullopt;
  if (count > static_cast<std::int64_t>(kArrayElementsMax)) {
    Fail("an array has more than 1000000 elements");
    return std::nullopt;
  }
  return static_cast<std::size_t>(count);
}

std::uint32_t Reader::TagCount() {
  const std::uint32_t count = UnsignedVarint();
  if (count > kTagsMax) {
    Fail("more than 10000 tagged fields");
    return 0;
  }
  return count;
}

// Narrows the reader to the tag's field and returns the end to go back to.
const std::byte* Reader::EnterTag(std::uint32_t tag, std::int64_t previous) {
  const std::uint32_t size = UnsignedVarint();
  const std::byte* outer = end_;
  if (!ok()) return outer;
  if (static_cast<std::int64_t>(tag) <= previous) {
    Fail("tags are repeated or out of order");
  } else if (size > left()) {
    Fail("a length is larger than the bytes that are left");
  } else {
    end_ = at_ + size;
  }
  return outer;
}

void Reader::LeaveTag(const std::byte* outer, bool known) {
  if (!known) {
    ++unknown_tags_;
    at_ = end_;
  } else if (ok() && at_ != end_) {
    Fail("a tagged field is shorter than its declared size");
  }
  end_ = outer;
  if (!ok()) at_ = end_;
}

void Reader::ExpectEnd() {
  if (ok() && at_ != end_) Fail("bytes are left behind the last field");
}

std::byte* Writer::Room(std::size_t size) {
  KRONIKA_CHECK(size <= left_, "the message is larger than its counted size");
  std::byte* out = at_;
  at_ += size;
  left_ -= size;
  return out;
}

void Writer::EndPart() {
  const auto written = static_cast<std::size_t>(at_ - block_.data());
  if (written > part_begin_) parts_.push_back(block_.Sub(part_begin_, written - part_begin_));
  part_begin_ = written;
}

void Writer::Attach(const Slice& bytes) {
  if (bytes.empty()) return;
  EndPart();
  parts_.push_back(bytes);
}

Slices Writer::Finish() {
  KRONIKA_CHECK(left_ == 0, "the message is smaller than its counted size");
  EndPart();
  return std::move(parts_);
}

Error DecodeError(const Reader& in, std::string_view message, std::int16_t version) {
  return Error{.code = kronika::ErrorCode::kCorruption,
               .text = std::string(in.reason()) + " at byte " + std::to_string(in.fault_position()),
               .where = std::string(message) + " version " + std::to_string(version)};
}

Error UnservedVersion(std::string_view message, std::int16_t version) {
  return Error{.code = kronika::ErrorCode::kUnsupported,
               .text = "the version is not served",
               .where = std::string(message) + " version " + std::to_string(version)};
}

}  // namespace kronika::kafka
