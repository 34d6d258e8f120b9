// Socket over the system's calls; see socket.h.
#include "cmd/client/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace kronika::client {
namespace {

int TimeoutOf(Moment deadline) {
  return static_cast<int>(std::min<std::int64_t>(Left(deadline).count(), 3'600'000));
}

std::unexpected<Error> SystemFailure(ErrorCode code, const char* what, int number) {
  return Fail(code, std::string(what) + ": " + std::strerror(number));
}

// The cause of a connection that could not be made; 0 when it was.
int ConnectError(int descriptor, const addrinfo& address, Moment deadline) {
  if (connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
  if (poll(&one, 1, TimeoutOf(deadline)) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

Result<Socket> Socket::Connect(const HostPort& address, Moment deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_UNSPEC;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int code = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return Fail(ErrorCode::kUnavailable,
                std::string("the name is not known: ") + gai_strerror(code), address.Describe());
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  int error = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Socket made(socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (made.descriptor_ < 0) {
      error = errno;
      continue;
    }
    error = ConnectError(made.descriptor_, *each, deadline);
    if (error != 0) continue;
    const int on = 1;
    setsockopt(made.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
  }
  return Fail(error == ETIMEDOUT ? ErrorCode::kTimedOut : ErrorCode::kUnavailable,
              std::string("no connection: ") + std::strerror(error), address.Describe());
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status Socket::Await(short events, Moment deadline) const {
  pollfd one{.fd = descriptor_, .events = events, .revents = 0};
  for (;;) {
    const int ready = poll(&one, 1, TimeoutOf(deadline));
    if (ready > 0) return {};
    if (ready == 0) return Fail(ErrorCode::kTimedOut, "no answer in time");
    if (errno != EINTR) return SystemFailure(ErrorCode::kIo, "poll", errno);
  }
}

Status Socket::Write(const Slices& slices, Moment deadline) {
  std::vector<iovec> parts;
  for (const auto& slice : slices) {
    if (!slice.empty()) parts.push_back({const_cast<std::byte*>(slice.data()), slice.size()});
  }
  for (std::size_t first = 0; first < parts.size();) {
    msghdr message{};
    message.msg_iov = &parts[first];
    message.msg_iovlen = std::min<std::size_t>(parts.size() - first, 64);
    const ssize_t sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return SystemFailure(ErrorCode::kIo, "the connection broke", errno);
      KRONIKA_TRY(Await(POLLOUT, deadline));
      continue;
    }
    auto left = static_cast<std::size_t>(sent);
    while (first < parts.size() && left >= parts[first].iov_len) left -= parts[first++].iov_len;
    if (left > 0) {
      parts[first].iov_base = static_cast<std::byte*>(parts[first].iov_base) + left;
      parts[first].iov_len -= left;
    }
  }
  return {};
}

Status Socket::Read(MutableBytes to, Moment deadline) {
  while (!to.empty()) {
    const ssize_t got = recv(descriptor_, to.data(), to.size(), 0);
    if (got > 0) {
      to = to.subspan(static_cast<std::size_t>(got));
    } else if (got == 0) {
      return Fail(ErrorCode::kIo, "the broker closed the connection");
    } else if (errno == EAGAIN) {
      KRONIKA_TRY(Await(POLLIN, deadline));
    } else if (errno != EINTR) {
      return SystemFailure(ErrorCode::kIo, "the connection broke", errno);
    }
  }
  return {};
}

std::vector<std::size_t> AwaitReadable(std::span<const int> descriptors, Moment deadline) {
  std::vector<pollfd> all;
  for (const int each : descriptors) all.push_back({.fd = each, .events = POLLIN, .revents = 0});
  std::vector<std::size_t> out;
  if (poll(all.data(), all.size(), TimeoutOf(deadline)) <= 0) return out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].revents != 0) out.push_back(i);
  }
  return out;
}

}  // namespace kronika::client
