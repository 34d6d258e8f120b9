// Connection: order of requests and replies, bounds, and every way in which a connection ends.
#include "broker/net/connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "tests/unit/broker/net/connection_fakes.h"
#include "tests/unit/broker/net/socket_client.h"

namespace kronika::broker::net {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  void Open(ConnectionLimits limits = {}) {
    connection = std::make_shared<Connection>(limits, Peer{.id = 1}, &stream, &sink, memory);
    connection->Start();
  }
  std::size_t Give(std::string_view bytes) { return Feed(*connection, stream, bytes); }
  void FinishSend() {
    ASSERT_TRUE(stream.sending);
    stream.sending = false;
    connection->OnSent();
  }

  SeededRng rng{1};
  SimScheduler scheduler{rng};
  SimLoop loop{scheduler};
  std::shared_ptr<RequestMemory> memory =
      std::make_shared<RequestMemory>(&loop, &NullLog(), RequestMemoryOptions{});
  FakeStream stream;
  FakeSink sink;
  std::shared_ptr<Connection> connection;
};

// Seen to fail when replies are sent in the order of completion.
TEST_F(ConnectionTest, RepliesLeaveInTheOrderOfTheRequests) {
  Open();
  Give(Framed("a") + Framed("b") + Framed("c"));
  EXPECT_EQ(sink.requests, (std::vector<std::string>{"a", "b", "c"}));
  sink.Reply(2, "C");
  sink.Reply(1, "B");
  EXPECT_EQ(stream.sent, "");
  sink.Reply(0, "A");
  EXPECT_EQ(stream.sent, Framed("A") + Framed("B") + Framed("C"));
  EXPECT_EQ(stream.sends, 1) << "due replies share one write";
}

TEST_F(ConnectionTest, AnswersFromInsideHandle) {
  sink.answer_at_once = true;
  Open();
  Give(Framed("a") + Framed("b"));
  EXPECT_EQ(stream.sent, Framed("a") + Framed("b"));
  FinishSend();
  EXPECT_EQ(connection->requests_in_flight(), 0u);
  EXPECT_EQ(connection->bytes_in_flight(), 0u);
  EXPECT_TRUE(stream.receiving);
}

// Fails with the planted bug connection-unbounded.
TEST_F(ConnectionTest, StopsReadingAtTheBoundOfRequests) {
  Open({.requests_in_flight_max = 2});
  Give(Framed("a") + Framed("b") + Framed("c"));
  EXPECT_EQ(sink.requests.size(), 2u);
  EXPECT_FALSE(stream.receiving);
  sink.Reply(0, "A");
  EXPECT_EQ(sink.requests.size(), 2u) << "room is made by sending, not by completing";
  FinishSend();
  EXPECT_EQ(sink.requests.size(), 3u);
  EXPECT_FALSE(stream.receiving);
  sink.Reply(1, "B");
  FinishSend();
  EXPECT_TRUE(stream.receiving);
}

TEST_F(ConnectionTest, StopsReadingAtTheBoundOfBytesButTakesOneFrameOfAnySize) {
  Open({.bytes_in_flight_max = 100});
  const std::string large(5000, 'x');
  EXPECT_EQ(Give(Framed(large)), large.size() + 4);
  ASSERT_EQ(sink.requests.size(), 1u);
  EXPECT_FALSE(stream.receiving);
  sink.Reply(0, large);
  FinishSend();
  Give(Framed("b"));
  EXPECT_EQ(sink.requests.size(), 2u);
}

TEST_F(ConnectionTest, UnsentRepliesCountAgainstTheBound) {
  Open({.bytes_in_flight_max = 100});
  Give(Framed("a"));
  sink.Reply(0, std::string(200, 'x'));
  Give(Framed("b"));
  EXPECT_EQ(sink.requests.size(), 1u)
      << "a client that does not read its replies starts nothing more";
  FinishSend();
  EXPECT_EQ(sink.requests.size(), 2u);
}

TEST_F(ConnectionTest, NoReplyLeavesNothingAndMakesRoom) {
  Open({.requests_in_flight_max = 1});
  Give(Framed("a") + Framed("b"));
  EXPECT_EQ(sink.requests.size(), 1u);
  sink.waiting.at(0)(Outcome::NoReply());
  EXPECT_EQ(sink.requests.size(), 2u);
  sink.Reply(1, "B");
  EXPECT_EQ(stream.sent, Framed("B"));
}

TEST_F(ConnectionTest, ManyUnansweredRequestsInOneReadAllStart) {
  Open({.requests_in_flight_max = 1});
  sink.answer_at_once = true;
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += Framed("request");
  Give(bytes);
  for (int i = 0; i < 49; ++i) FinishSend();
  EXPECT_EQ(sink.requests.size(), 50u);
}

TEST_F(ConnectionTest, CloseWaitsForTheRepliesBeforeIt) {
  Open();
  Give(Framed("a") + Framed("b") + Framed("c"));
  sink.waiting.at(1)(Outcome::Close("bad request"));
  EXPECT_FALSE(stream.closed);
  EXPECT_TRUE(stream.receiving);
  sink.Reply(0, "A");
  EXPECT_EQ(stream.sent, Framed("A"));
  EXPECT_FALSE(stream.closed);
  FinishSend();
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(stream.reason, "bad request");
  EXPECT_EQ(sink.closes, 1);
}

TEST_F(ConnectionTest, AReplyThatFitsIntoNoFrameClosesAfterTheRepliesBeforeIt) {
  Open({.reply_bytes_max = 3});
  Give(Framed("a") + Framed("b"));
  sink.Reply(1, "four");
  EXPECT_FALSE(stream.closed);
  sink.Reply(0, "yes");
  EXPECT_EQ(stream.sent, Framed("yes"));
  FinishSend();
  EXPECT_TRUE(stream.closed);
  EXPECT_NE(stream.reason.find("no frame"), std::string::npos);
}

TEST_F(ConnectionTest, AMalformedFrameClosesAfterTheRepliesBeforeIt) {
  Open();
  Give(Framed("a") + std::string("\xff\xff\xff\xff rest"));
  EXPECT_FALSE(stream.closed);
  sink.Reply(0, "A");
  FinishSend();
  EXPECT_TRUE(stream.closed);
  EXPECT_NE(stream.reason.find("-1"), std::string::npos);
}

TEST_F(ConnectionTest, AMalformedFirstFrameClosesAtOnce) {
  Open({.frame_bytes_max = 10});
  Give(Framed("GET / HTTP/1.1"));
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(sink.requests.size(), 0u);
}

TEST_F(ConnectionTest, ADroppedRequestClosesTheConnection) {
  Open();
  Give(Framed("a"));
  sink.waiting.clear();
  EXPECT_TRUE(stream.closed);
}

TEST_F(ConnectionTest, CompletionsAfterTheEndDoNothing) {
  Open();
  Give(Framed("a") + Framed("b"));
  connection->OnLost();
  EXPECT_EQ(sink.closes, 1);
  sink.Reply(0, "A");
  EXPECT_EQ(stream.sent, "");
  connection.reset();
  sink.Reply(1, "B");
  EXPECT_EQ(stream.sent, "");
  EXPECT_FALSE(stream.closed);
}

TEST_F(ConnectionTest, LargeRepliesAreSentOneByOne) {
  Open();
  Give(Framed("a") + Framed("b"));
  const std::string large(900'000, 'x');
  sink.Reply(1, large);
  sink.Reply(0, large);
  EXPECT_EQ(stream.sends, 1);
  EXPECT_EQ(stream.sent.size(), large.size() + 4);
  FinishSend();
  EXPECT_EQ(stream.sends, 2);
}

}  // namespace
}  // namespace kronika::broker::net
