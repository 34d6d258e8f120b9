// SocketClient: a TCP client for tests that shares the test's thread with the loop; it never
// blocks.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace kronika::broker::net {

inline std::string Framed(std::string_view body) {
  std::string out(4, '\0');
  StoreBe(reinterpret_cast<std::byte*>(out.data()), static_cast<std::int32_t>(body.size()));
  return out + std::string(body);
}

class SocketClient {
 public:
  explicit SocketClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  SocketClient(SocketClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~SocketClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return connected_; }
  // Bytes that the socket took; 0 when its buffer is full or the other side is gone.
  std::size_t Send(std::string_view bytes) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  // Takes in what has arrived; `closed` once the other side has ended.
  const std::string& Receive() {
    char buffer[65536];
    for (;;) {
      const auto got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got > 0) {
        received_.append(buffer, static_cast<std::size_t>(got));
        continue;
      }
      if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) closed_ = true;
      return received_;
    }
  }
  bool Closed() {
    Receive();
    return closed_;
  }

 private:
  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace kronika::broker::net
