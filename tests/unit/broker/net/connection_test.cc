// Connection: order of requests and replies, bounds, and every way in which a connection ends.
#include "broker/net/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/unit/broker/net/socket_client.h"

namespace kronika::broker::net {
namespace {

struct FakeStream final : ByteStream {
  void Receive(MutableBytes into) override {
    EXPECT_FALSE(receiving);
    EXPECT_FALSE(into.empty());
    receiving = true;
    room = into;
  }
  void Send(std::span<const Bytes> pieces) override {
    EXPECT_FALSE(sending);
    sending = true;
    ++sends;
    for (auto piece : pieces) sent += AsText(piece);
  }
  void Close(std::string why) override {
    EXPECT_FALSE(closed);
    closed = true;
    reason = std::move(why);
  }

  MutableBytes room;
  std::string sent;
  std::string reason;
  int sends = 0;
  bool receiving = false;
  bool sending = false;
  bool closed = false;
};

struct FakeSink final : RequestSink {
  void Handle(const Peer&, Slice frame, Completion done) override {
    requests.emplace_back(frame.text());
    if (answer_at_once) {
      done(Outcome::Reply({frame}));
    } else {
      waiting.emplace(requests.size() - 1, std::move(done));
    }
  }
  void OnClosed(const Peer&) override { ++closes; }

  void Reply(std::size_t request, std::string_view text) {
    waiting.at(request)(Outcome::Reply({Slice::CopyOf(text)}));
    waiting.erase(request);
  }

  std::vector<std::string> requests;
  std::map<std::size_t, Completion> waiting;
  bool answer_at_once = false;
  int closes = 0;
};

class ConnectionTest : public testing::Test {
 protected:
  void Open(ConnectionLimits limits = {}) {
    connection = std::make_shared<Connection>(limits, Peer{.id = 1}, &stream, &sink);
    connection->Start();
  }
  // Gives bytes while the connection reads; returns how many it took.
  std::size_t Give(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && stream.receiving && !stream.closed) {
      const std::size_t count = std::min(stream.room.size(), bytes.size() - taken);
      std::memcpy(stream.room.data(), bytes.data() + taken, count);
      taken += count;
      stream.receiving = false;
      connection->OnReceived(count);
    }
    return taken;
  }
  void FinishSend() {
    ASSERT_TRUE(stream.sending);
    stream.sending = false;
    connection->OnSent();
  }

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
