// Registration, and how a broker that lost its disk comes back (safety rules A4, A12, A13, D-8).
#include <gtest/gtest.h>

#include "base/planted.h"
#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

std::string Refusal(const World& world, const BrokerRegistered& registration) {
  const auto records = RegisterBroker(*world.image, registration);
  if (records) return "";
  EXPECT_EQ(records.error().code, ErrorCode::kFenced);
  return records.error().text;
}

TEST(RegisterBroker, AFounderIsBoundToItsDirectoryBeforeItEverRegistered) {
  World world(3);
  auto registration = Registration(2);
  registration.directory = TestUuid(99);
  EXPECT_NE(Refusal(world, registration).find("kronika broker replace 2 --uuid"),
            std::string::npos);
  world.Must(*RegisterBroker(*world.image, Registration(2)));
  EXPECT_EQ(world.image->RegisteredBrokers(), (std::vector<BrokerId>{{2}}));
}

TEST(RegisterBroker, RefusesCopiesAndOldDirectories) {
  World world = World::Registered(3);
  world.Must(*RegisterBroker(*world.image, Registration(1, 5)));
  EXPECT_NE(Refusal(world, Registration(1, 4)).find("rolled back or copied"), std::string::npos);
  auto copy = Registration(4);
  copy.directory = TestUuid(1);
  EXPECT_NE(Refusal(world, copy).find("belongs to broker 1"), std::string::npos);
  EXPECT_EQ(world.image->RegisteredBrokers().size(), 3u);
}

TEST(RegisterBroker, SayingTheSameTwiceDecidesNothing) {
  World world = World::Registered(3);
  EXPECT_TRUE(RegisterBroker(*world.image, Registration(2))->empty());
  auto moved = Registration(2, 2);
  moved.peer.host = "elsewhere";
  world.Must(*RegisterBroker(*world.image, moved));
  EXPECT_EQ(world.image->FindBroker({2})->peer.host, "elsewhere");
}

TEST(RegisterBroker, ANewBrokerBecomesALearnerOfTheMetadataGroup) {
  World world = World::Registered(3);
  const Index index = world.Must(*RegisterBroker(*world.image, Registration(4)));
  const GroupMembers members = world.image->metadata_group;
  ASSERT_TRUE(members.wish);
  EXPECT_EQ(members.wish->voters, members.voters);
  EXPECT_EQ(members.wish->learners, (std::vector<raft::ReplicaId>{{{4}, {index.value}}}));
  EXPECT_TRUE(RegisterBroker(*world.image, Registration(4))->empty());
  // Another one before the first is confirmed joins the same wish.
  world.Must(*RegisterBroker(*world.image, Registration(5)));
  EXPECT_EQ(world.image->metadata_group.wish->learners.size(), 2u);
}

TEST(ReplaceBroker, NeedsAKnownBrokerAndAFreshDirectory) {
  World world = World::Registered(3);
  EXPECT_EQ(ReplaceBroker(*world.image, {9}, TestUuid(77)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReplaceBroker(*world.image, {2}, TestUuid(2)).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(ReplaceBroker(*world.image, {2}, TestUuid(3)).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReplaceBroker(*world.image, {2}, Uuid{}).error().code, ErrorCode::kInvalidArgument);
}

// Runs the replacements to their end, every group reporting its wish as done at once; false if
// there is no end.
bool FinishReplacements(World& world) {
  for (int round = 0; round < 100; ++round) {
    const Records wishes = PlanReplacements(*world.image, 2);
    if (wishes.empty()) return true;
    const Index index = world.Must(wishes);
    for (const auto& record : wishes) {
      world.Must(
          ConfirmMembership(*world.image, std::get<MembershipWished>(record).group, index.value));
    }
  }
  return false;
}

TEST(ReplaceBroker, EveryReplicaGetsANewIncarnationTheMetadataGroupsFirst) {
  World world = World::Registered(3);
  world.Create({.name = "t", .partitions = 5});
  const ImagePtr before = world.image;
  const Index replaced = world.Must(*ReplaceBroker(*world.image, {2}, TestUuid(77)));
  EXPECT_NE(Refusal(world, Registration(2, 9)), "") << "the old directory stays outside";
  const Records first = PlanReplacements(*world.image, 100);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(std::get<MembershipWished>(first[0]).group, kMetadataGroup);
  const Index wished = world.Must(first);
  EXPECT_TRUE(PlanReplacements(*world.image, 100).empty())
      << "partitions wait for the metadata group";
  world.Must(ConfirmMembership(*world.image, kMetadataGroup, wished.value));
  EXPECT_EQ(PlanReplacements(*world.image, 100).size(), 5u);
  ASSERT_TRUE(FinishReplacements(world));
  for (std::uint32_t group = 0; group <= 5; ++group) {
    const GroupMembers old_members = *before->FindMembers({group});
    const GroupMembers members = *world.image->FindMembers({group});
    EXPECT_FALSE(members.wish);
    ASSERT_EQ(members.voters.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(members.voters[i].broker, old_members.voters[i].broker)
          << "places in the order stay";
      const bool renewed = members.voters[i].incarnation.value > replaced.value;
      EXPECT_EQ(renewed, members.voters[i].broker == BrokerId{2});
    }
  }
}

// Safety rule A4: nothing under the old identity. With the planted bug the renewed replicas keep
// it, and the plan, which sees that they are lost, never comes to an end.
TEST(ReplaceBroker, AReusedIdentityIsSeen) {
  for (const bool planted : {false, true}) {
    World world = World::Registered(3);
    world.Create({.name = "t"});
    world.Must(*ReplaceBroker(*world.image, {2}, TestUuid(77)));
    planted::Enable(planted ? "metadata-identity-reused" : "");
    EXPECT_EQ(FinishReplacements(world), !planted);
    planted::Enable("");
  }
}

TEST(ReplaceBroker, TwiceInARowRenewsWhatTheFirstHadBegun) {
  World world = World::Registered(3);
  world.Create({.name = "t"});
  world.Must(*ReplaceBroker(*world.image, {2}, TestUuid(77)));
  world.Must(PlanReplacements(*world.image, 100));
  const Index again = world.Must(*ReplaceBroker(*world.image, {2}, TestUuid(78)));
  ASSERT_TRUE(FinishReplacements(world));
  EXPECT_GT(world.image->FindMembers({0})->ReplicaOf({2}).incarnation.value, again.value);
  EXPECT_GT(world.image->FindMembers({1})->ReplicaOf({2}).incarnation.value, again.value);
}

TEST(ReplaceReplica, OnlyTheNamedReplicaIsRenewed) {
  World world = World::Registered(3);
  world.Create({.name = "t", .partitions = 2});
  const auto damaged = world.image->FindMembers({1})->ReplicaOf({3});
  const Index index = world.Must(*ReplaceReplica(*world.image, {1}, damaged));
  EXPECT_EQ(world.image->FindMembers({1})->ReplicaOf({3}).incarnation.value, index.value);
  EXPECT_FALSE(world.image->FindMembers({2})->wish);
  EXPECT_EQ(ReplaceReplica(*world.image, {1}, damaged).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReplaceReplica(*world.image, {8}, damaged).error().code, ErrorCode::kNotFound);
}

TEST(ConfirmMembership, OnlyTheNewestWishCounts) {
  World world = World::Registered(4);
  world.Create({.name = "t"});
  const auto replica = world.image->FindMembers({1})->voters.back();
  const Index first = world.Must(*ReplaceReplica(*world.image, {1}, replica));
  const auto renewed = world.image->FindMembers({1})->ReplicaOf(replica.broker);
  const Index second = world.Must(*ReplaceReplica(*world.image, {1}, renewed));
  EXPECT_TRUE(ConfirmMembership(*world.image, {1}, first.value).empty());
  EXPECT_FALSE(ConfirmMembership(*world.image, {1}, second.value).empty());
  EXPECT_TRUE(ConfirmMembership(*world.image, {9}, second.value).empty());
}

}  // namespace
}  // namespace kronika::metadata
