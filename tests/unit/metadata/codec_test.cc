// The bytes of records: every kind comes back as it was, known bytes stay known, and rubbish is
// refused.
#include "metadata/codec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "metadata/store.h"
#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

using namespace std::string_view_literals;

Records OneOfEachKind() {
  return {
      ClusterFounded{.cluster = TestUuid(1),
                     .voters = {{.broker = {1}, .peer = {"a", 9192}, .directory = TestUuid(2)}}},
      FormatVersionSet{.version = 1},
      Registration(3, 7, "r1"),
      BrokerReplaced{.broker = {3}, .directory = TestUuid(4)},
      TopicCreated{
          .name = "t",
          .topic = TestUuid(5),
          .partitions = {{.group = {9}, .replicas = {{{3}, kPlacedHere}, {{1}, kPlacedHere}}}},
          .configs = {{"a", "b"}}},
      TopicDeleted{.topic = TestUuid(5), .epoch_floor = {40}},
      ConfigSet{.scope = ConfigScope::kBroker, .subject = "", .name = "n", .value = ""},
      ConfigSet{.scope = ConfigScope::kTopic, .subject = "t", .name = "n", .value = std::nullopt},
      MembershipWished{.group = {9}, .voters = {{{1}, {5}}}, .learners = {{{2}, kPlacedHere}}},
      MembershipDone{.group = {9}, .metadata_index = 77},
      ProducerIdsAllocated{.broker = {2}, .first = 4000, .count = 1000},
  };
}

TEST(Codec, EveryKindComesBack) {
  const Records records = OneOfEachKind();
  std::set<std::size_t> kinds;
  for (const auto& record : records) kinds.insert(record.index());
  ASSERT_EQ(kinds.size(), std::variant_size_v<Record>) << "a kind is missing in this test";
  const std::string bytes = EncodeRecords(records);
  const auto decoded = DecodeRecords(AsBytes(bytes));
  ASSERT_TRUE(decoded) << decoded.error().Describe();
  EXPECT_EQ(*decoded, records);
  for (const auto& record : records) EXPECT_FALSE(Describe(record).empty());
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// Logs of earlier versions must stay readable: these bytes do not change.
TEST(Codec, GoldenBytes) {
  EXPECT_EQ(Hex(EncodeRecords({FormatVersionSet{.version = 1}})), "0a0412020801");
  EXPECT_EQ(Hex(EncodeRecords({MembershipDone{.group = {9}, .metadata_index = 300}})),
            "0a075205080910ac02");
  EXPECT_EQ(Hex(EncodeRecords({TopicDeleted{.topic = TestUuid(7), .epoch_floor = {16}}})),
            "0a163a140a10070707070707070707070707070707071010");
  EXPECT_EQ(Hex(EncodeRecords(
                {TopicCreated{.name = "t",
                              .topic = TestUuid(5),
                              .partitions = {{.group = {9}, .replicas = {{{3}, kPlacedHere}}}}}})),
            "0a2a3228"
            "0a0174"
            "121005050505050505050505050505050505"
            "1a110809"
            "120d0803"
            "10ffffffffffffffffff01");
}

TEST(Codec, WhatNoEncoderMakesIsRefused) {
  EXPECT_EQ(DecodeRecords(AsBytes("\xff\xff\xff"sv)).error().code, ErrorCode::kCorruption);
  // A record kind that this version does not know: field 99 of a record.
  EXPECT_EQ(DecodeRecords(AsBytes("\x0a\x03\x9a\x06\x00"sv)).error().code, ErrorCode::kUnsupported);
  // A topic id of three bytes.
  EXPECT_EQ(DecodeRecords(AsBytes("\x0a\x07\x3a\x05\x0a\x03\x61\x62\x63"sv)).error().code,
            ErrorCode::kCorruption);
  // Every cut of a good batch: an error or fewer records, never a crash.
  const std::string whole = EncodeRecords(OneOfEachKind());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto decoded = DecodeRecords(AsBytes(std::string_view(whole).substr(0, size)));
    if (decoded) {
      EXPECT_LT(decoded->size(), OneOfEachKind().size());
    }
  }
}

TEST(Store, AnImageComesBackFromItsPairs) {
  World world = World::Registered(4);
  world.Create({.name = "a", .partitions = 3, .configs = {{"segment.ms", "5"}}});
  world.Create({.name = "b", .partitions = 1, .replication_factor = 1});
  world.Must(
      {ConfigSet{.scope = ConfigScope::kBroker, .subject = "2", .name = "x/y", .value = "z"}});
  world.Must(AllocateProducerIds(*world.image, {1}));
  world.Must(*ReplaceBroker(*world.image, {2}, TestUuid(77)));
  world.Must(PlanReplacements(*world.image, 10));
  Pairs pairs = Dump(*world.image);
  std::ranges::reverse(pairs);  // partitions before their topics
  const std::string bytes = EncodePairs(pairs);
  const auto decoded = DecodePairs(AsBytes(bytes));
  ASSERT_TRUE(decoded);
  const auto loaded = LoadImage(*decoded);
  ASSERT_TRUE(loaded) << loaded.error().Describe();
  EXPECT_TRUE((*loaded)->SameContent(*world.image));
  EXPECT_EQ((*loaded)->applied, world.image->applied);
}

TEST(Store, MissingOrForeignPairsAreRefused) {
  World world = World::Registered(3);
  world.Create({.name = "a", .partitions = 3});
  const Pairs whole = Dump(*world.image);
  for (std::size_t drop = 0; drop < whole.size(); ++drop) {
    const std::string key = whole[drop].first;
    if (key.starts_with("metadata/broker/")) continue;  // brokers stand alone
    Pairs pairs = whole;
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(drop));
    EXPECT_FALSE(LoadImage(pairs)) << key;
  }
  Pairs twice = whole;
  twice.push_back(whole.back());
  EXPECT_FALSE(LoadImage(twice)) << whole.back().first;
  EXPECT_FALSE(LoadImage({{"other/key", ""}}));
  EXPECT_FALSE(DecodePairs(AsBytes("\x01\x00\x00\x00\x09\x00\x00\x00"sv)));
}

}  // namespace
}  // namespace kronika::metadata
