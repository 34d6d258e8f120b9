// The high watermarks of partitions that others lead: whom a broker asks, how often, and what it
// believes.
#include "broker/cluster/watermarks.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "tests/unit/broker/cluster/partition_world.h"

namespace kronika::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr BrokerId kSelf{1}, kSecond{2}, kThird{3};

class WatermarksTest : public testing::Test {
 protected:
  struct Asked {
    BrokerId to;
    raft::Call call;
    std::vector<PartitionId> partitions() const {
      return DecodePartitions(call.payload.bytes()).value();
    }
  };

  void SetUp() override { watermarks_.Start(); }
  void Want(std::initializer_list<std::int32_t> numbers) {
    wanted_.clear();
    for (const auto number : numbers) wanted_.push_back({topic_, number});
  }
  void Answer(std::size_t asked, const std::vector<std::int64_t>& watermarks) {
    calls_.OnAnswer(asked_[asked].to,
                    {asked_[asked].call.correlation, Slice::CopyOf(EncodeWatermarks(watermarks))});
  }
  std::int64_t Known(std::int32_t number) const {
    const auto* found = watermarks_.Find({topic_, number});
    return found == nullptr ? -1 : found->high_watermark;
  }
  Duration Age(std::int32_t number) { return loop_.Now() - watermarks_.Find({topic_, number})->at; }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  PartitionWorld world_;
  Uuid topic_{.bytes = {7}};
  std::vector<PartitionId> wanted_;
  std::vector<Asked> asked_;
  std::vector<raft::CallAnswer> answered_;
  raft::Calls calls_{
      loop_, 1,
      [this](BrokerId to, std::optional<raft::Call> call, std::optional<raft::CallAnswer> answer) {
        if (call) asked_.push_back({to, std::move(*call)});
        if (answer) answered_.push_back(std::move(*answer));
        return true;
      }};
  Watermarks watermarks_{{loop_, calls_, kSelf, world_, world_, [this] { return wanted_; }}};
};

TEST_F(WatermarksTest, EachLeaderIsAskedOnceForAllItsPartitions) {
  world_.leaders = {{0, kSecond}, {1, kThird}, {2, kSecond}, {3, kSelf}};
  world_.local[3].status = {.leads = true, .high_watermark = 33};
  Want({0, 1, 2, 3, 4});
  scheduler_.RunFor(milliseconds(9'900));
  EXPECT_TRUE(asked_.empty());
  scheduler_.RunFor(milliseconds(200));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[0].to, kSecond);
  EXPECT_EQ(asked_[0].partitions(), (std::vector<PartitionId>{{topic_, 0}, {topic_, 2}}));
  EXPECT_EQ(asked_[1].partitions(), (std::vector<PartitionId>{{topic_, 1}}));
  Answer(0, {10, 12});
  Answer(1, {11});
  EXPECT_EQ(Known(0), 10);
  EXPECT_EQ(Known(1), 11);
  EXPECT_EQ(Known(2), 12);
  EXPECT_EQ(Known(3), 33) << "nobody is asked for what is led here";
  EXPECT_EQ(Known(4), -1) << "nobody leads it";
  scheduler_.RunFor(seconds(9));
  EXPECT_EQ(asked_.size(), 2u);
  scheduler_.RunFor(seconds(1));
  EXPECT_EQ(asked_.size(), 4u);
}

TEST_F(WatermarksTest, WhatIsKnownGrowsOldUntilALeaderAnswers) {
  world_.leaders = {{0, kSecond}};
  Want({0});
  scheduler_.RunFor(seconds(10));
  Answer(0, {5});
  scheduler_.RunFor(seconds(10));
  EXPECT_EQ(Known(0), 5);
  EXPECT_EQ(Age(0), seconds(10));
  Answer(1, {-1});  // it does not lead any more
  EXPECT_EQ(Known(0), 5);
  world_.leaders[0] = kThird;
  scheduler_.RunFor(seconds(10));
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_EQ(asked_[2].to, kThird);
  Answer(2, {6});
  EXPECT_EQ(Known(0), 6);
  EXPECT_EQ(Age(0), seconds(0));
}

TEST_F(WatermarksTest, AnAnswerThatFitsNoQuestionIsNotBelieved) {
  world_.leaders = {{0, kSecond}, {1, kSecond}};
  Want({0, 1});
  scheduler_.RunFor(seconds(10));
  Answer(0, {5});
  EXPECT_EQ(Known(0), -1);
  scheduler_.RunFor(seconds(10));
  calls_.OnAnswer(kSecond, {asked_[1].call.correlation, Slice::CopyOf("nonsense")});
  EXPECT_EQ(Known(0), -1);
}

TEST_F(WatermarksTest, WhatIsNotWantedAnyMoreIsForgotten) {
  world_.leaders = {{0, kSecond}};
  Want({0});
  scheduler_.RunFor(seconds(10));
  Answer(0, {5});
  Want({});
  scheduler_.RunFor(seconds(10));
  EXPECT_EQ(Known(0), -1);
  EXPECT_EQ(asked_.size(), 1u) << "nobody is asked while nothing is wanted";
}

TEST_F(WatermarksTest, ManyPartitionsAreAskedForInPieces) {
  wanted_.clear();
  for (std::int32_t i = 0; i < 10'001; ++i) {
    wanted_.push_back({topic_, i});
    world_.leaders[i] = kSecond;
  }
  scheduler_.RunFor(seconds(10));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[0].partitions().size(), Watermarks::kPerCall);
  EXPECT_EQ(asked_[1].partitions().size(), 1u);
}

TEST_F(WatermarksTest, ALeaderAnswersForWhatItLeads) {
  world_.local[0].status = {.leads = true, .high_watermark = 8};
  world_.local[1].status = {.leads = false, .high_watermark = 9};
  const auto question = EncodePartitions({{topic_, 0}, {topic_, 1}, {topic_, 2}});
  const auto kind = static_cast<std::uint32_t>(CallKind::kHighWatermarks);
  calls_.OnCall(kSecond, {.correlation = 1, .kind = kind, .payload = Slice::CopyOf(question)});
  calls_.OnCall(kSecond,
                {.correlation = 2, .kind = kind, .payload = Slice::CopyOf("\xff\xff\xff\xff")});
  ASSERT_EQ(answered_.size(), 2u);
  ASSERT_TRUE(answered_[0].result);
  EXPECT_EQ(DecodeWatermarks(answered_[0].result->bytes()).value(),
            (std::vector<std::int64_t>{8, -1, -1}));
  EXPECT_EQ(answered_[1].result.error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace kronika::broker
