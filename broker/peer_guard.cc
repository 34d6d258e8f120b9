// The comparisons of a hello; see peer_guard.h.
#include "broker/peer_guard.h"

#include <fmt/format.h>

namespace kronika::broker {

Status PeerGuard::Check(const raft::PeerHello& peer) {
  if (peer.cluster_id != self_.cluster_id) {
    return Fail(ErrorCode::kFenced,
                fmt::format("broker {} is of cluster {}, this broker of {}", peer.broker.value,
                            peer.cluster_id, self_.cluster_id));
  }
  if (peer.broker == self_.broker) {
    return Fail(ErrorCode::kFenced,
                fmt::format("another process says that it is broker {}, which this one is",
                            peer.broker.value));
  }
  KRONIKA_TRY(known_(peer));
  auto found = seen_.find(peer.broker);
  if (found != seen_.end() && found->second.directory != peer.uuid) {
    seen_.erase(found);
    found = seen_.end();
  }
  if (found != seen_.end() && peer.boot_epoch < found->second.boot_epoch) {
    return Fail(ErrorCode::kFenced,
                fmt::format("broker {} comes with boot epoch {} after {}: its directory was rolled "
                            "back or copied",
                            peer.broker.value, peer.boot_epoch, found->second.boot_epoch));
  }
  if (found != seen_.end() && peer.boot_epoch == found->second.boot_epoch &&
      peer.process_nonce != found->second.process_nonce) {
    return Fail(ErrorCode::kFenced,
                fmt::format("two processes say that they are broker {} at boot epoch {}: its "
                            "directory was copied",
                            peer.broker.value, peer.boot_epoch));
  }
  seen_[peer.broker] = {peer.uuid, peer.boot_epoch, peer.process_nonce};
  return {};
}

}  // namespace kronika::broker
