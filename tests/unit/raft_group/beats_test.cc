// Beats by exception: what is said, what is left out, and what a lost answer or a new stream does
// to it.
//
// Planted bug that was seen to be caught: beats-leave-groups-out.
#include "raft/beats.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

BeatGroup Led(std::uint32_t group, std::uint64_t term, std::uint64_t commit) {
  return {
      .group = GroupId{group}, .from = {1}, .to = {2}, .term = Term{term}, .commit = Index{commit}};
}

struct Pair {
  BeatSender sender;
  BeatReceiver receiver;
  std::vector<GroupId> refused;

  std::vector<BeatGroup> Exchange() {
    std::vector<BeatGroup> confirmed;
    auto beat = sender.Seal();
    if (!beat) return confirmed;
    auto answer = receiver.Receive(*beat, [&](const BeatGroup& group) {
      return std::find(refused.begin(), refused.end(), group.group) == refused.end();
    });
    sender.OnAnswer(answer, [&](const BeatGroup& group) { confirmed.push_back(group); });
    return confirmed;
  }
};

TEST(Beats, ConfirmedStateIsNotSaidAgain) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  EXPECT_EQ(pair.Exchange().size(), 1u);
  pair.sender.Add(Led(7, 3, 40));
  auto beat = pair.sender.Seal();
  EXPECT_TRUE(beat->full.empty());
  EXPECT_EQ(beat->unchanged, std::vector{GroupId{7}});
  pair.sender.Add(Led(7, 3, 41));
  EXPECT_EQ(pair.sender.Seal()->full.size(), 1u);
}

// A commit is told in the turn in which a read was asked for.
TEST(Beats, ALaterBeatOfTheTurnAnswersForTheRead) {
  Pair pair;
  BeatGroup read = Led(7, 3, 40);
  read.read_context = 5;
  pair.sender.Add(read);
  pair.sender.Add(Led(7, 3, 41));
  const auto beat = pair.sender.Seal();
  ASSERT_EQ(beat->full.size(), 1u);
  EXPECT_EQ(beat->full[0].read_context, 5u);
  EXPECT_EQ(beat->full[0].commit, Index{41});
  pair.sender.Add(read);
  pair.sender.Add(Led(7, 4, 41));
  EXPECT_EQ(pair.sender.Seal()->full[0].read_context, 0u);
}

// However many have nothing new: who is left out loses its leader.
TEST(Beats, EveryGroupIsInEveryBeat) {
  constexpr std::uint32_t kGroups = 1000;
  Pair pair;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t group = 1; group <= kGroups; ++group) pair.sender.Add(Led(group, 3, 40));
    const auto confirmed = pair.Exchange();
    ASSERT_EQ(confirmed.size(), kGroups) << "round " << round;
    for (std::uint32_t group = 1; group <= kGroups; ++group)
      EXPECT_EQ(confirmed[group - 1].group, GroupId{group});
  }
}

TEST(Beats, TheReceiverStepsTheLastFullState) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  pair.Exchange();
  pair.sender.Add(Led(7, 3, 40));
  auto beat = pair.sender.Seal();
  std::uint64_t commit = 0;
  auto answer = pair.receiver.Receive(*beat, [&](const BeatGroup& group) {
    commit = group.commit.value;
    return true;
  });
  EXPECT_EQ(commit, 40u);
  EXPECT_TRUE(answer.exceptions.empty());
}

TEST(Beats, AnExceptionIsSaidInFullNextTime) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  pair.Exchange();
  pair.refused = {GroupId{7}};
  pair.sender.Add(Led(7, 3, 40));
  EXPECT_TRUE(pair.Exchange().empty());
  pair.sender.Add(Led(7, 3, 40));
  EXPECT_EQ(pair.sender.Seal()->full.size(), 1u);
}

// A receiver that starts anew knows nothing of "unchanged": it must not confirm what it cannot
// name.
TEST(Beats, AFreshReceiverDoesNotConfirmUnchangedGroups) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  pair.Exchange();
  pair.receiver.Reset();
  pair.sender.Add(Led(7, 3, 40));
  EXPECT_TRUE(pair.Exchange().empty());
}

TEST(Beats, ANewStreamSaysEverything) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  pair.Exchange();
  pair.sender.Reset();
  pair.sender.Add(Led(7, 3, 40));
  EXPECT_EQ(pair.sender.Seal()->full.size(), 1u);
}

// A read context is only confirmed by the answer to the beat that carried it.
TEST(Beats, AReadContextIsAlwaysSaidAndConfirmedOnce) {
  Pair pair;
  pair.sender.Add(Led(7, 3, 40));
  pair.Exchange();
  auto asked = Led(7, 3, 40);
  asked.read_context = 99;
  pair.sender.Add(asked);
  auto confirmed = pair.Exchange();
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_EQ(confirmed[0].read_context, 99u);
  pair.sender.OnAnswer({.sequence = 2}, [](const BeatGroup&) { FAIL() << "answered twice"; });
}

TEST(Beats, OnlyABoundedNumberWaitsForAnswers) {
  BeatSender sender;
  for (std::size_t i = 0; i <= kUnansweredBeatsMax; ++i) {
    sender.Add(Led(7, 3, i));
    sender.Seal();
  }
  sender.OnAnswer({.sequence = 1}, [](const BeatGroup&) { FAIL() << "the oldest was let go"; });
  bool confirmed = false;
  sender.OnAnswer({.sequence = 2}, [&](const BeatGroup&) { confirmed = true; });
  EXPECT_TRUE(confirmed);
}

Message Response(std::uint64_t match) {
  return {.type = MessageType::kHeartbeatResponse,
          .from = {BrokerId{2}, {2}},
          .to = {BrokerId{1}, {1}},
          .term = Term{3},
          .log_index = Index{match}};
}

TEST(Beats, AResponseThatSaysNothingNewIsRepeatedByTheAnswer) {
  BeatReceiver receiver;
  EXPECT_FALSE(receiver.Repeats(GroupId{7}, Response(40)));
  EXPECT_TRUE(receiver.Repeats(GroupId{7}, Response(40)));
  EXPECT_FALSE(receiver.Repeats(GroupId{7}, Response(41)));
  BeatSender sender;
  EXPECT_FALSE(sender.ConfirmedResponse(Led(7, 3, 40)));
  sender.Remember(GroupId{7}, Response(41));
  ASSERT_TRUE(sender.ConfirmedResponse(Led(7, 3, 40)));
  EXPECT_EQ(sender.ConfirmedResponse(Led(7, 3, 40))->log_index, Index{41});
  EXPECT_FALSE(sender.ConfirmedResponse(Led(7, 4, 40))) << "another term";
}

}  // namespace
}  // namespace kronika::raft
