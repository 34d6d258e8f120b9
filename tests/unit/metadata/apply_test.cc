// What each record does to the image, and which batches are void.
#include <gtest/gtest.h>

#include "metadata/delta.h"
#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

TopicCreated TwoPartitions(GroupId first) {
  return {.name = "t",
          .topic = TestUuid(50),
          .partitions = {{.group = first, .replicas = {{{1}, kPlacedHere}, {{2}, kPlacedHere}}},
                         {.group = {first.value + 1},
                          .replicas = {{{2}, kPlacedHere}, {{1}, kPlacedHere}}}},
          .configs = {{"segment.bytes", "1048576"}, {"cleanup.policy", "compact"}}};
}

// `records` must not apply, and the image must not move: a batch is whole or void.
void ExpectVoid(World& world, const Records& records, std::string_view why) {
  const ImagePtr before = world.image;
  const auto applied = world.Apply(records);
  ASSERT_FALSE(applied) << why;
  EXPECT_EQ(applied.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(applied.error().text.find(why), std::string::npos) << applied.error().text;
  EXPECT_EQ(world.image, before);
}

TEST(Apply, FoundersAndJoinersGetTheSameImage) {
  World founder(3);
  // A broker that joins knows nothing before the first record.
  const auto joiner =
      Apply(Image{}, Index{1}, FoundCluster(Image{}, TestUuid(200), founder.voters));
  ASSERT_TRUE(joiner);
  EXPECT_TRUE((*joiner)->SameContent(*founder.image));
  EXPECT_EQ(founder.image->metadata_group.voters.size(), 3u);
  EXPECT_EQ(founder.image->FindBroker({2})->directory, TestUuid(2));
  EXPECT_FALSE(founder.image->FindBroker({2})->registered);
  EXPECT_TRUE(FoundCluster(*founder.image, TestUuid(200), founder.voters).empty());
  ExpectVoid(founder, {ClusterFounded{.cluster = TestUuid(9)}}, "another cluster");
}

TEST(Apply, ALaterFormatVersionIsRefusedAndNotVoid) {
  World world(1);
  const auto applied = world.Apply({FormatVersionSet{.version = kFormatVersion + 1}});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kUnsupported);
  ExpectVoid(world, {FormatVersionSet{.version = kFormatVersion}}, "does not rise");
}

TEST(Apply, ATopicIsKnownByNameIdAndGroup) {
  World world = World::Registered(2);
  const Index index = world.Must({TwoPartitions({1})});
  const TopicPtr topic = world.image->FindTopic("t");
  ASSERT_TRUE(topic);
  EXPECT_EQ(world.image->FindTopic(TestUuid(50)), topic);
  EXPECT_EQ(world.image->next_group, GroupId{3});
  EXPECT_EQ(*topic->Config("cleanup.policy"), "compact");
  const PartitionRef found = world.image->FindGroup({2});
  ASSERT_TRUE(found);
  EXPECT_EQ(found.partition->number, 1);
  // Safety rule A4: the incarnation is the index of the entry that placed the replica.
  const raft::ReplicaId first{{2}, {index.value}};
  EXPECT_EQ(found.partition->members.voters.front(), first);
  EXPECT_TRUE(found.partition->BootsFounding(first));
  EXPECT_EQ(found.partition->members.FoundingMembership().metadata_index, index.value);
  EXPECT_FALSE(world.image->FindGroup({3}));
}

TEST(Apply, WhatContradictsTheImageIsVoid) {
  World world = World::Registered(2);
  world.Must({TwoPartitions({1})});
  ExpectVoid(world, {TwoPartitions({3})}, "name is taken");
  auto other = TwoPartitions({3});
  other.name = "u";
  ExpectVoid(world, {other}, "id is taken");
  other.topic = TestUuid(51);
  other.partitions[0].group = {2};
  ExpectVoid(world, {other}, "not the next one");
  other.partitions[0].group = {3};
  other.partitions[1].replicas[0].broker = {7};
  ExpectVoid(world, {other}, "unknown broker");
  other.partitions[1].replicas[0] = {{1}, kPlacedHere};
  ExpectVoid(world, {other}, "on one broker");
  other.partitions[1].replicas[0] = {{2}, {1}};
  ExpectVoid(world, {other}, "old incarnation");
  // The first record is fine, the second is not: neither happens.
  ExpectVoid(
      world,
      {ConfigSet{.subject = "t", .name = "a", .value = "b"}, TopicDeleted{.topic = TestUuid(99)}},
      "unknown topic");
  EXPECT_EQ(world.image->FindTopic("t")->Config("a"), nullptr);
  ExpectVoid(world, {ProducerIdsAllocated{.broker = {1}, .first = 5, .count = 10}}, "not the next");
}

TEST(Apply, DeletionRaisesTheEpochFloorAndFreesTheName) {
  World world = World::Registered(2);
  world.Must({TwoPartitions({1})});
  world.Must({TopicDeleted{.topic = TestUuid(50), .epoch_floor = {23}}});
  EXPECT_FALSE(world.image->FindTopic("t"));
  EXPECT_FALSE(world.image->FindGroup({1}));
  EXPECT_EQ(world.image->epoch_floor, Term{23});
  auto again = TwoPartitions({3});  // group ids are never used again
  again.topic = TestUuid(51);
  world.Must({again});
  EXPECT_EQ(world.image->FindGroup({3}).partition->epoch_floor, Term{23});
}

TEST(Apply, ConfigsAreSetAndRemoved) {
  World world = World::Registered(2);
  world.Must({TwoPartitions({1})});
  world.Must({ConfigSet{.subject = "t", .name = "min.insync.replicas", .value = "2"},
              ConfigSet{.subject = "t", .name = "segment.bytes", .value = std::nullopt},
              ConfigSet{.scope = ConfigScope::kBroker, .subject = "1", .name = "x", .value = "y"}});
  const std::vector<ConfigValue> expected = {{"cleanup.policy", "compact"},
                                             {"min.insync.replicas", "2"}};
  EXPECT_EQ(world.image->FindTopic("t")->configs, expected);
  EXPECT_EQ(*world.image->broker_configs.Find(std::pair<std::string, std::string>("1", "x")), "y");
}

// Safety rule A13: the wish carries its index; only the newest can be confirmed; who was never
// placed cannot join.
TEST(Apply, MembershipIsWishedThenConfirmed) {
  World world = World::Registered(3);
  const Index created = world.Must({TwoPartitions({1})});
  const raft::ReplicaId old_one{{1}, {created.value}};
  const raft::ReplicaId old_two{{2}, {created.value}};
  ExpectVoid(world, {MembershipWished{.group = {1}, .voters = {{{3}, {1}}}}}, "never placed");
  ExpectVoid(world, {MembershipWished{.group = {1}, .voters = {}}}, "without voters");
  ExpectVoid(world, {MembershipWished{.group = {1}, .voters = {old_one}, .learners = {old_one}}},
             "member twice");
  ExpectVoid(world, {MembershipWished{.group = {77}, .voters = {old_one}}}, "unknown group");
  const Index first =
      world.Must({MembershipWished{.group = {1}, .voters = {old_two, {{3}, kPlacedHere}}}});
  const GroupMembers wished = *world.image->FindMembers({1});
  EXPECT_EQ(wished.voters.size(), 2u) << "a wish changes no member";
  EXPECT_EQ(wished.WishedMembership().metadata_index, first.value);
  EXPECT_EQ(wished.ReplicaOf({3}), (raft::ReplicaId{{3}, {first.value}}));
  const Index second =
      world.Must({MembershipWished{.group = {1}, .voters = {old_two, wished.ReplicaOf({3})}}});
  ExpectVoid(world, {MembershipDone{.group = {1}, .metadata_index = first.value}},
             "not the newest");
  world.Must({MembershipDone{.group = {1}, .metadata_index = second.value}});
  const GroupMembers done = *world.image->FindMembers({1});
  EXPECT_FALSE(done.wish);
  EXPECT_EQ(done.voters, (std::vector<raft::ReplicaId>{old_two, {{3}, {first.value}}}));
  EXPECT_EQ(done.founding.front(), old_one) << "what founding replicas boot with never changes";
  EXPECT_FALSE(done.ReplicaOf({1}).valid());
}

TEST(Delta, NamesWhatChangedAndNothingElse) {
  World world = World::Registered(3);
  const ImagePtr empty = world.image;
  world.Must({TwoPartitions({1})});
  const ImagePtr created = world.image;
  Delta delta = Diff(*empty, *created);
  ASSERT_EQ(delta.topics.size(), 1u);
  EXPECT_EQ(delta.topics[0].before, nullptr);
  ASSERT_EQ(delta.groups.size(), 2u);
  EXPECT_TRUE(delta.brokers.empty());
  EXPECT_FALSE(delta.metadata_group);
  const auto replica = created->FindMembers({2})->voters.front();
  world.Must({MembershipWished{.group = {2}, .voters = {replica}}});
  delta = Diff(*created, *world.image);
  ASSERT_EQ(delta.groups.size(), 1u);
  EXPECT_EQ(delta.groups[0].after.partition->group, GroupId{2});
  EXPECT_TRUE(Diff(*world.image, *WithApplied(*world.image, Index{99})).empty());
  // A topic that was made again under its name is another topic.
  auto again = TwoPartitions({3});
  again.topic = TestUuid(51);
  world.Must({TopicDeleted{.topic = TestUuid(50)}, again});
  delta = Diff(*created, *world.image);
  EXPECT_EQ(delta.topics.size(), 2u);
  EXPECT_EQ(delta.groups.size(), 4u);
}

}  // namespace
}  // namespace kronika::metadata
