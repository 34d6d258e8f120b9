// Sockets: the one file of the Kafka side that includes Asio; see listener.h.
#include "broker/net/listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <map>
#include <utility>
#include <vector>

#include "broker/net/acceptor.h"

namespace kronika::broker::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kWhat = "the port";

class TcpListener;

// One socket and its connection. Alive while it is in the listener's list or an operation is under
// way.
class Session final : public ByteStream, public std::enable_shared_from_this<Session> {
 public:
  Session(TcpListener* listener, tcp::socket socket)
      : listener_(listener), socket_(std::move(socket)) {}

  void Start(Peer peer, ConnectionLimits limits, RequestSink* sink,
             std::shared_ptr<RequestMemory> memory) {
    connection_ =
        std::make_shared<Connection>(limits, std::move(peer), this, sink, std::move(memory));
    connection_->Start();
  }

  void Receive(MutableBytes into) override;
  void Send(std::span<const Bytes> pieces) override;
  void Close(std::string reason) override;
  // The listener stops, or nothing moved for too long.
  void Abandon();

  const Peer& peer() const { return connection_->peer(); }
  Instant last_move;
  std::list<std::shared_ptr<Session>>::iterator place;

 private:
  void Shut();
  void OnReceived(error_code error, std::size_t count);
  void OnSent(error_code error, std::size_t count);

  TcpListener* listener_;  // null after the end
  tcp::socket socket_;
  std::shared_ptr<Connection> connection_;
  std::vector<asio::const_buffer> sending_;
};

class TcpListener final : public Listener {
 public:
  TcpListener(ListenerPlace place, ListenerOptions options)
      : place_(place), options_(std::move(options)), acceptor_(*place.io) {}
  ~TcpListener() override { Stop(); }

  Status Bind();
  Status Serve(RequestSink& sink) override;
  void Stop() override;
  std::uint16_t port() const override { return port_; }
  ListenerStats stats() const override {
    ListenerStats out = stats_;
    out.open = sessions_.size();
    return out;
  }

  void Moved(Session& session, std::uint64_t bytes_in, std::uint64_t bytes_out);
  void Remove(Session& session);
  void NoteClosed(const Session& session, const std::string& reason);

 private:
  void Accept();
  void OnAccepted(error_code error, tcp::socket socket);
  void Admit(tcp::socket socket);
  void NoteRefused(std::string_view host);
  void ArmIdleTimer();
  void CloseIdle();

  const ListenerPlace place_;
  const ListenerOptions options_;
  RequestSink* sink_ = nullptr;  // none before Serve()
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::list<std::shared_ptr<Session>> sessions_;  // the one that moved longest ago first
  std::map<std::string, std::size_t, std::less<>> open_by_host_;
  ListenerStats stats_;
  std::uint64_t last_connection_id_ = 0;
  TimerId idle_timer_;
  TimerId accept_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

void Session::Receive(MutableBytes into) {
  socket_.async_read_some(asio::buffer(into.data(), into.size()),
                          [self = shared_from_this()](error_code error, std::size_t count) {
                            self->OnReceived(error, count);
                          });
}

void Session::OnReceived(error_code error, std::size_t count) {
  if (listener_ == nullptr) return;
  if (error) {
    connection_->OnLost();
    return Shut();
  }
  listener_->Moved(*this, count, 0);
  connection_->OnReceived(count);
}

void Session::Send(std::span<const Bytes> pieces) {
  sending_.clear();
  for (auto piece : pieces) sending_.emplace_back(piece.data(), piece.size());
  asio::async_write(socket_, sending_,
                    [self = shared_from_this()](error_code error, std::size_t count) {
                      self->OnSent(error, count);
                    });
}

void Session::OnSent(error_code error, std::size_t count) {
  if (listener_ == nullptr) return;
  if (error) {
    connection_->OnLost();
    return Shut();
  }
  listener_->Moved(*this, 0, count);
  connection_->OnSent();
}

void Session::Close(std::string reason) {
  if (listener_ == nullptr) return;
  listener_->NoteClosed(*this, reason);
  Shut();
}

void Session::Abandon() {
  if (listener_ == nullptr) return;
  connection_->OnLost();
  Shut();
}

void Session::Shut() {
  const auto keep_alive = shared_from_this();
  std::exchange(listener_, nullptr)->Remove(*this);
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

Status TcpListener::Bind() {
  auto port = BindAcceptor(acceptor_, options_.host, options_.port, kWhat);
  if (!port) return std::unexpected(port.error());
  port_ = *port;
  return {};
}

Status TcpListener::Serve(RequestSink& sink) {
  KRONIKA_TRY(Listen(acceptor_, kWhat));
  sink_ = &sink;
  Accept();
  return {};
}

void TcpListener::Accept() {
  // The operation owns the socket: it may end after this object did.
  acceptor_.async_accept(
      [this, alive = std::weak_ptr(alive_)](error_code error, tcp::socket socket) {
        if (!alive.expired()) OnAccepted(error, std::move(socket));
      });
}

void TcpListener::OnAccepted(error_code error, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error) {
    place_.log->Warn("listener {}: cannot accept ({}), trying again", options_.name,
                     error.message());
    accept_timer_ = place_.loop->RunAfter(kAcceptPause, [this] { Accept(); });
    return;
  }
  Admit(std::move(socket));
  Accept();
}

void TcpListener::Admit(tcp::socket socket) {
  error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // gone before it was looked at
  const std::string host = remote.address().to_string();
  const auto open_here = open_by_host_.find(host);
  if (sessions_.size() >= options_.connections_max ||
      (open_here != open_by_host_.end() &&
       open_here->second >= options_.connections_per_host_max)) {
    return NoteRefused(host);
  }
  socket.set_option(tcp::no_delay(true), error);
  socket.set_option(asio::socket_base::keep_alive(true), error);
  socket.non_blocking(true, error);
  ++stats_.accepted;
  ++open_by_host_[host];
  auto session = std::make_shared<Session>(this, std::move(socket));
  session->last_move = place_.loop->Now();
  session->place = sessions_.insert(sessions_.end(), session);
  session->Start({.id = ++last_connection_id_,
                  .address = host + ":" + std::to_string(remote.port()),
                  .host = host,
                  .listener = options_.name},
                 options_.limits, sink_, place_.memory);
  if (sessions_.size() == 1) ArmIdleTimer();
}

void TcpListener::NoteRefused(std::string_view host) {
  // Only the first of a row is worth a line; the counter tells the rest.
  if (stats_.refused++ == 0) {
    place_.log->Warn(
        "listener {}: connection from {} refused, {} are open (max.connections {}, per ip {})",
        options_.name, host, sessions_.size(), options_.connections_max,
        options_.connections_per_host_max);
  }
}

void TcpListener::Moved(Session& session, std::uint64_t bytes_in, std::uint64_t bytes_out) {
  stats_.bytes_in += bytes_in;
  stats_.bytes_out += bytes_out;
  session.last_move = place_.loop->Now();
  sessions_.splice(sessions_.end(), sessions_, session.place);
}

void TcpListener::Remove(Session& session) {
  const auto open_here = open_by_host_.find(session.peer().host);
  if (--open_here->second == 0) open_by_host_.erase(open_here);
  sessions_.erase(session.place);
}

void TcpListener::NoteClosed(const Session& session, const std::string& reason) {
  ++stats_.closed_by_us;
  place_.log->Debug("connection {} from {} closed: {}", session.peer().id, session.peer().address,
                    reason);
}

// One timer for all connections: due when the front of the list may have been idle for too long.
void TcpListener::ArmIdleTimer() {
  place_.loop->Cancel(idle_timer_);
  idle_timer_ = {};
  if (sessions_.empty()) return;
  idle_timer_ =
      place_.loop->RunAt(sessions_.front()->last_move + options_.idle_max, [this] { CloseIdle(); });
}

void TcpListener::CloseIdle() {
  const Instant oldest = place_.loop->Now() + -options_.idle_max;
  while (!sessions_.empty() && sessions_.front()->last_move <= oldest) {
    const auto session = sessions_.front();
    NoteClosed(*session, "idle for too long");
    session->Abandon();
  }
  ArmIdleTimer();
}

void TcpListener::Stop() {
  error_code ignored;
  acceptor_.close(ignored);
  place_.loop->Cancel(idle_timer_);
  place_.loop->Cancel(accept_timer_);
  while (!sessions_.empty()) {
    const auto session = sessions_.front();
    session->Abandon();
  }
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(ListenerPlace place, ListenerOptions options) {
  auto listener = std::make_unique<TcpListener>(place, std::move(options));
  KRONIKA_TRY(listener->Bind());
  return listener;
}

}  // namespace kronika::broker::net
