// HttpServer over a real socket: requests, keep-alive, limits, the end.
#include "broker/admin/http.h"

#include <gtest/gtest.h>

#include "base/asio_loop.h"
#include "tests/unit/broker/net/socket_client.h"

namespace kronika::broker::admin {
namespace {

constexpr Duration kLimit = std::chrono::seconds(5);

class HttpTest : public testing::Test {
 protected:
  void Open(HttpServerOptions options = {}) {
    options.port = 0;
    auto opened = HttpServer::Open(
        {.io = &loop.context(), .loop = &loop}, options, [this](const HttpRequest& request) {
          last = std::string(request.method) + " " + std::string(request.target);
          return HttpAnswer{.status = 503, .body = "not yet\n"};
        });
    ASSERT_TRUE(opened.has_value()) << opened.error().Describe();
    server = std::move(*opened);
  }
  bool Until(const std::function<bool()>& condition) { return loop.RunUntil(condition, kLimit); }

  AsioLoop loop;
  std::unique_ptr<HttpServer> server;
  std::string last;
};

TEST_F(HttpTest, AnswersAndKeepsTheConnection) {
  Open();
  net::SocketClient client(server->port());
  client.Send("GET /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Until([&] { return client.Receive().ends_with("not yet\n"); }));
  EXPECT_EQ(last, "GET /readyz?verbose");
  EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 503 ")) << client.Receive();
  EXPECT_NE(client.Receive().find("Content-Length: 8\r\n"), std::string::npos);
  const std::size_t first = client.Receive().size();
  client.Send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Until([&] { return client.Receive().size() > first; }));
  EXPECT_TRUE(client.Receive().ends_with("\r\n\r\n")) << "a head has no body";
  EXPECT_FALSE(client.Closed());
}

TEST_F(HttpTest, EndsWhatIsNotHttpOrTooLong) {
  Open();
  net::SocketClient noise(server->port());
  noise.Send(std::string("\x00\x00\x00\x05hello\r\n\r\n", 13));
  EXPECT_TRUE(Until([&] { return noise.Closed(); }));
  net::SocketClient large(server->port());
  large.Send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
  EXPECT_TRUE(Until([&] { return large.Closed(); }));
  EXPECT_EQ(last, "");
}

TEST_F(HttpTest, EndsWhoIsTooSlow) {
  Open({.request_time_max = std::chrono::milliseconds(50)});
  net::SocketClient slow(server->port());
  slow.Send("GET /livez HT");
  EXPECT_TRUE(Until([&] { return slow.Closed(); }));
}

TEST_F(HttpTest, RefusesConnectionsAboveTheCap) {
  Open({.connections_max = 1});
  net::SocketClient first(server->port());
  first.Send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(Until([&] { return !first.Receive().empty(); }));
  net::SocketClient second(server->port());
  EXPECT_TRUE(Until([&] { return second.Closed(); }));
  EXPECT_FALSE(first.Closed());
}

TEST_F(HttpTest, StopEndsEverything) {
  Open();
  net::SocketClient client(server->port());
  client.Send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(Until([&] { return !client.Receive().empty(); }));
  server->Stop();
  EXPECT_TRUE(Until([&] { return client.Closed(); }));
  server.reset();
  loop.RunUntil([] { return false; }, std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace kronika::broker::admin
