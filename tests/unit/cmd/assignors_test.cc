// Who reads what in a consumer group: every partition once, loads level, and what a member had
// stays with it. Then the bytes, as Kafka's consumers have them.
#include "cmd/client/assignors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/rng.h"

namespace kronika::client {
namespace {

using namespace std::string_literals;

Subscriber Member(std::string id, std::vector<std::string> topics) {
  return {.member_id = std::move(id), .topics = std::move(topics)};
}

std::string Text(const Assignments& all) {
  std::string out;
  for (const auto& [member, partitions] : all) {
    out += out.empty() ? "" : " ";
    out += member + ":";
    for (const auto& each : partitions) {
      out += (out.ends_with(':') ? "" : ",") + each.topic + std::to_string(each.partition);
    }
  }
  return out;
}

TEST(Range, GivesConsecutivePartitionsTopicByTopic) {
  EXPECT_EQ(Text(Assign(Assignor::kRange,
                        {Member("b", {"x", "y"}), Member("a", {"x", "y"}), Member("c", {"y"})},
                        {{"x", 3}, {"y", 4}})),
            "a:x0,x1,y0,y1 b:x2,y2 c:y3");
}

TEST(Range, LeavesOutTopicsThatDoNotExistAndMembersWithoutTopics) {
  EXPECT_EQ(Text(Assign(Assignor::kRange, {Member("a", {"gone"}), Member("b", {})}, {{"x", 1}})),
            "a: b:");
  EXPECT_EQ(Text(Assign(Assignor::kRange, {Member("a", {"x"}), Member("b", {"x"})}, {{"x", 1}})),
            "a:x0 b:");
}

// A static member that comes back has another member id and the same place.
TEST(Range, StaticMembersStandByTheirInstanceId) {
  auto first = Member("z", {"x"});
  first.instance_id = "1";
  auto second = Member("a", {"x"});
  second.instance_id = "2";
  EXPECT_EQ(Text(Assign(Assignor::kRange, {second, first, Member("0", {"x"})}, {{"x", 3}})),
            "0:x2 a:x1 z:x0");
}

TEST(Sticky, MovesOnlyWhatLevelsTheLoads) {
  auto a = Member("a", {"x"});
  a.owned = {{"x", 0}, {"x", 1}, {"x", 2}};
  a.owned_generation = 1;
  auto b = Member("b", {"x"});
  b.owned = {{"x", 3}, {"x", 4}, {"x", 5}};
  b.owned_generation = 1;
  EXPECT_EQ(Text(Assign(Assignor::kSticky, {a, b, Member("c", {"x"})}, {{"x", 6}})),
            "a:x1,x2 b:x4,x5 c:x0,x3");
  EXPECT_EQ(Text(Assign(Assignor::kSticky, {a}, {{"x", 6}})), "a:x0,x1,x2,x3,x4,x5");
}

TEST(Sticky, TheLatestGenerationKeepsAndTheGoneIsForgotten) {
  auto a = Member("a", {"x"});
  a.owned = {{"x", 0}, {"x", 9}, {"gone", 0}};
  a.owned_generation = 1;
  auto b = Member("b", {"x"});
  b.owned = {{"x", 0}};
  b.owned_generation = 2;
  EXPECT_EQ(Text(Assign(Assignor::kSticky, {a, b}, {{"x", 2}})), "a:x1 b:x0");
}

// What holds for any members, topics and former owners.
void ExpectSound(const std::vector<Subscriber>& members, const PartitionCounts& counts,
                 const Assignments& all) {
  std::map<TopicPartition, int> given;
  for (const auto& member : members) {
    for (const auto& each : all.at(member.member_id)) {
      ++given[each];
      EXPECT_NE(std::ranges::find(member.topics, each.topic), member.topics.end());
    }
  }
  for (const auto& [topic, count] : counts) {
    const bool wanted = std::ranges::any_of(members, [&](const Subscriber& member) {
      return std::ranges::find(member.topics, topic) != member.topics.end();
    });
    for (std::int32_t i = 0; i < count; ++i) EXPECT_EQ((given[{topic, i}]), wanted ? 1 : 0);
  }
  EXPECT_EQ(all.size(), members.size());
}

TEST(Assignors, GiveEachPartitionToExactlyOneSubscriber) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SeededRng rng(seed);
    PartitionCounts counts;
    for (const char* topic : {"x", "y", "z"}) {
      if (rng.Below(4) > 0) counts[topic] = static_cast<std::int32_t>(rng.Below(12));
    }
    std::vector<Subscriber> members;
    for (std::uint64_t i = 0, size = 1 + rng.Below(6); i < size; ++i) {
      auto& member = members.emplace_back(Member("m" + std::to_string(i), {}));
      for (const char* topic : {"x", "y", "z"}) {
        if (rng.Below(3) > 0) member.topics.emplace_back(topic);
      }
      for (std::uint64_t j = 0; j < rng.Below(8); ++j) {
        member.owned.push_back(
            {rng.Below(2) == 0 ? "x" : "y", static_cast<std::int32_t>(rng.Below(14)) - 1});
      }
      member.owned_generation = static_cast<std::int32_t>(rng.Below(3)) - 1;
    }
    for (const auto assignor : {Assignor::kRange, Assignor::kSticky}) {
      const auto all = Assign(assignor, members, counts);
      ExpectSound(members, counts, all);
      std::ranges::reverse(members);
      EXPECT_EQ(Assign(assignor, members, counts), all) << "the order of the members is no input";
    }
  }
}

TEST(Sticky, LoadsAreLevelWhereAllSubscribeToTheSame) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededRng rng(seed);
    std::vector<Subscriber> members;
    for (std::uint64_t i = 0, size = 1 + rng.Below(7); i < size; ++i) {
      auto& member = members.emplace_back(Member("m" + std::to_string(i), {"x"}));
      for (std::uint64_t j = 0; j < rng.Below(10); ++j) {
        member.owned.push_back({"x", static_cast<std::int32_t>(rng.Below(20))});
      }
    }
    const auto all = Assign(Assignor::kSticky, members, {{"x", 20}});
    std::set<std::size_t> sizes;
    for (const auto& [member, partitions] : all) sizes.insert(partitions.size());
    EXPECT_LE(*sizes.rbegin() - *sizes.begin(), 1u);
    // And once level, another rebalance moves nothing.
    for (auto& member : members) member.owned = all.at(member.member_id);
    EXPECT_EQ(Assign(Assignor::kSticky, members, {{"x", 20}}), all);
  }
}

TEST(AssignorBytes, ASubscriptionIsReadByKafka) {
  auto member = Member("a", {"x"});
  EXPECT_EQ(EncodeSubscription(Assignor::kRange, member).text(),
            "\0\3\0\0\0\1\0\1x\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff"s);
  member.owned = {{"x", 1}, {"x", 2}};
  member.owned_generation = 5;
  const Slice sticky = EncodeSubscription(Assignor::kSticky, member);
  // User data: one topic, its partitions, the generation.
  EXPECT_NE(sticky.text().find("\0\0\0\x17\0\0\0\1\0\1x\0\0\0\2\0\0\0\1\0\0\0\2\0\0\0\5"s),
            std::string_view::npos);
  const auto read = DecodeSubscription(sticky);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->topics, member.topics);
  EXPECT_EQ(read->owned, member.owned);
  EXPECT_EQ(read->owned_generation, 5);
}

TEST(AssignorBytes, AnAssignmentComesBack) {
  const std::vector<TopicPartition> some = {{"x", 0}, {"x", 3}, {"y", 1}};
  EXPECT_EQ(DecodeAssignment(EncodeAssignment(some)), some);
  EXPECT_EQ(DecodeAssignment(EncodeAssignment({})), std::vector<TopicPartition>{});
  EXPECT_EQ(DecodeAssignment(Slice()), std::vector<TopicPartition>{});
  EXPECT_FALSE(DecodeAssignment(Slice::CopyOf("\0\0\0\0\0\7"s)));
  EXPECT_FALSE(DecodeSubscription(Slice::CopyOf("x"s)));
}

TEST(Assignors, HaveNames) {
  EXPECT_EQ(ParseAssignor("sticky"), Assignor::kSticky);
  EXPECT_EQ(ParseAssignor("range"), Assignor::kRange);
  EXPECT_EQ(ParseAssignor("roundrobin"), std::nullopt);
}

}  // namespace
}  // namespace kronika::client
