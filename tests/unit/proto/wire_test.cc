// The primitives: known bytes, limits, and tagged sections that break the rules.
#include "proto/kafka/wire.h"

#include <gtest/gtest.h>

#include <limits>

namespace kronika::kafka {
namespace {

std::string Bytes8(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

std::string Varint(std::int32_t value) {
  std::byte raw[kVarintBytesMax];
  const std::byte* end = PutVarint(raw, value);
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(end - raw));
}

// Examples of the protocol buffers page that Kafka's guide refers to.
TEST(Varints, HaveTheKnownBytes) {
  EXPECT_EQ(Varint(0), Bytes8({0}));
  EXPECT_EQ(Varint(-1), Bytes8({1}));
  EXPECT_EQ(Varint(1), Bytes8({2}));
  EXPECT_EQ(Varint(-64), Bytes8({0x7f}));
  EXPECT_EQ(Varint(64), Bytes8({0x80, 0x01}));
  EXPECT_EQ(Varint(std::numeric_limits<std::int32_t>::max()),
            Bytes8({0xfe, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(Varint(std::numeric_limits<std::int32_t>::min()),
            Bytes8({0xff, 0xff, 0xff, 0xff, 0x0f}));
}

TEST(Varints, ReadWhatWasWritten) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t near : {0, 1, 2}) {
      const auto value = static_cast<std::int64_t>((std::uint64_t{1} << bit) + near - 1);
      std::byte raw[kVarlongBytesMax];
      const std::byte* end = PutVarlong(raw, value);
      const auto size = static_cast<std::size_t>(end - raw);
      EXPECT_EQ(size, VarlongSize(value));
      Reader in(Bytes(raw, size));
      EXPECT_EQ(in.Varlong(), value);
      in.ExpectEnd();
      EXPECT_TRUE(in.ok());
    }
  }
}

TEST(Varints, TooLongIsAFault) {
  const std::string five = Bytes8({0xff, 0xff, 0xff, 0xff, 0x1f});
  Reader in(AsBytes(five));
  in.UnsignedVarint();
  EXPECT_FALSE(in.ok());
  const std::string endless(20, '\xff');
  Reader more(AsBytes(endless));
  more.UnsignedVarlong();
  EXPECT_FALSE(more.ok());
}

TEST(Reader, KeepsItsFirstFault) {
  const std::string bytes = Bytes8({0, 1});
  Reader in(AsBytes(bytes));
  in.Int<std::int32_t>();
  EXPECT_FALSE(in.ok());
  const std::string reason(in.reason());
  EXPECT_EQ(in.fault_position(), 0u);
  EXPECT_EQ(in.Int<std::int8_t>(), 0);
  in.Text(true);
  in.ExpectEnd();
  EXPECT_EQ(in.reason(), reason);
}

TEST(Reader, SlicesShareTheFramesBlock) {
  const Slice frame = Slice::CopyOf(Bytes8({0, 0, 0, 2, 'a', 'b'}));
  Reader in(frame);
  const Slice blob = in.Blob(false);
  EXPECT_EQ(blob.text(), "ab");
  EXPECT_EQ(blob.data(), frame.data() + 4);
}

struct TagCase {
  const char* name;
  std::string bytes;
  bool ok;
};

// Source: KIP-482. Mutation: EnterTag() without its comparison of tags; LeaveTag() without that of
// sizes.
TEST(Tags, MustRiseAndFillTheirSize) {
  const TagCase cases[] = {
      {"none", Bytes8({0}), true},
      {"one unknown", Bytes8({1, 9, 2, 'x', 'y'}), true},
      {"known, then unknown", Bytes8({2, 0, 1, 5, 3, 0}), true},
      {"twice", Bytes8({2, 3, 0, 3, 0}), false},
      {"falling", Bytes8({2, 3, 0, 2, 0}), false},
      {"known, too long", Bytes8({1, 0, 2, 5, 5}), false},
      {"known, too short", Bytes8({1, 0, 0}), false},
      {"known, with another tag hidden inside", Bytes8({2, 0, 3, 5, 7, 0}), false},
      {"size beyond the end", Bytes8({1, 9, 3, 'x', 'y'}), false},
      {"count beyond the end", Bytes8({2, 9, 0}), false},
      {"more than 10000", Bytes8({0x91, 0x4e}) + std::string(40'000, '\0'), false},
  };
  for (const TagCase& test : cases) {
    Reader in(AsBytes(test.bytes));
    in.Tags([&](std::uint32_t tag) {
      if (tag != 0) return false;
      in.Int<std::int8_t>();
      return true;
    });
    in.ExpectEnd();
    EXPECT_EQ(in.ok(), test.ok) << test.name << ": " << in.reason();
  }
}

// Mutation: reserve(count) in Array().
TEST(Reader, ReservesLittleForManyElements) {
  const std::string bytes = Bytes8({0, 0x0f, 0x42, 0x40}) + std::string(1'000'000, '\1');
  std::vector<std::int8_t> values;
  Reader in(AsBytes(bytes));
  std::size_t first_capacity = 0;
  in.Array(values, Shape{}, [&](Reader& from, std::int8_t& element) {
    if (values.size() == 1) first_capacity = values.capacity();
    element = from.Int<std::int8_t>();
  });
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(values.size(), 1'000'000u);
  EXPECT_EQ(first_capacity, kFirstCapacityMax);
}

// Mutation: Length() without its comparison with what is left.
TEST(Reader, AllocatesNothingForMoreElementsThanBytes) {
  const std::string bytes = Bytes8({0, 0, 0, 4, 1, 2, 3});
  std::vector<std::int8_t> values;
  Reader in(AsBytes(bytes));
  in.Array(values, Shape{},
           [](Reader& from, std::int8_t& element) { element = from.Int<std::int8_t>(); });
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(values.capacity(), 0u);
}

TEST(Reader, RefusesMoreThanAMillionElements) {
  const std::string bytes = Bytes8({0, 0x0f, 0x42, 0x41}) + std::string(1'000'001, '\1');
  std::vector<std::int8_t> values;
  Reader in(AsBytes(bytes));
  in.Array(values, Shape{},
           [](Reader& from, std::int8_t& element) { element = from.Int<std::int8_t>(); });
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(values.capacity(), 0u);
}

TEST(Writer, AttachesWithoutCopying) {
  const Slice records = Slice::CopyOf("records");
  SizeCounter size;
  const auto write = [&](auto& out) {
    out.Int(std::int8_t{1});
    out.Records(std::optional<Slice>(records), Shape{.flexible = true});
    out.Int(std::int8_t{2});
  };
  write(size);
  EXPECT_EQ(size.total(), 10u);
  EXPECT_EQ(size.attached(), 7u);
  Writer out(size.total() - size.attached());
  write(out);
  const Slices parts = out.Finish();
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].data(), records.data());
  EXPECT_EQ(Flatten(parts).text(), Bytes8({1, 8}) + "records" + Bytes8({2}));
}

TEST(Writer, CutsTextsThatNobodyCouldRead) {
  const std::string text(40'000, 'x');
  SizeCounter size;
  size.Text(text, false);
  EXPECT_EQ(size.total(), 2 + kTextBytesMax);
}

}  // namespace
}  // namespace kronika::kafka
