// PeerGuard: whether another process may be spoken to as the broker that it says it is. On the
// broker's loop.
//
// Source: safety rule D-8. Refused are: another cluster, this broker's own id, what the metadata
// image refuses (directory, boot epoch), a boot epoch below the last one seen, and the same boot
// epoch from another process, which means that a directory was copied.
#pragma once

#include <functional>
#include <map>

#include "raft/grpc_transport.h"

namespace kronika::broker {

class PeerGuard {
 public:
  // What the metadata says of a broker; kUnavailable while it is not loaded.
  using Known = std::function<Status(const raft::PeerHello& peer)>;

  PeerGuard(raft::PeerHello self, Known known) : self_(std::move(self)), known_(std::move(known)) {}

  // kFenced with one sentence for people; kUnavailable: ask again.
  Status Check(const raft::PeerHello& peer);

 private:
  struct Seen {
    Uuid directory;  // another one may take the broker's place (the image says which)
    std::uint64_t boot_epoch = 0;
    std::uint64_t process_nonce = 0;
  };

  const raft::PeerHello self_;
  Known known_;
  std::map<BrokerId, Seen> seen_;  // of this process's life
};

}  // namespace kronika::broker
