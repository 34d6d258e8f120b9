// Socket: one blocking TCP connection with a deadline on every call. The only file of the client
// that knows the operating system's sockets.
//
// One thread at a time. After an error the socket is of no more use; a call on it fails again.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/host_port.h"
#include "base/result.h"
#include "cmd/client/clock.h"

namespace kronika::client {

class Socket {
 public:
  // Every address of the name is tried in turn. kUnavailable names the address and the cause;
  // kTimedOut.
  static Result<Socket> Connect(const HostPort& address, Moment deadline);

  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // All of it. kIo: the other side went away; kTimedOut.
  Status Write(const Slices& slices, Moment deadline);
  // Exactly to.size() bytes. kIo, kTimedOut.
  Status Read(MutableBytes to, Moment deadline);
  int descriptor() const { return descriptor_; }

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Status Await(short events, Moment deadline) const;
  int descriptor_ = -1;
};

// Waits until one of `descriptors` can be read or `deadline` passes; the indexes of those that can.
std::vector<std::size_t> AwaitReadable(std::span<const int> descriptors, Moment deadline);

}  // namespace kronika::client
