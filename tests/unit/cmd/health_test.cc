// What `kronika cluster health` names.
//
// Single thread.
#include "cmd/kronika/health.h"

#include <gtest/gtest.h>

namespace kronika::cmd {
namespace {

using Reasons = std::vector<std::string>;

// Three brokers; partition 0 of "t" is led by 1, all in sync.
HealthView Well() {
  HealthView view;
  view.info.controller = 1;
  for (std::int32_t id = 1; id <= 3; ++id) view.info.brokers.push_back({.id = id});
  view.info.topics.push_back(
      {.name = "t",
       .partitions = {{.index = 0, .leader = 1, .replicas = {1, 2, 3}, .in_sync = {1, 2, 3}}}});
  view.min_in_sync["t"] = 2;
  return view;
}

client::PartitionInfo& First(HealthView& view) {
  return view.info.topics[0].partitions[0];
}

TEST(Health, NothingIsWrong) {
  const Health health = Judge(Well());
  EXPECT_TRUE(health.reasons.empty());
  EXPECT_TRUE(health.partitions.empty());
  EXPECT_TRUE(TopicsInDoubt(Well()).empty());
}

// The others have not noticed yet: it is named, leads and counts as in sync.
TEST(Health, AKilledLeaderIsNamedAtOnce) {
  HealthView view = Well();
  view.silent = {1};
  const Health health = Judge(view);
  EXPECT_EQ(health.reasons, (Reasons{"broker 1 does not answer", "1 partition cannot be written"}));
  EXPECT_EQ(health.missing, (std::vector<std::int32_t>{1}));
  ASSERT_EQ(health.partitions.size(), 1U);
  EXPECT_EQ(health.partitions[0].text,
            "cannot be written: its leader, broker 1, does not answer; in sync 2,3 of 1,2,3; "
            "offline 1");
}

TEST(Health, ABrokerThatIsNamedNoMoreIsMissing) {
  HealthView view = Well();
  view.info.brokers.pop_back();
  First(view).in_sync = {1, 2};
  First(view).offline = {3};
  const Health health = Judge(view);
  EXPECT_EQ(health.reasons,
            (Reasons{"broker 3 is missing", "1 partition with replicas that are not in sync"}));
  EXPECT_EQ(health.partitions[0].text, "in sync 1,2 of 1,2,3; offline 3");
  EXPECT_TRUE(health.partitions[0].writable);
}

TEST(Health, TooFewInSyncCannotBeWritten) {
  HealthView view = Well();
  view.silent = {3};
  view.min_in_sync["t"] = 3;
  EXPECT_EQ(TopicsInDoubt(view), (Reasons{"t"}));
  Health health = Judge(view);
  ASSERT_EQ(health.partitions.size(), 1U);
  EXPECT_EQ(health.partitions[0].text,
            "cannot be written with acks=all: min.insync.replicas is 3; in sync 1,2 of 1,2,3; "
            "offline 3");
  view.min_in_sync.clear();  // not told: no wrong word
  health = Judge(view);
  EXPECT_EQ(health.partitions[0].text, "in sync 1,2 of 1,2,3; offline 3");
}

// Nothing is committed without one, whatever min.insync.replicas says, and who led before still
// names itself.
TEST(Health, WithoutAMajorityNothingCanBeWritten) {
  HealthView view = Well();
  view.min_in_sync["t"] = 1;
  view.silent = {2, 3};
  Health health = Judge(view);
  ASSERT_EQ(health.partitions.size(), 1U);
  EXPECT_FALSE(health.partitions[0].writable);
  EXPECT_EQ(health.partitions[0].text,
            "cannot be written: no majority of its replicas is there; in sync 1 of 1,2,3; offline "
            "2,3");
  First(view).leader = -1;
  health = Judge(view);
  EXPECT_EQ(health.partitions[0].text,
            "cannot be written: no leader; no majority of its replicas is there; in sync 1 of "
            "1,2,3; offline 2,3");
  First(view).replicas = {1, 2};  // half is no majority
  view.silent = {2};
  EXPECT_FALSE(Judge(view).partitions[0].writable);
}

TEST(Health, WithoutLeaderOrController) {
  HealthView view = Well();
  view.info.controller = -1;
  First(view).leader = -1;
  view.brokers_expected = 4;
  const Health health = Judge(view);
  EXPECT_EQ(health.reasons, (Reasons{"no controller", "3 of 4 brokers are there",
                                     "1 partition cannot be written"}));
  EXPECT_EQ(health.partitions[0].text, "cannot be written: no leader");
}

}  // namespace
}  // namespace kronika::cmd
