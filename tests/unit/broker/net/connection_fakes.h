// What stands around a Connection in tests: a stream that a test feeds by hand, and a sink that
// answers when told to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/net/connection.h"

namespace kronika::broker::net {

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
  void OnHurry(const Peer&) override { ++hurries; }

  void Reply(std::size_t request, std::string_view text) {
    waiting.at(request)(Outcome::Reply({Slice::CopyOf(text)}));
    waiting.erase(request);
  }

  std::vector<std::string> requests;
  std::map<std::size_t, Completion> waiting;
  bool answer_at_once = false;
  int closes = 0;
  int hurries = 0;
};

// Gives bytes while the connection reads; returns how many it took.
inline std::size_t Feed(Connection& connection, FakeStream& stream, std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && stream.receiving && !stream.closed) {
    const std::size_t count = std::min(stream.room.size(), bytes.size() - taken);
    std::memcpy(stream.room.data(), bytes.data() + taken, count);
    taken += count;
    stream.receiving = false;
    connection.OnReceived(count);
  }
  return taken;
}

}  // namespace kronika::broker::net
