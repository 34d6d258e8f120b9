// Malformed requests over real sockets: the broker stays, a good client is answered meanwhile, and
// memory grows by no more than was received plus 8 MiB.
//
// 1,000 frames; 10,000 in the long form. Fails with the planted bug frame-trusts-length.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/asio_loop.h"
#include "base/rng.h"
#include "broker/net/listener.h"
#include "proto/kafka/metadata.h"
#include "tests/unit/broker/api/fake_cluster.h"
#include "tests/unit/broker/net/socket_client.h"
#include "tests/unit/proto/message_maker.h"

namespace kronika::broker {
namespace {

constexpr Duration kLimit = std::chrono::seconds(5);
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KRONIKA_SANITIZED 1
#endif
#endif
#if defined(KRONIKA_SANITIZED)
// A sanitizer keeps freed memory and shadows of it: only a runaway shows.
constexpr std::int64_t kGrowthMax = 512 << 20;
#else
constexpr std::int64_t kGrowthMax = 8 << 20;
#endif

std::int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * ::sysconf(_SC_PAGESIZE);
}

int FrameCount() {
  const char* form = std::getenv("KRONIKA_TEST_FORM");
  return form != nullptr && std::string_view(form) == "long" ? 10'000 : 1'000;
}

// What one connection sends, and whether the broker has to end it.
struct Attack {
  std::string bytes;
  bool must_close = false;
};

class Attacker {
 public:
  Attacker() {
    for (const auto& layout : kafka::MessageLayouts()) {
      if (layout.is_request && layout.key >= 0) layouts_.push_back(&layout);
    }
  }

  Attack Next() {
    switch (rng_.Below(8)) {
      case 0:
        return {.bytes = SizeField(-1 - static_cast<std::int32_t>(rng_.Below(1000))),
                .must_close = true};
      case 1:
        return {.bytes = SizeField(std::int32_t{2'000'000'000}) + "x", .must_close = true};
      case 2:
        return {.bytes = SizeField(std::int32_t{1'000'000}) + std::string(rng_.Below(6000), 'x')};
      case 3:
        return {.bytes = "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", .must_close = true};
      case 4:
        return {.bytes = net::Framed(Header(static_cast<std::int16_t>(rng_.Below(65536)), 200)),
                .must_close = false};
      case 5:
        return {.bytes = net::Framed(Noise(rng_.Below(500)))};
      case 6:
        return {.bytes = net::Framed(Falsified())};
      default:
        return {.bytes = net::Framed(Mutated())};
    }
  }

 private:
  static std::string SizeField(std::int32_t size) {
    std::string out(4, '\0');
    StoreBe(reinterpret_cast<std::byte*>(out.data()), size);
    return out;
  }
  static std::string Header(std::int16_t key, std::int16_t version, bool flexible = false) {
    std::string out(10, '\0');
    auto* at = reinterpret_cast<std::byte*>(out.data());
    StoreBe(at, key);
    StoreBe(at + 2, version);
    StoreBe(at + 8, std::int16_t{-1});
    if (flexible) out += '\0';
    return out;
  }
  std::string Noise(std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(rng_.Next());
    return out;
  }
  // A request with one of its lengths replaced.
  std::string Falsified() {
    const auto [head, message] = Make();
    if (message.lengths.empty()) return head + message.bytes + "x";
    const auto& length = message.lengths[rng_.Below(message.lengths.size())];
    const std::int64_t values[] = {-2, -1, 0, 2147483647,
                                   static_cast<std::int64_t>(message.bytes.size()) + 1};
    return head + kafka::WithLength(message, length, values[rng_.Below(5)]);
  }
  // A request that is cut, or has a few bytes changed.
  std::string Mutated() {
    const auto [head, message] = Make();
    std::string out = head + message.bytes;
    if (rng_.Chance(0.5)) return out.substr(0, rng_.Below(out.size() + 1));
    for (std::uint64_t i = 0; i <= rng_.Below(4); ++i)
      out[rng_.Below(out.size())] = static_cast<char>(rng_.Next());
    return out;
  }
  std::pair<std::string, kafka::MadeMessage> Make() {
    const auto& layout = *layouts_[rng_.Below(layouts_.size())];
    const auto span = static_cast<std::uint64_t>(layout.versions.last - layout.versions.first + 1);
    const auto version =
        static_cast<std::int16_t>(layout.versions.first + static_cast<int>(rng_.Below(span)));
    const kafka::ApiInfo* api = kafka::FindApi(layout.key);
    const bool flexible = api->RequestHeaderVersion(version) >= 2;
    return {Header(layout.key, version, flexible),
            kafka::MakeMessage(layout, version, rng_.Next())};
  }

  SeededRng rng_{20'240'607};
  std::vector<const kafka::MessageLayout*> layouts_;
};

class MalformedTest : public testing::Test {
 protected:
  void SetUp() override {
    // Requests that are right by chance make no topics.
    cluster.create_error = KafkaError::kPolicyViolation;
    auto opened = net::Listener::Open(
        {.io = &loop.context(), .loop = &loop, .log = &NullLog(), .memory = memory},
        {.host = "127.0.0.1", .port = 0});
    ASSERT_TRUE(opened.has_value());
    listener = std::move(*opened);
    ASSERT_TRUE(listener->Serve(*cluster.dispatcher));
  }
  bool Until(const std::function<bool()>& condition) { return loop.RunUntil(condition, kLimit); }

  void Run(const Attack& attack, int number) {
    net::SocketClient client(listener->port());
    const std::uint64_t before = listener->stats().bytes_in;
    EXPECT_EQ(client.Send(attack.bytes), attack.bytes.size());
    sent += attack.bytes.size();
    const bool done = Until([&] {
      const bool is_read = listener->stats().bytes_in >= before + attack.bytes.size();
      return client.Closed() || (is_read && !attack.must_close);
    });
    EXPECT_TRUE(done) << "frame " << number;
    cluster.scheduler.RunFor(std::chrono::milliseconds(1));
  }
  void AskAsGoodClient(net::SocketClient& client, std::size_t& answered) {
    client.Send(net::Framed(
        Flatten(kafka::EncodeRequest(kafka::MetadataRequest{}, {.version = 1})).text()));
    EXPECT_TRUE(Until([&] { return client.Receive().size() > answered; }));
    answered = client.Receive().size();
  }

  FakeCluster cluster;
  AsioLoop loop;
  std::shared_ptr<net::RequestMemory> memory =
      std::make_shared<net::RequestMemory>(&loop, &NullLog(), net::RequestMemoryOptions{});
  std::unique_ptr<net::Listener> listener;
  std::uint64_t sent = 0;
};

TEST_F(MalformedTest, NothingBreaksAndMemoryFollowsWhatWasReceived) {
  Attacker attacker;
  net::SocketClient good(listener->port());
  std::size_t answered = 0;
  for (int i = 0; i < 100; ++i) Run(attacker.Next(), i);
  sent = 0;
  const std::int64_t resident_before = ResidentBytes();
  std::int64_t resident_max = resident_before;
  for (int i = 0; i < FrameCount(); ++i) {
    Run(attacker.Next(), i);
    if (i % 50 == 0) AskAsGoodClient(good, answered);
    resident_max = std::max(resident_max, ResidentBytes());
  }
  EXPECT_LE(resident_max - resident_before, static_cast<std::int64_t>(sent) + kGrowthMax);
  EXPECT_TRUE(Until([&] { return listener->stats().open == 1; })) << "the good client's alone";
  std::printf("%d frames, %llu bytes sent, resident memory grew by %lld bytes at most\n",
              FrameCount(), static_cast<unsigned long long>(sent),
              static_cast<long long>(resident_max - resident_before));
}

// Connections that declare much and send little, all at once.
TEST_F(MalformedTest, HalfSentFramesHoldOnlyWhatWasReceived) {
  std::vector<net::SocketClient> clients;
  const std::int64_t before = ResidentBytes();
  constexpr int kClients = 200;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(listener->port());
    std::string bytes(5000, 'x');
    StoreBe(reinterpret_cast<std::byte*>(bytes.data()), std::int32_t{1'000'000});
    clients.back().Send(bytes);
    sent += bytes.size();
  }
  EXPECT_TRUE(Until([&] { return listener->stats().bytes_in == sent; }));
  EXPECT_LE(ResidentBytes() - before, static_cast<std::int64_t>(sent) + kGrowthMax);
  EXPECT_EQ(listener->stats().open, static_cast<std::size_t>(kClients));
}

}  // namespace
}  // namespace kronika::broker
