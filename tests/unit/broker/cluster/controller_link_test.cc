// Asking the controller: whom, when again, and when not. Sees the planted bug
// hanging-controller-waited-for.
#include "broker/cluster/controller_link.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"

namespace kronika::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr BrokerId kSelf{1}, kOld{2}, kNew{3};

class ControllerLinkTest : public testing::Test {
 protected:
  struct Asked {
    BrokerId to;
    raft::Call call;
  };

  void Ask(CallKind kind) {
    link_.Ask(kind, Slice::CopyOf("question"), loop_.Now() + seconds(10),
              [this](Result<Slice> answer) { answers_.push_back(std::move(answer)); });
  }
  void Answer(std::size_t asked, Result<Slice> answer) {
    calls_.OnAnswer(asked_[asked].to, {asked_[asked].call.correlation, std::move(answer)});
  }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  BrokerId controller_ = kOld;
  std::vector<Asked> asked_;
  std::vector<Result<Slice>> answers_;
  raft::Calls calls_{loop_, 1, [this](BrokerId to, std::optional<raft::Call> call, auto) {
                       if (call) asked_.push_back({to, std::move(*call)});
                       return true;
                     }};
  ControllerLink link_{{loop_, calls_, [](CallKind, const Slice&, Done<Slice>) {}, kSelf,
                        [this] { return controller_; }, [](BrokerId) { return true; }}};
};

TEST_F(ControllerLinkTest, AQuestionToOneThatHangsGoesToItsSuccessor) {
  Ask(CallKind::kAllocateProducerIds);
  ASSERT_EQ(asked_.size(), 1u);
  scheduler_.RunFor(seconds(1));
  EXPECT_EQ(asked_.size(), 1u) << "the same controller is not asked twice";
  controller_ = kNoBroker;
  scheduler_.RunFor(seconds(1));
  controller_ = kNew;
  scheduler_.RunFor(milliseconds(100));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[1].to, kNew);
  Answer(0, Slice::CopyOf("too late"));
  EXPECT_TRUE(answers_.empty());
  Answer(1, Slice::CopyOf("answer"));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0]->text(), "answer");
  scheduler_.RunFor(seconds(20));
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(ControllerLinkTest, WhatMustNotBeDoneTwiceIsAskedOnce) {
  Ask(CallKind::kCreateTopics);
  controller_ = kNew;
  scheduler_.RunFor(seconds(1));
  EXPECT_EQ(asked_.size(), 1u);
  scheduler_.RunFor(seconds(10));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::kTimedOut);
}

TEST_F(ControllerLinkTest, WhoIsNotTheControllerIsAskedAgain) {
  Ask(CallKind::kCreateTopics);
  Answer(0, Fail(ErrorCode::kNotLeader, "not me"));
  controller_ = kNew;
  scheduler_.RunFor(milliseconds(100));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[1].to, kNew);
}

}  // namespace
}  // namespace kronika::broker
