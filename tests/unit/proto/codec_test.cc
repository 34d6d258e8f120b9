// Every message in every version: what goes in comes out, and nothing that is cut or falsified is
// believed.
//
// The bytes are made from the layouts by message_maker, not by the codec under test. Mutations of
// wire.cc that these tests were seen to catch are named at each.
#include <gtest/gtest.h>

#include "tests/unit/proto/message_maker.h"

namespace kronika::kafka {
namespace {

constexpr std::uint64_t kSeeds = 40;

template <class Visit>
void ForEachVersion(Visit visit) {
  for (const MessageLayout& layout : MessageLayouts()) {
    for (std::int16_t v = layout.versions.first; v <= layout.versions.last; ++v) visit(layout, v);
  }
}

std::string Title(const MessageLayout& layout, std::int16_t version) {
  return std::string(layout.name) + " v" + std::to_string(version);
}

std::string Flat(const Slices& slices) {
  return std::string(Flatten(slices).text());
}

// Mutation: generated code that writes no tagged fields.
TEST(Codec, DecodesAndEncodesEveryVersion) {
  ForEachVersion([](const MessageLayout& layout, std::int16_t version) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const MadeMessage made = MakeMessage(layout, version, seed);
      const auto recoded = layout.recode(Slice::CopyOf(made.bytes), version);
      ASSERT_TRUE(recoded) << Title(layout, version) << " seed " << seed << ": "
                           << recoded.error().Describe();
      ASSERT_EQ(Flat(recoded->bytes), made.bytes) << Title(layout, version) << " seed " << seed;
      ASSERT_EQ(recoded->counted_size, made.bytes.size()) << Title(layout, version);
    }
  });
}

TEST(Codec, SkipsUnknownTags) {
  ForEachVersion([](const MessageLayout& layout, std::int16_t version) {
    const MadeMessage plain = MakeMessage(layout, version, 7);
    const MadeMessage more = MakeMessage(layout, version, 7, {.unknown_tags = true});
    const auto recoded = layout.recode(Slice::CopyOf(more.bytes), version);
    ASSERT_TRUE(recoded) << Title(layout, version) << ": " << recoded.error().Describe();
    ASSERT_EQ(Flat(recoded->bytes), plain.bytes) << Title(layout, version);
  });
}

TEST(Codec, RefusesEveryTruncation) {
  ForEachVersion([](const MessageLayout& layout, std::int16_t version) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const MadeMessage made = MakeMessage(layout, version, seed);
      for (std::size_t size = 0; size < made.bytes.size(); ++size) {
        const auto recoded = layout.recode(Slice::CopyOf(made.bytes.substr(0, size)), version);
        ASSERT_FALSE(recoded) << Title(layout, version) << " cut at " << size;
        ASSERT_EQ(recoded.error().code, kronika::ErrorCode::kCorruption);
      }
    }
  });
}

// Mutation: ExpectEnd() that accepts anything.
TEST(Codec, RefusesTrailingBytes) {
  ForEachVersion([](const MessageLayout& layout, std::int16_t version) {
    const MadeMessage made = MakeMessage(layout, version, 3);
    const auto recoded = layout.recode(Slice::CopyOf(made.bytes + '\0'), version);
    ASSERT_EQ(recoded.has_value(), version >= layout.trailing_first) << Title(layout, version);
    if (!recoded) return;
    ASSERT_EQ(Flat(recoded->bytes), made.bytes) << Title(layout, version);
  });
}

TEST(Codec, RefusesVersionsThatAreNotServed) {
  for (const MessageLayout& layout : MessageLayouts()) {
    for (const int version : {layout.versions.first - 1, layout.versions.last + 1}) {
      const auto recoded =
          layout.recode(Slice::CopyOf(std::string(64, '\0')), static_cast<std::int16_t>(version));
      ASSERT_FALSE(recoded) << layout.name;
      EXPECT_EQ(recoded.error().code, kronika::ErrorCode::kUnsupported);
    }
  }
}

void CheckFalseLengths(const MessageLayout& layout, std::int16_t version, const MadeMessage& made) {
  for (const LengthField& length : made.lengths) {
    const auto left = static_cast<std::int64_t>(made.bytes.size() - length.position - length.width);
    for (const std::int64_t value : {std::int64_t{-2}, std::int64_t{-1}, std::int64_t{0},
                                     std::int64_t{2147483647}, left + 1}) {
      // A 16-bit length cannot say 2^31-1; cut off it says -1.
      const std::int64_t said =
          length.form == LengthField::Form::kInt16 ? static_cast<std::int16_t>(value) : value;
      const auto recoded = layout.recode(Slice::CopyOf(WithLength(made, length, value)), version);
      const bool possible = said == 0 || (said == -1 && length.nullable);
      ASSERT_TRUE(possible || !recoded)
          << Title(layout, version) << ": length " << value << " at byte " << length.position;
    }
  }
}

// Mutations: Length() without its refusal of null; of negative lengths.
TEST(Codec, BelievesNoLength) {
  ForEachVersion([](const MessageLayout& layout, std::int16_t version) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      CheckFalseLengths(layout, version, MakeMessage(layout, version, seed));
    }
  });
}

// Whatever damaged bytes decode to, its encoding is stable. Under ASan also: nothing is read
// outside the frame.
TEST(Codec, SurvivesDamage) {
  SeededRng rng(11);
  ForEachVersion([&](const MessageLayout& layout, std::int16_t version) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      std::string bytes = MakeMessage(layout, version, seed).bytes;
      for (int i = 0; i < 3 && !bytes.empty(); ++i) {
        bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Next());
      }
      const auto first = layout.recode(Slice::CopyOf(bytes), version);
      if (!first) continue;
      const auto second = layout.recode(Flatten(first->bytes), version);
      ASSERT_TRUE(second) << Title(layout, version);
      ASSERT_EQ(Flat(first->bytes), Flat(second->bytes)) << Title(layout, version);
      ASSERT_EQ(first->json, second->json) << Title(layout, version);
    }
  });
}

}  // namespace
}  // namespace kronika::kafka
