// The comparisons of a hello; see peer_guard.h.
#include "broker/peer_guard.h"

#include <fmt/format.h>

#include "base/planted.h"

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
  const metadata::DirectoryClaim claim{.broker = peer.broker,
                                       .directory = peer.uuid,
                                       .format_nonce = peer.format_nonce,
                                       .boot_epoch = peer.boot_epoch,
                                       .process_nonce = peer.process_nonce};
  KRONIKA_TRY(known_(claim));
  metadata::Broker& seen = seen_[peer.broker];
  // Another directory may take the broker's place: the image says which.
  if (seen.directory == peer.uuid) KRONIKA_TRY(metadata::CheckClaim(seen, claim));
  const bool later_life = seen.directory == peer.uuid && seen.process_nonce != peer.process_nonce;
  if (later_life && speaks_(peer.broker) && !KRONIKA_PLANTED("copy-let-in-beside-original")) {
    return Fail(
        ErrorCode::kFenced,
        fmt::format("broker {} comes with boot epoch {} while another process of it speaks, "
                    "with boot epoch {}: its directory was copied",
                    peer.broker.value, peer.boot_epoch, seen.boot_epoch));
  }
  seen.directory = peer.uuid;
  seen.format_nonce = peer.format_nonce;
  seen.boot_epoch = peer.boot_epoch;
  seen.process_nonce = peer.process_nonce;
  return {};
}

}  // namespace kronika::broker
