// Which directories may stand for a broker, and which replicas an image means in one: safety rules
// A3, A4, A12 and D-8. Each test names the planted bug that it was seen to catch
// (KRONIKA_PLANTED=name).
#include "metadata/directory_claim.h"

#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

constexpr BrokerId kTwo{2};

BrokerRegistered Life(std::uint64_t boot_epoch, std::uint64_t format_nonce,
                      std::uint64_t process_nonce) {
  auto registration = Registration(2, boot_epoch);
  registration.format_nonce = format_nonce;
  registration.process_nonce = process_nonce;
  return registration;
}

// The refusal of a registration, which is what a peer's hello and a record are refused with, too.
std::string Refusal(const World& world, const BrokerRegistered& registration) {
  const Status claim = CheckClaim(*world.image->FindBroker(kTwo), ClaimOf(registration));
  const auto records = RegisterBroker(*world.image, registration);
  EXPECT_EQ(claim.has_value(), records.has_value());
  auto applied = world;
  EXPECT_EQ(claim.has_value(), applied.Apply({registration}).has_value());
  if (claim) return "";
  EXPECT_EQ(claim.error().code, ErrorCode::kFenced);
  EXPECT_EQ(claim.error().text, records.error().text);
  return claim.error().text;
}

bool Says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(DirectoryClaim, ANextLifeIsWelcomeAndSoIsTheSameOne) {
  World world(3);
  EXPECT_EQ(Refusal(world, Life(1, 77, 5)), "") << "a founder that was not heard of yet";
  world.Must(*RegisterBroker(*world.image, Life(1, 77, 5)));
  EXPECT_EQ(Refusal(world, Life(1, 77, 5)), "");
  EXPECT_EQ(Refusal(world, Life(2, 77, 6)), "");
}

// Planted: formatted-again. The broker had been started once; so has the new directory under its
// UUID, and nothing but the nonce tells them apart.
TEST(DirectoryClaim, ADirectoryThatWasFormattedAgainUnderItsUuidIsRefused) {
  World world(3);
  world.Must(*RegisterBroker(*world.image, Life(1, 77, 5)));
  EXPECT_TRUE(Says(Refusal(world, Life(2, 78, 6)), "was formatted again under UUID"));
  EXPECT_TRUE(Says(Refusal(world, Life(2, 78, 6)),
                   "`kronika format --config FILE --from FOUNDING --replace 2`"));
  EXPECT_TRUE(Says(Refusal(world, Life(1, 78, 5)), "formatted again"));
}

// Planted: rolled-back-by-one. The copy was taken in life 5 and opened again after life 6.
TEST(DirectoryClaim, AnOlderStateOfTheDirectoryIsRefused) {
  World world(3);
  world.Must(*RegisterBroker(*world.image, Life(6, 77, 16)));
  EXPECT_TRUE(Says(Refusal(world, Life(5, 77, 15)), "boot epoch 5 after 6"));
  EXPECT_TRUE(Says(Refusal(world, Life(6, 77, 26)), "another process was broker 2"));
}

TEST(DirectoryClaim, AReplacedBrokersNewDirectoryBeginsAtItsFirstLife) {
  World world(3);
  world.Must(*RegisterBroker(*world.image, Life(6, 77, 16)));
  world.Must(*ReplaceBroker(*world.image, kTwo, TestUuid(92)));
  EXPECT_TRUE(Says(Refusal(world, Life(7, 77, 17)), "kronika broker replace 2 --uuid"));
  auto successor = Life(1, 99, 1);
  successor.directory = TestUuid(92);
  EXPECT_EQ(Refusal(world, successor), "");
  world.Must(*RegisterBroker(*world.image, successor));
  EXPECT_EQ(world.image->FindBroker(kTwo)->format_nonce, 99u);
}

// Planted: lost-replica-founded-again. Between the word that the broker is replaced and the wish
// that renews its replicas the image names replicas that nobody has any more.
TEST(PlacedIn, AReplicaThatWasLostIsNotMeantInTheNewDirectory) {
  World world = World::Registered(3);
  const auto created = world.Create({.name = "t", .partitions = 1, .replication_factor = 3});
  ASSERT_FALSE(created.refusal);
  const auto replica = [&] {
    return world.image->FindTopic("t")->partitions[0]->members.ReplicaOf(kTwo);
  };
  const raft::ReplicaId lost = replica();
  EXPECT_TRUE(PlacedIn(*world.image, lost, TestUuid(2)));
  EXPECT_FALSE(PlacedIn(*world.image, lost, TestUuid(92)));
  world.Must(*ReplaceBroker(*world.image, kTwo, TestUuid(92)));
  EXPECT_FALSE(PlacedIn(*world.image, lost, TestUuid(92))) << "it would vote a second time";
  EXPECT_FALSE(PlacedIn(*world.image, lost, TestUuid(2)));
  EXPECT_FALSE(PlacedIn(*world.image, {}, TestUuid(92)));
  const auto renewed = world.Must(
      *ReplaceReplica(*world.image, world.image->FindTopic("t")->partitions[0]->group, lost));
  EXPECT_EQ(replica().incarnation.value, renewed.value);
  EXPECT_TRUE(PlacedIn(*world.image, replica(), TestUuid(92)));
}

// Planted: founding-replica-given-away. A founder whose directory is empty has lost its votes.
TEST(MetadataReplicaFor, AFoundersOwnReplicaIsNeverGivenAway) {
  World world = World::Registered(3);
  ASSERT_EQ(world.image->metadata_group.ReplicaOf(kTwo).incarnation, Incarnation{});
  EXPECT_FALSE(MetadataReplicaFor(*world.image, kTwo, TestUuid(2)).valid());
  world.Must(*ReplaceBroker(*world.image, kTwo, TestUuid(92)));
  EXPECT_FALSE(MetadataReplicaFor(*world.image, kTwo, TestUuid(92)).valid()) << "not placed yet";
  const Index wished = world.Must(PlanReplacements(*world.image, 1));
  EXPECT_EQ(MetadataReplicaFor(*world.image, kTwo, TestUuid(92)),
            (raft::ReplicaId{kTwo, Incarnation{wished.value}}));
  EXPECT_FALSE(MetadataReplicaFor(*world.image, kTwo, TestUuid(2)).valid());
}

}  // namespace
}  // namespace kronika::metadata
