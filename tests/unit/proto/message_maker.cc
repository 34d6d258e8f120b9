// Makes random messages as bytes from their layouts; see message_maker.h.
#include "tests/unit/proto/message_maker.h"

#include <algorithm>

namespace kronika::kafka {
namespace {

constexpr std::uint32_t kUnknownTag = 900;

std::string CompactBytes(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string BigEndian(std::uint64_t value, std::size_t width) {
  std::string out;
  for (std::size_t i = width; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}

class Maker {
 public:
  Maker(const MessageLayout& layout, std::int16_t version, Rng& rng, MakerOptions options)
      : version_(version),
        flexible_(version >= layout.flexible_first),
        rng_(rng),
        options_(options) {}

  // `settled`: no field has its default, so that a tagged struct is never left out.
  void Fields(std::span<const FieldLayout> fields, bool settled, MadeMessage& out) {
    std::vector<const FieldLayout*> tagged;
    for (const FieldLayout& field : fields) {
      if (!field.versions.Contains(version_)) continue;
      if (field.tag >= 0) {
        tagged.push_back(&field);
      } else {
        Value(field, settled, out);
      }
    }
    if (flexible_) Tags(tagged, out);
  }

 private:
  void Tags(std::vector<const FieldLayout*> tagged, MadeMessage& out) {
    std::ranges::sort(tagged, {}, &FieldLayout::tag);
    std::erase_if(tagged, [&](const FieldLayout*) { return rng_.Chance(0.4); });
    const std::size_t unknown = options_.unknown_tags ? 2 : 0;
    Compact(tagged.size() + unknown, LengthField::Form::kTagCount, out);
    for (const FieldLayout* field : tagged) {
      MadeMessage inner;
      Value(*field, true, inner);
      Tag(static_cast<std::uint32_t>(field->tag), inner, out);
    }
    for (std::uint32_t i = 0; i < unknown; ++i) Tag(kUnknownTag + i, {.bytes = "unknown"}, out);
  }

  void Tag(std::uint32_t tag, const MadeMessage& inner, MadeMessage& out) {
    out.bytes += CompactBytes(tag);
    Compact(inner.bytes.size(), LengthField::Form::kTagSize, out);
    for (LengthField length : inner.lengths) {
      length.position += out.bytes.size();
      out.lengths.push_back(length);
    }
    out.bytes += inner.bytes;
  }

  void Compact(std::uint64_t value, LengthField::Form form, MadeMessage& out) {
    const std::string bytes = CompactBytes(value);
    out.lengths.push_back({.position = out.bytes.size(), .width = bytes.size(), .form = form});
    out.bytes += bytes;
  }

  void Length(const FieldLayout& field, std::int64_t value, bool text, MadeMessage& out) {
    const bool compact = flexible_ && !field.fixed;
    const std::string bytes = compact ? CompactBytes(static_cast<std::uint64_t>(value + 1))
                                      : BigEndian(static_cast<std::uint64_t>(value), text ? 2 : 4);
    out.lengths.push_back({.position = out.bytes.size(),
                           .width = bytes.size(),
                           .form = compact ? LengthField::Form::kCompact
                                   : text  ? LengthField::Form::kInt16
                                           : LengthField::Form::kInt32,
                           .nullable = field.nullable.Contains(version_)});
    out.bytes += bytes;
  }

  void Value(const FieldLayout& field, bool settled, MadeMessage& out) {
    const bool null = field.nullable.Contains(version_) && !settled && rng_.Chance(0.3);
    if (field.array) {
      const std::int64_t count =
          null ? -1 : static_cast<std::int64_t>(rng_.Below(3)) + (settled ? 1 : 0);
      Length(field, count, false, out);
      FieldLayout element = field;
      element.array = false;
      element.nullable = {0, -1};
      for (std::int64_t i = 0; i < count; ++i) Value(element, settled, out);
      return;
    }
    if (field.kind == Kind::kStruct) {
      if (field.nullable.Contains(version_)) out.bytes += null ? '\xff' : '\x01';
      if (!null) Fields(field.fields, settled, out);
    } else if (field.kind == Kind::kText || field.kind == Kind::kBytes) {
      Variable(field, null, settled, out);
    } else {
      Number(field.kind, settled, out);
    }
  }

  void Variable(const FieldLayout& field, bool null, bool settled, MadeMessage& out) {
    const std::uint64_t size = rng_.Below(rng_.Chance(0.1) ? 300 : 12) + (settled ? 1 : 0);
    Length(field, null ? -1 : static_cast<std::int64_t>(size), field.kind == Kind::kText, out);
    if (null) return;
    for (std::uint64_t i = 0; i < size; ++i) out.bytes += static_cast<char>('a' + rng_.Below(26));
  }

  void Number(Kind kind, bool settled, MadeMessage& out) {
    if (kind == Kind::kBool) {
      out.bytes += settled || rng_.Chance(0.5) ? '\1' : '\0';
    } else if (kind == Kind::kUuid) {
      out.bytes += BigEndian(rng_.Next() | 1, 8) + BigEndian(rng_.Next(), 8);
    } else {
      const std::size_t width = kind == Kind::kInt8    ? 1
                                : kind == Kind::kInt16 ? 2
                                : kind == Kind::kInt32 ? 4
                                                       : 8;
      // Small, negative and extreme numbers as well as any.
      const std::uint64_t any = rng_.Chance(0.5) ? rng_.Next() : rng_.Below(5) - 2;
      out.bytes += BigEndian(settled ? 1 + rng_.Below(100) : any, width);
    }
  }

  const std::int16_t version_;
  const bool flexible_;
  Rng& rng_;
  const MakerOptions options_;
};

}  // namespace

MadeMessage MakeMessage(const MessageLayout& layout, std::int16_t version, std::uint64_t seed,
                        MakerOptions options) {
  SeededRng rng(seed);
  MadeMessage out;
  Maker(layout, version, rng, options).Fields(layout.fields, false, out);
  return out;
}

std::string WithLength(const MadeMessage& message, const LengthField& length, std::int64_t value) {
  std::string replacement;
  switch (length.form) {
    case LengthField::Form::kInt16:
      replacement = BigEndian(static_cast<std::uint64_t>(value), 2);
      break;
    case LengthField::Form::kInt32:
      replacement = BigEndian(static_cast<std::uint64_t>(value), 4);
      break;
    case LengthField::Form::kCompact:
      replacement = CompactBytes(static_cast<std::uint32_t>(value + 1));
      break;
    case LengthField::Form::kTagCount:
    case LengthField::Form::kTagSize:
      replacement = CompactBytes(static_cast<std::uint32_t>(value));
      break;
  }
  std::string out = message.bytes;
  return out.replace(length.position, length.width, replacement);
}

}  // namespace kronika::kafka
