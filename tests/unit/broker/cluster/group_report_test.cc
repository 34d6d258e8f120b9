// What the admin port tells of consumer groups: their states, and the lag as far as high watermarks
// are known.
#include "broker/group/report.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "tests/unit/broker/cluster/partition_world.h"

namespace kronika::broker {
namespace {

using std::chrono::seconds;

constexpr BrokerId kSelf{1};

class GroupReportTest : public testing::Test {
 protected:
  void Commit(const std::string& group, std::int32_t partition, std::int64_t offset, Uuid topic) {
    const auto value = EncodeValue(StoredOffset{.offset = offset, .topic = topic});
    map_.Apply(AsBytes(EncodeKey(OffsetKey{group, "t", partition})), AsBytes(value));
  }
  void Lead(std::int32_t partition, std::int64_t high_watermark) {
    world_.leaders[partition] = kSelf;
    world_.local[partition].status = {.leads = true, .high_watermark = high_watermark};
  }
  std::vector<Coordinated> all() const { return {{&coordinator_, &map_}}; }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  const Uuid topic_{.bytes = {7}};
  PartitionWorld world_;
  raft::Calls calls_{loop_, 1, [](BrokerId, auto, auto) { return false; }};
  Watermarks watermarks_{
      {loop_, calls_, kSelf, world_, world_, [this] { return CommittedPartitions(all()); }}};
  GroupMap map_;
  Coordinator coordinator_{map_, {}, {}};
};

TEST_F(GroupReportTest, LagIsCountedWhereAHighWatermarkIsKnown) {
  watermarks_.Start();
  Commit("simple", 0, 10, topic_);
  Commit("simple", 1, 10, topic_);
  Commit("simple", 2, 10, topic_);
  Commit("other", 0, 40, topic_);
  Lead(0, 15);
  Lead(1, 13);
  auto before = SummarizeGroups(all(), watermarks_, loop_.Now());
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[1].partitions, 3u);
  EXPECT_EQ(before[1].partitions_known, 0u);
  EXPECT_EQ(before[1].lag_age_ms, -1);
  scheduler_.RunFor(seconds(12));
  const auto groups = SummarizeGroups(all(), watermarks_, loop_.Now());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].id, "other");
  EXPECT_EQ(groups[0].lag, 0) << "an offset that was set beyond the end";
  EXPECT_EQ(groups[1].id, "simple");
  EXPECT_EQ(groups[1].state, "Empty");
  EXPECT_EQ(groups[1].partitions_known, 2u);
  EXPECT_EQ(groups[1].lag, 8);
  EXPECT_EQ(groups[1].lag_max, 5);
  EXPECT_EQ(groups[1].lag_age_ms, 2'000);
}

TEST_F(GroupReportTest, MembersAreCounted) {
  const StoredGroup group{.protocol_type = "consumer",
                          .generation = 3,
                          .protocol = "range",
                          .leader = "a",
                          .state_timestamp_ms = 1,
                          .members = {{.id = "a", .assignment = "x"}, {.id = "b"}}};
  map_.Apply(AsBytes(EncodeKey(GroupKey{"live"})), AsBytes(EncodeValue(group)));
  const Coordinator coordinator(map_, {}, {});
  const auto groups = SummarizeGroups({{&coordinator, &map_}}, watermarks_, loop_.Now());
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].state, "Stable");
  EXPECT_EQ(groups[0].protocol, "range");
  EXPECT_EQ(groups[0].generation, 3);
  EXPECT_EQ(groups[0].members, 2u);
}

TEST_F(GroupReportTest, EachCommittedPartitionIsAskedForOnce) {
  Commit("one", 0, 1, topic_);
  Commit("two", 0, 2, topic_);
  Commit("two", 1, 2, topic_);
  Commit("old", 2, 2, {});  // from before topics had ids
  EXPECT_EQ(CommittedPartitions(all()), (std::vector<PartitionId>{{topic_, 0}, {topic_, 1}}));
}

}  // namespace
}  // namespace kronika::broker
