// Ends of the real transport for tests: all brokers of a test share its thread, their loops take
// turns, and nothing sleeps.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/asio_loop.h"
#include "raft/grpc_transport.h"

namespace kronika::raft {

inline constexpr Duration kLong = std::chrono::seconds(10);

// A port that was free a moment ago.
inline std::uint16_t FreePort() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(0, ::bind(listener, reinterpret_cast<sockaddr*>(&address), size));
  EXPECT_EQ(0, ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
  ::close(listener);
  return ntohs(address.sin_port);
}

struct Received {
  BrokerId from;
  Lane lane;
  Frame frame;
};

class Lines final : public Log {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel, std::string text) override { text_ += text + "\n"; }
  bool Say(std::string_view part) const { return text_.find(part) != std::string::npos; }

 private:
  std::string text_;
};

// One broker's end. All brokers of a test share the test's thread; their loops take turns.
struct End {
  explicit End(int id, std::uint16_t at = FreePort()) : broker(id), port(at) {}

  Status Start(GrpcTransport::HelloCheck check = [](const PeerHello&) { return Status(); }) {
    auto made = GrpcTransport::Start(
        loop, log,
        {.listen_address = address(),
         .self = {.cluster_id = "c", .broker = broker, .boot_epoch = 7, .process_nonce = 1},
         .queue_bytes_max = 1 << 20},
        std::move(check));
    if (!made) return std::unexpected(made.error());
    transport = std::move(*made);
    transport->SetHandlers(
        [this](BrokerId from, Lane lane, Frame frame) {
          received.push_back({from, lane, std::move(frame)});
        },
        [this](PeerState state) {
          states.push_back(state);
          up[{state.peer, state.lane}] = state.up;
        });
    return {};
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
  bool AllUp(BrokerId peer) {
    return up[{peer, Lane::kLiveness}] && up[{peer, Lane::kData}] && up[{peer, Lane::kCatchUp}];
  }

  const BrokerId broker{1};
  const std::uint16_t port;
  AsioLoop loop;
  Lines log;
  std::vector<Received> received;
  std::vector<PeerState> states;
  std::map<std::pair<BrokerId, Lane>, bool> up;
  std::unique_ptr<GrpcTransport> transport;  // last, so that it goes before the loop
};

// Lets the loops turn until the condition holds or `limit` is over; says whether it holds.
inline bool RunFor(std::initializer_list<End*> ends, Duration limit,
                   const std::function<bool()>& condition) {
  AsioLoop clock;
  const Instant end = clock.Now() + limit;
  while (!condition()) {
    if (clock.Now() > end) return false;
    clock.RunUntil([] { return false; }, std::chrono::milliseconds(1));
    for (End* each : ends) each->loop.RunUntil(condition, std::chrono::milliseconds(2));
  }
  return true;
}

inline bool RunUntil(std::initializer_list<End*> ends, const std::function<bool()>& condition) {
  return RunFor(ends, kLong, condition);
}

inline Slice Pattern(std::size_t size, std::uint8_t seed) {
  Slice out = Slice::Allocate(size);
  for (std::size_t i = 0; i < size; ++i)
    out.mutable_bytes()[i] = static_cast<std::byte>(seed + i * 31);
  return out;
}

struct Pair {
  Pair() {
    EXPECT_TRUE(one.Start());
    EXPECT_TRUE(two.Start());
    one.transport->SetPeerAddress(two.broker, two.address());
    two.transport->SetPeerAddress(one.broker, one.address());
    EXPECT_TRUE(
        RunUntil({&one, &two}, [&] { return one.AllUp(two.broker) && two.AllUp(one.broker); }));
  }
  End one{1}, two{2};
};

}  // namespace kronika::raft
