// Bytes altered between two real transports: nothing of the frame and nothing behind it is
// delivered, the lane is reset, and the next stream carries again.
//
// Planted bugs that were seen to be caught: frame-checksum-unchecked.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cerrno>

#include "tests/unit/raft_group/transport_ends.h"

namespace kronika::raft {
namespace {

// Forwards connections to `target`, and alters a byte of what follows `needle` while it is told to.
// Works where it is called: Pump.
class Relay {
 public:
  explicit Relay(std::uint16_t target) : target_(target) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address = Loopback(0);
    EXPECT_EQ(0, ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address));
    EXPECT_EQ(0, ::listen(listener_, 16));
    socklen_t size = sizeof address;
    EXPECT_EQ(0, ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size));
    port_ = ntohs(address.sin_port);
  }
  ~Relay() {
    ::close(listener_);
    for (auto& pipe : pipes_) ::close(pipe.from);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Alters the next occurrence, once.
  void Alter(std::string needle) { needle_ = std::move(needle); }
  bool altered() const { return altered_; }

  void Pump() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int other = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = Loopback(target_);
      EXPECT_EQ(0, ::connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address));
      EXPECT_EQ(0, ::fcntl(other, F_SETFL, O_NONBLOCK));
      pipes_.push_back({fd, other, {}});
      pipes_.push_back({other, fd, {}});
    }
    for (auto& pipe : pipes_) Forward(pipe);
  }

 private:
  struct Pipe {
    int from;
    int to;
    std::string pending;
    bool ended = false;
  };
  static sockaddr_in Loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    out.sin_port = htons(port);
    return out;
  }
  void Forward(Pipe& pipe) {
    std::array<char, 64 << 10> buffer;
    while (!pipe.ended && pipe.pending.size() < (1 << 20)) {
      const ssize_t count = ::read(pipe.from, buffer.data(), buffer.size());
      if (count < 0 && errno == EAGAIN) break;
      pipe.ended = count <= 0;
      if (count > 0) pipe.pending.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (const auto at = needle_.empty() ? std::string::npos : pipe.pending.find(needle_);
        at != std::string::npos) {
      pipe.pending[at + needle_.size() - 1] ^= 0x10;
      needle_.clear();
      altered_ = true;
    }
    while (!pipe.pending.empty()) {
      const ssize_t count = ::send(pipe.to, pipe.pending.data(), pipe.pending.size(), MSG_NOSIGNAL);
      if (count <= 0) break;
      pipe.pending.erase(0, static_cast<std::size_t>(count));
    }
    if (pipe.ended && pipe.pending.empty()) ::shutdown(pipe.to, SHUT_WR);
  }

  const std::uint16_t target_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Pipe> pipes_;
  std::string needle_;
  bool altered_ = false;
};

TEST(DamagedFrames, ResetTheirLaneAndGiveNothingAway) {
  End one{1}, two{2};
  ASSERT_TRUE(one.Start());
  ASSERT_TRUE(two.Start());
  Relay relay(two.port);
  one.transport->SetPeerAddress(two.broker, relay.address());  // the lower id dials
  two.transport->SetPeerAddress(one.broker, one.address());
  auto both = [&](auto condition) {
    return RunUntil({&one, &two}, [&] {
      relay.Pump();
      return condition();
    });
  };
  auto all_up = [&] { return one.AllUp(two.broker) && two.AllUp(one.broker); };
  ASSERT_TRUE(both(all_up));

  relay.Alter("the marked place");
  ASSERT_TRUE(one.transport->Send(two.broker, Lane::kData, {"before", {}}));
  ASSERT_TRUE(one.transport->Send(two.broker, Lane::kData,
                                  {"damaged", {Slice::CopyOf("bytes with the marked place")}}));
  ASSERT_TRUE(one.transport->Send(two.broker, Lane::kData, {"behind", {}}));
  two.states.clear();
  ASSERT_TRUE(both([&] { return !two.states.empty() && relay.altered(); }));
  EXPECT_FALSE(two.states.front().up);
  EXPECT_TRUE(two.states.front().damaged);
  EXPECT_EQ(two.states.front().lane, Lane::kData);
  ASSERT_TRUE(both(all_up)) << "it is dialled again";
  ASSERT_EQ(two.received.size(), 1U) << "nothing of a damaged frame, and nothing behind it";
  EXPECT_EQ(two.received.front().frame.header, "before");
  for (const auto& state : one.states) EXPECT_FALSE(state.damaged) << "the sender found nothing";
  ASSERT_TRUE(one.transport->Send(two.broker, Lane::kData, {"again", {}}));
  ASSERT_TRUE(both([&] { return two.received.size() == 2; }));
  EXPECT_EQ(two.received.back().frame.header, "again");
}

// Whoever finds that a frame contradicts its format begins anew, too (SAFETY D-11).
TEST(DamagedFrames, AResetLaneIsDownAndThenUpOnBothSides) {
  Pair pair;
  pair.one.states.clear();
  pair.two.states.clear();
  pair.two.transport->Reset(pair.one.broker, Lane::kCatchUp);
  auto again = [](const End& end) { return end.states.size() == 2 && end.states.back().up; };
  ASSERT_TRUE(RunUntil({&pair.one, &pair.two}, [&] { return again(pair.one) && again(pair.two); }));
  for (const End* end : {&pair.one, &pair.two}) {
    EXPECT_FALSE(end->states.front().up);
    EXPECT_EQ(end->states.front().lane, Lane::kCatchUp);
  }
}

}  // namespace
}  // namespace kronika::raft
