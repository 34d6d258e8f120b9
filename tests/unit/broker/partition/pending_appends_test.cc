// When a produce request may be answered. The rule "nothing is acknowledged before the disk" was
// seen to fail with the planted bug acks-one-before-sync (AcksOneWaitsForTheLeadersOwnDisk).
#include "broker/partition/pending_appends.h"

#include <gtest/gtest.h>

#include <map>

namespace kronika::broker {
namespace {

struct World {
  PendingAppends pending;
  std::map<int, AppendResult> answers;
  AppendProgress progress;

  PendingAppends::Pending Make(int id, std::uint64_t index, Acks acks) {
    return {Index{index}, acks, {.base_offset = id}, [this, id](AppendResult result) {
              answers[id] = result;
            }};
  }
  void Advance() { pending.Advance(progress); }
};

TEST(PendingAppends, AcksOneWaitsForTheLeadersOwnDisk) {
  World world;
  world.pending.Add(world.Make(1, 10, Acks::kLeader));
  world.progress.applied = Index{10};
  world.Advance();
  EXPECT_TRUE(world.answers.empty());
  world.progress.durable = Index{10};
  world.Advance();
  EXPECT_EQ(world.answers.at(1).base_offset, 1);
  EXPECT_TRUE(world.pending.empty());
}

TEST(PendingAppends, AcksAllWaitsForApplyAndForEnoughDisks) {
  World world;
  world.pending.Add(world.Make(1, 10, Acks::kAll));
  world.progress.durable = Index{10};
  world.progress.replicated = Index{10};
  world.Advance();
  EXPECT_TRUE(world.answers.empty()) << "committed means applied here";
  world.progress.applied = Index{10};
  world.progress.replicated = Index{9};
  world.Advance();
  EXPECT_TRUE(world.answers.empty()) << "min.insync.replicas above the majority";
  world.progress.replicated = Index{10};
  world.Advance();
  EXPECT_EQ(world.answers.size(), 1u);
}

TEST(PendingAppends, AnAcksOneBehindAnAcksAllDoesNotWaitForIt) {
  World world;
  world.pending.Add(world.Make(1, 10, Acks::kAll));
  world.pending.Add(world.Make(2, 11, Acks::kLeader));
  world.progress.durable = Index{11};
  world.Advance();
  EXPECT_EQ(world.answers.count(1), 0u);
  EXPECT_EQ(world.answers.count(2), 1u);
}

TEST(PendingAppends, ARetrySharesTheFateOfItsBatch) {
  World world;
  world.pending.Add(world.Make(1, 10, Acks::kAll));
  world.pending.Add(world.Make(2, 11, Acks::kAll));
  world.pending.AddRetry(world.Make(3, 10, Acks::kAll));
  world.progress = {.applied = Index{10}, .durable = Index{11}, .replicated = Index{11}};
  world.Advance();
  EXPECT_EQ(world.answers.count(1) + world.answers.count(3), 2u);
  EXPECT_EQ(world.answers.count(2), 0u);
  world.pending.FailAll(KafkaError::kNotLeaderOrFollower, "gone");
  EXPECT_EQ(world.answers.at(2).error, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(world.answers.at(1).error, KafkaError::kNone) << "an answer is given once";
}

}  // namespace
}  // namespace kronika::broker
