// HTTP over Beast: the one file that includes it; see http.h.
#include "broker/admin/http.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>
#include <utility>

#include "broker/net/acceptor.h"

namespace kronika::broker::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint32_t kHeaderBytesMax = 8 * 1024;
constexpr std::uint64_t kBodyBytesMax = 64 * 1024;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kWhat = "the admin port";

class Server;

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(Server* server, std::uint64_t id, tcp::socket socket)
      : server_(server), id_(id), stream_(std::move(socket)) {}
  void Read();
  void Close();

 private:
  void OnRead(error_code error);
  void Respond(HttpAnswer answer);
  void OnWritten(error_code error);
  void End();

  Server* server_;  // null after the end
  const std::uint64_t id_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

class Server final : public HttpServer {
 public:
  Server(asio::io_context& io, Loop& loop, HttpServerOptions options, Handler handler)
      : loop_(loop), options_(std::move(options)), handler_(std::move(handler)), acceptor_(io) {}
  ~Server() override { Stop(); }

  Status Bind();
  void Stop() override;
  std::uint16_t port() const override { return port_; }
  HttpAnswer Handle(const HttpRequest& request) const { return handler_(request); }
  Duration request_time_max() const { return options_.request_time_max; }
  void Remove(std::uint64_t session) { sessions_.erase(session); }

 private:
  void Accept();
  void OnAccepted(error_code error, tcp::socket socket);

  Loop& loop_;
  const HttpServerOptions options_;
  const Handler handler_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::map<std::uint64_t, std::shared_ptr<HttpSession>> sessions_;
  std::uint64_t last_session_ = 0;
  TimerId accept_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

void HttpSession::Read() {
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  parser_->body_limit(kBodyBytesMax);
  stream_.expires_after(server_->request_time_max());
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->OnRead(error); });
}

void HttpSession::OnRead(error_code error) {
  if (server_ == nullptr) return;
  if (error) return End();
  const auto& request = parser_->get();
  error_code gone;
  const auto remote = stream_.socket().remote_endpoint(gone);
  const auto method = request.method_string();
  const auto target = request.target();
  HttpAnswer answer =
      server_->Handle({.method = {method.data(), method.size()},
                       .target = {target.data(), target.size()},
                       .from_this_machine = !gone && remote.address().is_loopback()});
  if (!answer.later) return Respond(std::move(answer));
  answer.later([self = shared_from_this()](HttpAnswer known) { self->Respond(std::move(known)); });
}

void HttpSession::Respond(HttpAnswer answer) {
  if (server_ == nullptr) return;
  const auto& request = parser_->get();
  response_ = {};
  response_.version(request.version());
  response_.result(static_cast<unsigned>(answer.status));
  response_.set(http::field::content_type,
                beast::string_view(answer.content_type.data(), answer.content_type.size()));
  response_.set(http::field::cache_control, "no-store");
  response_.keep_alive(request.keep_alive());
  response_.content_length(answer.body.size());
  if (request.method() != http::verb::head) response_.body() = std::move(answer.body);
  http::async_write(
      stream_, response_,
      [self = shared_from_this()](error_code failed, std::size_t) { self->OnWritten(failed); });
}

void HttpSession::OnWritten(error_code error) {
  if (server_ == nullptr) return;
  if (error || response_.need_eof()) return End();
  Read();
}

void HttpSession::End() {
  const auto keep_alive = shared_from_this();
  std::exchange(server_, nullptr)->Remove(id_);
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.close();
}

void HttpSession::Close() {
  if (server_ != nullptr) End();
}

Status Server::Bind() {
  auto port = net::BindAcceptor(acceptor_, options_.host, options_.port, kWhat);
  if (!port) return std::unexpected(port.error());
  port_ = *port;
  KRONIKA_TRY(net::Listen(acceptor_, kWhat));
  Accept();
  return {};
}

void Server::Accept() {
  // The operation owns the socket: it may end after this object did.
  acceptor_.async_accept(
      [this, alive = std::weak_ptr(alive_)](error_code error, tcp::socket socket) {
        if (!alive.expired()) OnAccepted(error, std::move(socket));
      });
}

void Server::OnAccepted(error_code error, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error) {
    // Most likely out of descriptors; asking again at once would spin.
    accept_timer_ = loop_.RunAfter(kAcceptPause, [this] { Accept(); });
    return;
  }
  if (sessions_.size() < options_.connections_max) {
    const std::uint64_t id = ++last_session_;
    auto session = std::make_shared<HttpSession>(this, id, std::move(socket));
    sessions_.emplace(id, session);
    session->Read();
  }
  Accept();
}

void Server::Stop() {
  error_code ignored;
  acceptor_.close(ignored);
  loop_.Cancel(accept_timer_);
  while (!sessions_.empty()) {
    const auto session = sessions_.begin()->second;
    session->Close();
  }
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Open(HttpServerPlace place,
                                                     HttpServerOptions options, Handler handler) {
  auto server =
      std::make_unique<Server>(*place.io, *place.loop, std::move(options), std::move(handler));
  KRONIKA_TRY(server->Bind());
  return server;
}

}  // namespace kronika::broker::admin
