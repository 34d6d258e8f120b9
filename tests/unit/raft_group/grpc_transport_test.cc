// The real transport: two or three transports over real sockets in one process, each on a loop of
// its own.
//
// Source: raft/transport.h, raft/grpc_transport.h (safety rules B9, B10, D-8, D-11). No test
// sleeps: the loops turn until what is waited for has happened. Seen to fail: without the write
// queue's bound AFullQueueIsRefused gets no refusal; without the report of a lost stream
// APeerThatEnds... and APeerThatStartsAgain... see no "down"; with a stream kept open that could
// not be judged AHelloThatCannotBeJudgedYet... is not asked again.
#include <gtest/gtest.h>

#include "tests/unit/raft_group/transport_ends.h"

namespace kronika::raft {
namespace {

TEST(GrpcTransport, FramesGoBothWaysOnEveryLane) {
  Pair pair;
  for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp}) {
    EXPECT_TRUE(pair.one.transport->Send(pair.two.broker, lane, {"header", {Pattern(10, 1)}}));
    EXPECT_TRUE(pair.two.transport->Send(pair.one.broker, lane, {"", {}}));
  }
  ASSERT_TRUE(RunUntil({&pair.one, &pair.two}, [&] {
    return pair.one.received.size() == 3 && pair.two.received.size() == 3;
  }));
  std::set<Lane> lanes;
  for (const auto& got : pair.two.received) {
    lanes.insert(got.lane);
    EXPECT_EQ(pair.one.broker, got.from);
    EXPECT_EQ("header", got.frame.header);
    ASSERT_EQ(1U, got.frame.payload.size());
    EXPECT_EQ(Pattern(10, 1).text(), got.frame.payload.front().text());
  }
  EXPECT_EQ(3U, lanes.size());
  EXPECT_TRUE(pair.one.received.front().frame.payload.empty());
  for (const auto& state : pair.one.states) EXPECT_EQ(7U, state.boot_epoch);
}

TEST(GrpcTransport, ABigFrameArrivesWholeAndInOrder) {
  Pair pair;
  const Slice big = Pattern(std::size_t{20} << 20, 3);
  const Slices parts{big.Sub(0, 5), big.Sub(5, big.size() - 5)};
  ASSERT_TRUE(pair.one.transport->Send(pair.two.broker, Lane::kData, {"first", {}}));
  ASSERT_TRUE(pair.one.transport->Send(pair.two.broker, Lane::kData, {"big", parts}));
  ASSERT_TRUE(RunUntil({&pair.one, &pair.two}, [&] { return pair.two.received.size() == 2; }));
  EXPECT_EQ("first", pair.two.received[0].frame.header);
  EXPECT_EQ("big", pair.two.received[1].frame.header);
  ASSERT_EQ(big.size(), TotalSize(pair.two.received[1].frame.payload));
  EXPECT_TRUE(big.text() == pair.two.received[1].frame.payload.front().text());
}

// One frame may be larger than the queue; a queue that has something takes no more than its bound.
TEST(GrpcTransport, AFullQueueIsRefused) {
  Pair pair;
  const Slice piece = Pattern(600 << 10, 5);
  int taken = 0;
  while (taken < 200 && pair.one.transport->Send(pair.two.broker, Lane::kData, {"x", {piece}}))
    ++taken;
  EXPECT_GE(taken, 1);
  EXPECT_LT(taken, 200) << "two is not reading: its loop does not turn, but gRPC takes some";
  ASSERT_TRUE(RunUntil({&pair.one, &pair.two}, [&] {
    return pair.two.received.size() == static_cast<std::size_t>(taken);
  })) << "what was taken arrives";
}

TEST(GrpcTransport, APeerThatEndsIsDownOnEveryLane) {
  Pair pair;
  pair.two.transport.reset();
  ASSERT_TRUE(RunUntil({&pair.one}, [&] {
    return !pair.one.up[{pair.two.broker, Lane::kLiveness}] &&
           !pair.one.up[{pair.two.broker, Lane::kData}] &&
           !pair.one.up[{pair.two.broker, Lane::kCatchUp}];
  }));
  EXPECT_FALSE(pair.one.transport->Send(pair.two.broker, Lane::kData, {"x", {}}));
}

TEST(GrpcTransport, APeerThatStartsAgainIsDownThenUp) {
  for (const bool dialler : {true, false}) {
    Pair pair;
    End& victim = dialler ? pair.one : pair.two;
    End& other = dialler ? pair.two : pair.one;
    other.states.clear();
    victim.transport.reset();
    End again(victim.broker.value, victim.port);
    ASSERT_TRUE(again.Start());
    again.transport->SetPeerAddress(other.broker, other.address());
    ASSERT_TRUE(RunUntil({&other, &again},
                         [&] {
                           return again.AllUp(other.broker) && other.AllUp(again.broker) &&
                                  other.states.size() >= 6;
                         }))
        << "broker " << victim.broker.value;
    int down = 0;
    for (const auto& state : other.states) down += state.up ? 0 : 1;
    EXPECT_EQ(3, down);
    ASSERT_TRUE(other.transport->Send(again.broker, Lane::kData, {"back", {}}));
    ASSERT_TRUE(RunUntil({&other, &again}, [&] { return again.received.size() == 1; }));
  }
}

// The dialler and the one that is dialled may each refuse; nothing is carried either way.
TEST(GrpcTransport, ARefusedHelloCarriesNothing) {
  for (bool dialler_refuses : {true, false}) {
    End one(1), two(2);
    int asked = 0;
    auto refuse = [&](const PeerHello& peer) -> Status {
      ++asked;
      EXPECT_EQ("c", peer.cluster_id);
      EXPECT_EQ(7U, peer.boot_epoch);
      return Fail(ErrorCode::kFenced, "not of this cluster");
    };
    auto accept = [](const PeerHello&) { return Status(); };
    ASSERT_TRUE(dialler_refuses ? one.Start(refuse) : one.Start(accept));
    ASSERT_TRUE(dialler_refuses ? two.Start(accept) : two.Start(refuse));
    one.transport->SetPeerAddress(two.broker, two.address());
    ASSERT_TRUE(RunUntil({&one, &two}, [&] { return asked >= 6; })) << "it is dialled again";
    EXPECT_FALSE(
        (dialler_refuses ? one : two)
            .transport->Send((dialler_refuses ? two : one).broker, Lane::kData, {"x", {}}));
    for (const auto& state : (dialler_refuses ? one : two).states) EXPECT_FALSE(state.up);
    EXPECT_TRUE(one.log.Say("not of this cluster"));
    EXPECT_TRUE(two.log.Say("not of this cluster")) << "whoever is refused learns why";
    EXPECT_TRUE(one.received.empty());
    EXPECT_TRUE(two.received.empty());
  }
}

// A broker that cannot say yet who its peers are lets them ask again, and is reached then.
TEST(GrpcTransport, AHelloThatCannotBeJudgedYetIsAskedAgain) {
  End one(1), two(2);
  bool ready = false;
  int asked = 0;
  ASSERT_TRUE(one.Start());
  ASSERT_TRUE(two.Start([&](const PeerHello&) -> Status {
    ++asked;
    if (ready) return {};
    return Fail(ErrorCode::kUnavailable, "starting");
  }));
  one.transport->SetPeerAddress(two.broker, two.address());
  ASSERT_TRUE(RunUntil({&one, &two}, [&] { return asked >= 3; }));
  ready = true;
  ASSERT_TRUE(
      RunUntil({&one, &two}, [&] { return one.AllUp(two.broker) && two.AllUp(one.broker); }));
}

TEST(GrpcTransport, AnotherBrokerAtTheAddressIsRefused) {
  End one(1), three(3);
  ASSERT_TRUE(one.Start());
  int asked = 0;
  ASSERT_TRUE(three.Start([&](const PeerHello&) {
    ++asked;
    return Status();
  }));
  one.transport->SetPeerAddress(BrokerId{2}, three.address());
  ASSERT_TRUE(RunUntil({&one, &three}, [&] { return asked >= 4; }));
  EXPECT_TRUE(one.states.empty());
}

TEST(GrpcTransport, APeerThatMovedIsFound) {
  End one(1), two(2);
  ASSERT_TRUE(one.Start());
  ASSERT_TRUE(two.Start());
  one.transport->SetPeerAddress(two.broker, "127.0.0.1:1");
  one.transport->SetPeerAddress(two.broker, "localhost:" + std::to_string(two.port));
  ASSERT_TRUE(
      RunUntil({&one, &two}, [&] { return one.AllUp(two.broker) && two.AllUp(one.broker); }));
}

TEST(GrpcTransport, APortInUseIsOneClearError) {
  End one(1);
  ASSERT_TRUE(one.Start());
  End other(2, one.port);
  const Status started = other.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(ErrorCode::kAlreadyExists, started.error().code);
  EXPECT_NE(std::string::npos, started.error().text.find(one.address()));
}

// Whoever takes no frames yet is not connected to: what arrived would be lost without a word.
TEST(GrpcTransport, NoLaneIsUpBeforeTheHandlersAreSet) {
  End one(1), two(2);
  ASSERT_TRUE(one.Start());
  auto made = GrpcTransport::Start(
      two.loop, two.log,
      {.listen_address = two.address(),
       .self = {.cluster_id = "c", .broker = two.broker, .boot_epoch = 7, .process_nonce = 1}},
      [](const PeerHello&) { return Status(); });
  ASSERT_TRUE(made);
  one.transport->SetPeerAddress(two.broker, two.address());
  EXPECT_FALSE(RunFor({&one, &two}, std::chrono::milliseconds(700),
                      [&] { return one.up[{two.broker, Lane::kData}]; }));
  int taken = 0;
  (*made)->SetHandlers([&](BrokerId, Lane, Frame) { ++taken; }, [](PeerState) {});
  ASSERT_TRUE(RunUntil({&one, &two}, [&] { return one.AllUp(two.broker); }));
  ASSERT_TRUE(one.transport->Send(two.broker, Lane::kCatchUp, {"taken", {}}));
  ASSERT_TRUE(RunUntil({&one, &two}, [&] { return taken == 1; }));
}

}  // namespace
}  // namespace kronika::raft
