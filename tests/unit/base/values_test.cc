// The small things of base: checksums, ids, bytes, slices, randomness, and the choice of Files.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/ids.h"
#include "base/make_files.h"
#include "base/planted.h"
#include "base/rng.h"
#include "tests/unit/base/files_world.h"

namespace kronika {
namespace {

Slice RandomSlice(Rng& rng, std::size_t size) {
  auto out = Slice::Allocate(size);
  for (auto& byte : out.mutable_bytes()) byte = static_cast<std::byte>(rng.Below(256));
  return out;
}

// The vectors of RFC 3720, appendix B.4, and the usual check value.
TEST(Crc32c, KnownVectors) {
  auto of = [](std::string_view text) { return crc32c::Value(AsBytes(text)); };
  EXPECT_EQ(of(""), 0U);
  EXPECT_EQ(of("123456789"), 0xe3069283U);
  EXPECT_EQ(of(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(of(std::string(32, '\xff')), 0x62a8ab43U);
  std::string up;
  for (char c = 0; c < 32; ++c) up.push_back(c);
  EXPECT_EQ(of(up), 0x46dd794eU);
}

// Catches any of the three that treats the head, the tail or the seed differently.
TEST(Crc32c, ThreeImplementationsAgreeOnAnyLengthAlignmentAndSeed) {
  SeededRng rng(7);
  const auto bytes = RandomSlice(rng, 70'000);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t length = rng.Chance(0.9) ? rng.Below(300) : rng.Below(60'000);
    const std::size_t at = rng.Below(bytes.size() - length);
    const auto seed = rng.Chance(0.3) ? 0U : static_cast<std::uint32_t>(rng.Next());
    const auto part = bytes.bytes().subspan(at, length);
    const std::uint32_t expected = crc32c::ExtendPortable(seed, part);
    ASSERT_EQ(crc32c::Extend(seed, part), expected) << length << " bytes at " << at;
    if (crc32c::HardwareAvailable()) {
      ASSERT_EQ(crc32c::ExtendHardware(seed, part), expected) << length << " bytes at " << at;
    }
    const std::size_t cut = rng.Below(length + 1);
    ASSERT_EQ(crc32c::Extend(crc32c::Extend(seed, part.first(cut)), part.subspan(cut)), expected);
  }
}

TEST(Uuid, TextRoundTripsAndIsKafkas) {
  // One of Kafka's own: the id of its metadata topic, all zeros but a last 1.
  Uuid metadata;
  metadata.bytes[15] = 1;
  EXPECT_EQ(metadata.ToString(), "AAAAAAAAAAAAAAAAAAAAAQ");
  SeededRng rng(3);
  for (int round = 0; round < 500; ++round) {
    Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(rng.Below(256));
    const std::string text = id.ToString();
    EXPECT_EQ(text.size(), 22U);
    EXPECT_EQ(Uuid::Parse(text), id);
  }
  for (const char* text :
       {"", "AAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA+A"}) {
    EXPECT_FALSE(Uuid::Parse(text)) << text;
  }
}

// Catches a Parse that ignores the four bits behind the last byte: two texts of one id.
TEST(Uuid, EveryIdHasOneText) {
  EXPECT_TRUE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAQ"));
  EXPECT_FALSE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAR"));
}

TEST(Ordinal, AddsSubtractsAndOrders) {
  EXPECT_EQ(Index{5} + 3, Index{8});
  EXPECT_EQ(Index{5} - Index{2}, 3U);
  EXPECT_LT(Term{1}, Term{2});
}

// Catches a reader that looks at bytes behind its end: the sanitizers watch the exact allocation.
TEST(LeReader, NeverReadsPastItsEnd) {
  SeededRng rng(11);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t size = rng.Below(24);
    const std::vector<std::byte> exact(size, static_cast<std::byte>(rng.Below(4)));
    LeReader reader(exact);
    std::size_t used = 0;
    bool ok = true;
    while (ok) {
      const std::uint64_t kind = rng.Below(4);
      const std::size_t left = reader.left();
      if (kind == 0) reader.Int<std::uint8_t>();
      if (kind == 1) reader.Int<std::uint64_t>();
      if (kind == 2) reader.Take(rng.Below(9));
      if (kind == 3) reader.Blob();
      ok = reader.ok() && reader.left() > 0;
      used += left - reader.left();
      ASSERT_LE(reader.left(), left);
      ASSERT_LE(used, size);
    }
    if (!reader.ok()) {
      EXPECT_EQ(reader.left(), 0U);
      EXPECT_EQ(reader.Int<std::uint32_t>(), 0U);
      EXPECT_TRUE(reader.Take(1).empty());
      EXPECT_FALSE(reader.ok());
    }
  }
}

TEST(LeReader, ReadsWhatTheWriterWrote) {
  LeWriter writer;
  writer.Int<std::uint8_t>(1).Int<std::int32_t>(-2).Blob("three").Int<std::uint64_t>(1ULL << 63);
  const std::string bytes = writer.Take();
  EXPECT_EQ(bytes.substr(0, 5), std::string("\x01\xfe\xff\xff\xff"));
  LeReader reader(AsBytes(bytes));
  EXPECT_EQ(reader.Int<std::uint8_t>(), 1);
  EXPECT_EQ(reader.Int<std::int32_t>(), -2);
  EXPECT_EQ(AsText(reader.Blob()), "three");
  EXPECT_EQ(reader.Int<std::uint64_t>(), 1ULL << 63);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0U);
}

TEST(Bytes, OrderIsExplicit) {
  std::byte raw[4];
  StoreBe<std::uint32_t>(raw, 0x01020304);
  EXPECT_EQ(raw[0], std::byte{1});
  EXPECT_EQ(LoadBe<std::uint32_t>(raw), 0x01020304U);
  EXPECT_EQ(LoadLe<std::uint32_t>(raw), 0x04030201U);
}

TEST(Slice, CopiesShareTheBlockAndSubCountsAllOfIt) {
  auto whole = Slice::CopyOf("hello world");
  Slice part = whole.Sub(6, 5);
  whole = Slice();
  EXPECT_EQ(part.text(), "world");
  EXPECT_EQ(part.block_size(), 11U);
  const auto aligned = Slice::Allocate(100, 4096);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.data()) % 4096, 0U);
  EXPECT_EQ(Flatten({part, Slice(), Slice::CopyOf("!")}).text(), "world!");
  EXPECT_EQ(Flatten({}).size(), 0U);
}

// The same on every platform and for ever: seeds in commit messages and scripts depend on it.
TEST(SeededRng, GoldenValues) {
  SeededRng rng(42);
  EXPECT_EQ(rng.Next(), 0x15780b2e0c2ec716ULL);
  EXPECT_EQ(rng.Next(), 0x6104d9866d113a7eULL);
  SeededRng zero(0);
  EXPECT_EQ(zero.Next(), 0x99ec5f36cb75f2b4ULL);
}

TEST(SeededRng, BelowAndChanceKeepTheirBounds) {
  SeededRng rng(1);
  std::map<std::uint64_t, int> counts;
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    ++counts[rng.Below(5)];
    hits += rng.Chance(0.25) ? 1 : 0;
    EXPECT_FALSE(rng.Chance(0));
    EXPECT_TRUE(rng.Chance(1));
  }
  EXPECT_EQ(counts.size(), 5U);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 2000, 200) << value;
  EXPECT_NEAR(hits, 2500, 250);
}

TEST(SystemEntropy, IsNotConstant) {
  EXPECT_NE(SystemEntropy(), SystemEntropy());
}

TEST(MakeFiles, SaysWhatItChoseAndWhy) {
  TemporaryFolder folder;
  AsioWorld world;
  auto threads = MakeFiles(JournalIo::kThread, {.root = folder.path() + "/x/y"}, world.asio());
  ASSERT_TRUE(threads);
  EXPECT_EQ(threads->io, JournalIo::kThread);
  EXPECT_TRUE(threads->why.starts_with("threads, as configured, ")) << threads->why;
  auto chosen = MakeFiles(JournalIo::kAuto, {.root = folder.path()}, world.asio());
  ASSERT_TRUE(chosen);
  EXPECT_NE(chosen->io, JournalIo::kAuto);
  auto forced = MakeFiles(JournalIo::kUring, {.root = folder.path()}, world.asio());
  EXPECT_EQ(forced.has_value(), chosen->io == JournalIo::kUring) << "auto takes io_uring if it can";
  EXPECT_FALSE(MakeFiles(JournalIo::kAuto, {.root = "/proc/none"}, world.asio()));
  EXPECT_EQ(ParseJournalIo("uring"), JournalIo::kUring);
  EXPECT_FALSE(ParseJournalIo("fast"));
}

#if KRONIKA_TEST_BUILD
// A name that nothing answers to would make any test pass.
TEST(Planted, OnlyABugOfThisProgramIsSwitchedOn) {
  planted::Enable("loop-cancel-ignored");
  EXPECT_TRUE(planted::Enabled("planted:loop-cancel-ignored"));
  planted::Enable("");
  EXPECT_FALSE(planted::Enabled("planted:loop-cancel-ignored"));
  for (const char* name : {"no-such-bug", "loop-cancel", "cancel-ignored"}) {
    EXPECT_EXIT(planted::Enable(name), testing::ExitedWithCode(planted::kExitNoSuchBug),
                "has no planted bug");
  }
}
#endif

}  // namespace
}  // namespace kronika
