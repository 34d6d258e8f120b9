// CreateTopics, DeleteTopics and the offsets topic, by Kafka's rules.
#include <gtest/gtest.h>

#include "tests/unit/metadata/world.h"

namespace kronika::metadata {
namespace {

void ExpectRefused(World& world, TopicRequest request, RefusalCode code) {
  const ImagePtr before = world.image;
  const std::string name = request.name;
  const auto result = world.Create(std::move(request));
  ASSERT_TRUE(result.refusal) << name;
  EXPECT_EQ(result.refusal->code, code) << result.refusal->text;
  EXPECT_FALSE(result.refusal->text.empty());
  EXPECT_EQ(world.image, before);
}

TEST(CreateTopics, DefaultsAreOnePartitionAndThreeReplicasAtMost) {
  for (std::int32_t brokers = 1; brokers <= 5; ++brokers) {
    World world = World::Registered(brokers);
    const auto result = world.Create({.name = "t"});
    ASSERT_FALSE(result.refusal) << result.refusal->text;
    EXPECT_EQ(result.partitions, 1);
    EXPECT_EQ(result.replication_factor, std::min(brokers, 3));
    const auto voters = world.image->FindTopic("t")->partitions[0]->members.voters.size();
    EXPECT_EQ(voters, static_cast<std::size_t>(std::min(brokers, 3)));
  }
}

TEST(CreateTopics, Names) {
  World world = World::Registered(3);
  for (const std::string name : {"", ".", "..", "a b", "a/b", "caf\xc3\xa9"}) {
    ExpectRefused(world, {.name = name}, RefusalCode::kInvalidTopicName);
  }
  ExpectRefused(world, {.name = std::string(250, 'a')}, RefusalCode::kInvalidTopicName);
  EXPECT_FALSE(world.Create({.name = std::string(249, 'a')}).refusal);
  EXPECT_FALSE(world.Create({.name = "a.b_c-D9"}).refusal);
  ExpectRefused(world, {.name = "a.b_c-D9"}, RefusalCode::kTopicExists);
  ExpectRefused(world, {.name = "a_b.c-D9"}, RefusalCode::kInvalidTopicName);
}

TEST(CreateTopics, Counts) {
  World world = World::Registered(3);
  ExpectRefused(world, {.name = "t", .partitions = 0}, RefusalCode::kInvalidPartitions);
  ExpectRefused(world, {.name = "t", .partitions = -2}, RefusalCode::kInvalidPartitions);
  ExpectRefused(world, {.name = "t", .replication_factor = 0},
                RefusalCode::kInvalidReplicationFactor);
  ExpectRefused(world, {.name = "t", .replication_factor = -2},
                RefusalCode::kInvalidReplicationFactor);
  ExpectRefused(world, {.name = "t", .replication_factor = 4},
                RefusalCode::kInvalidReplicationFactor);
  ExpectRefused(world, {.name = "t", .partitions = 10'001}, RefusalCode::kPolicyViolation);
}

TEST(CreateTopics, Assignments) {
  World world = World::Registered(3);
  const auto code = RefusalCode::kInvalidReplicaAssignment;
  ExpectRefused(world, {.name = "t", .assignment = {{{1}, {1}}}}, code);
  ExpectRefused(world, {.name = "t", .assignment = {{{1}, {9}}}}, code);
  ExpectRefused(world, {.name = "t", .assignment = {std::vector<BrokerId>{}}}, code);
  ExpectRefused(world, {.name = "t", .assignment = {{{1}, {2}}, {{3}}}}, code);
  const std::vector<std::vector<BrokerId>> one = {{BrokerId{1}}};
  ExpectRefused(world, {.name = "t", .partitions = 1, .assignment = one},
                RefusalCode::kInvalidRequest);
  ExpectRefused(world, {.name = "t", .replication_factor = 1, .assignment = one},
                RefusalCode::kInvalidRequest);
  const auto result = world.Create({.name = "t", .assignment = {{{3}, {1}}, {{2}, {3}}}});
  EXPECT_EQ(result.partitions, 2);
  EXPECT_EQ(result.replication_factor, 2);
  EXPECT_EQ(world.image->FindTopic("t")->partitions[0]->members.voters.front().broker, BrokerId{3});
}

TEST(CreateTopics, Configs) {
  World world = World::Registered(3);
  const auto code = RefusalCode::kInvalidConfig;
  ExpectRefused(world, {.name = "t", .configs = {{"flush.messages", "1"}}}, code);
  ExpectRefused(world, {.name = "t", .configs = {{"segment.bytes", "1"}}}, code);
  ExpectRefused(world, {.name = "t", .configs = {{"segment.bytes", std::nullopt}}}, code);
  ExpectRefused(world, {.name = "t", .configs = {{"retention.ms", "1"}, {"retention.ms", "2"}}},
                code);
  ExpectRefused(world, {.name = "t", .configs = {{"max.message.bytes", "3000000"}}},
                code);  // above an entry's bound
  const auto result = world.Create({.name = "t",
                                    .configs = {{"retention.ms", "9"},
                                                {"message.format.version", "2.0"},
                                                {"cleanup.policy", "compact"}}});
  EXPECT_FALSE(result.refusal);
  const std::vector<ConfigValue> kept = {{"cleanup.policy", "compact"}, {"retention.ms", "9"}};
  EXPECT_EQ(world.image->FindTopic("t")->configs, kept) << "a no-op is accepted and not kept";
}

TEST(CreateTopics, OneRequestOfManyAnswersEach) {
  World world = World::Registered(3);
  const std::vector<TopicRequest> requests = {{.name = "twice", .id = TestUuid(101)},
                                              {.name = "a.b", .id = TestUuid(102), .partitions = 2},
                                              {.name = "twice", .id = TestUuid(103)},
                                              {.name = "a_b", .id = TestUuid(104)},
                                              {.name = "c", .id = TestUuid(105), .partitions = 2}};
  const auto plan = CreateTopics(world.View(), requests);
  ASSERT_EQ(plan.results.size(), requests.size());
  EXPECT_EQ(plan.results[0].refusal->code, RefusalCode::kInvalidRequest);
  EXPECT_EQ(plan.results[2].refusal->code, RefusalCode::kInvalidRequest);
  EXPECT_FALSE(plan.results[1].refusal);
  EXPECT_EQ(plan.results[3].refusal->code, RefusalCode::kInvalidTopicName)
      << "it collides with one of this request";
  EXPECT_EQ(plan.results[4].id, TestUuid(105));
  world.Must(plan.records);
  EXPECT_EQ(world.image->FindGroup({3}).topic->name, "c") << "group ids go on within a request";
  EXPECT_EQ(world.image->next_group, GroupId{5});
}

// One broker of three is down: a topic with three replicas can be written by the other two, and two
// down are too many.
TEST(CreateTopics, TheDeadGetReplicasOnlyWhereAMajorityLives) {
  World world = World::Registered(3);
  ControllerView view = world.View();
  view.live = {{1}, {3}};
  auto plan = CreateTopics(
      view, std::vector<TopicRequest>{{.name = "t", .id = TestUuid(9), .partitions = 4}});
  ASSERT_FALSE(plan.results[0].refusal);
  for (const auto& partition : std::get<TopicCreated>(plan.records[0]).partitions) {
    EXPECT_EQ(partition.replicas.size(), 3u);
    EXPECT_NE(partition.replicas[0].broker, BrokerId{2});
    EXPECT_EQ(partition.replicas[2].broker, BrokerId{2});
  }
  view.live = {{1}};
  plan = CreateTopics(view, std::vector<TopicRequest>{{.name = "t", .id = TestUuid(9)}});
  EXPECT_EQ(plan.results[0].refusal->code, RefusalCode::kInvalidReplicationFactor);
}

TEST(CreateTopics, AnEntryHasABound) {
  World world = World::Registered(3);
  ControllerView view = world.View();
  view.entry_bytes_max = 2000;
  const std::vector<TopicRequest> requests = {{.name = "big", .id = TestUuid(9), .partitions = 100},
                                              {.name = "t", .id = TestUuid(8)}};
  const auto plan = CreateTopics(view, requests);
  EXPECT_EQ(plan.results[0].refusal->code, RefusalCode::kPolicyViolation);
  EXPECT_FALSE(plan.results[1].refusal);
}

// Safety rule C10: the floor lies above every epoch that anyone may have seen.
TEST(DeleteTopics, ByNameOrIdRaisesTheFloor) {
  World world = World::Registered(3);
  world.Create({.name = "a"});
  world.Create({.name = "b"});
  const Uuid b = world.image->FindTopic("b")->id;
  const std::vector<DeleteRequest> requests = {{.name = "a", .highest_leader_epoch = {7}},
                                               {.id = b, .highest_leader_epoch = {3}},
                                               {.name = "b"},
                                               {.name = "none"},
                                               {.id = TestUuid(1)}};
  const auto plan = DeleteTopics(*world.image, requests);
  EXPECT_FALSE(plan.results[0].refusal);
  EXPECT_EQ(plan.results[1].name, "b");
  EXPECT_EQ(plan.results[2].refusal->code, RefusalCode::kInvalidRequest);
  EXPECT_EQ(plan.results[3].refusal->code, RefusalCode::kUnknownTopic);
  EXPECT_EQ(plan.results[4].refusal->code, RefusalCode::kUnknownTopicId);
  world.Must(plan.records);
  EXPECT_TRUE(world.image->topics.empty());
  EXPECT_EQ(world.image->epoch_floor, Term{23});
  // A topic of which nobody has heard an epoch still lies above its own floor.
  world.Create({.name = "a"});
  world.Must(DeleteTopics(*world.image, std::vector<DeleteRequest>{{.name = "a"}}).records);
  EXPECT_EQ(world.image->epoch_floor, Term{39});
}

TEST(ProducerIds, BlocksDoNotOverlap) {
  World world = World::Registered(2);
  world.Must(AllocateProducerIds(*world.image, {1}));
  const auto second = AllocateProducerIds(*world.image, {2});
  EXPECT_EQ(std::get<ProducerIdsAllocated>(second[0]).first, 1000);
  world.Must(second);
  EXPECT_EQ(world.image->next_producer_id, 2000);
}

}  // namespace
}  // namespace kronika::metadata
