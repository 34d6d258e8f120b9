// When a link's frames leave: appends wait for an answer to earlier ones, commit notices for
// company.
#include "raft/peer_link.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class CountingTransport final : public Transport {
 public:
  void SetHandlers(FrameHandler, PeerHandler) override {}
  void Reset(BrokerId, Lane) override {}
  bool Send(BrokerId, Lane lane, Frame) override {
    ++sent[static_cast<std::size_t>(lane)];
    return true;
  }
  int data() const { return sent[static_cast<std::size_t>(Lane::kData)]; }
  int liveness() const { return sent[static_cast<std::size_t>(Lane::kLiveness)]; }

 private:
  std::array<int, kLanes> sent{};
};

class PeerLinkTest : public testing::Test {
 protected:
  PeerLinkTest() {
    for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp}) link.SetUp(lane, true);
  }
  void Add(MessageType type, std::size_t bytes = 100) {
    link.Add({GroupId{5}, Generation{1}, {.type = type, .to = {BrokerId{2}, Incarnation{1}}}},
             bytes);
  }
  void AddBeat(GroupId group, std::uint64_t read_context = 0) {
    link.Add(BeatGroup{.group = group, .read_context = read_context});
  }
  static Instant At(Duration since) { return Instant{since}; }

  CountingTransport transport;
  PeerLink link{BrokerId{2}, transport};
};

TEST_F(PeerLinkTest, TheFirstAppendLeavesWithItsTurn) {
  Add(MessageType::kAppend);
  EXPECT_FALSE(link.Flush(At(milliseconds(1))));
  EXPECT_EQ(transport.data(), 1);
}

TEST_F(PeerLinkTest, AppendsWaitForTheAnswerToEarlierOnes) {
  Add(MessageType::kAppend);
  link.Flush(At(milliseconds(1)));
  Add(MessageType::kAppend);
  EXPECT_EQ(link.Flush(At(milliseconds(2))), At(milliseconds(2) + kAppendHoldMax));
  Add(MessageType::kAppend);
  EXPECT_EQ(link.Flush(At(milliseconds(2) + microseconds(500))),
            At(milliseconds(2) + kAppendHoldMax));
  EXPECT_EQ(transport.data(), 1);
  link.OnAppendAnswered();
  EXPECT_FALSE(link.Flush(At(milliseconds(2) + microseconds(600))));
  EXPECT_EQ(transport.data(), 2) << "both in one frame";
}

TEST_F(PeerLinkTest, AppendsWaitNoLongerThanTheLimit) {
  Add(MessageType::kAppend);
  link.Flush(At(milliseconds(1)));
  Add(MessageType::kAppend);
  link.Flush(At(milliseconds(2)));
  EXPECT_FALSE(link.Flush(At(milliseconds(2) + kAppendHoldMax)));
  EXPECT_EQ(transport.data(), 2);
}

TEST_F(PeerLinkTest, ManyBytesOrAnythingElseTakesAppendsAlong) {
  Add(MessageType::kAppend);
  link.Flush(At(milliseconds(1)));
  Add(MessageType::kAppend, kHeldBytesMax);
  EXPECT_FALSE(link.Flush(At(milliseconds(1))));
  EXPECT_EQ(transport.data(), 2);
  Add(MessageType::kAppend);
  Add(MessageType::kAppendResponse);
  EXPECT_FALSE(link.Flush(At(milliseconds(1))));
  EXPECT_EQ(transport.data(), 3);
}

TEST_F(PeerLinkTest, ANewStreamOwesNothing) {
  Add(MessageType::kAppend);
  link.Flush(At(milliseconds(1)));
  link.SetUp(Lane::kData, false);
  link.SetUp(Lane::kData, true);
  Add(MessageType::kAppend);
  EXPECT_FALSE(link.Flush(At(milliseconds(1))));
  EXPECT_EQ(transport.data(), 2);
}

TEST_F(PeerLinkTest, ABeatWaitsForCompanyUnlessSomebodyWaitsForIt) {
  AddBeat(GroupId{5});
  EXPECT_EQ(link.Flush(At(milliseconds(1))), At(milliseconds(1) + kBeatHoldMax));
  EXPECT_EQ(transport.liveness(), 0);
  AddBeat(GroupId{6}, 77);
  EXPECT_FALSE(link.Flush(At(milliseconds(2))));
  EXPECT_EQ(transport.liveness(), 1);
  AddBeat(kMetadataGroup);
  EXPECT_FALSE(link.Flush(At(milliseconds(3))));
  EXPECT_EQ(transport.liveness(), 2);
  AddBeat(GroupId{5});
  link.Flush(At(milliseconds(4)));
  EXPECT_FALSE(link.Flush(At(milliseconds(4) + kBeatHoldMax)));
  EXPECT_EQ(transport.liveness(), 3);
}

}  // namespace
}  // namespace kronika::raft
