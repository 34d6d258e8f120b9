// PeerGuard: whether another process may be spoken to as the broker that it says it is. On the
// broker's loop.
//
// Source: safety rule D-8. Refused are: another cluster, this broker's own id, and whatever
// metadata::CheckClaim refuses, held against the image and against what this process has seen: the
// image knows a broker's life only once it registered. A later life is refused while the earlier
// process still speaks: it is a copy that was started more often than the original.
#pragma once

#include <functional>
#include <map>

#include "metadata/directory_claim.h"
#include "raft/grpc_transport.h"

namespace kronika::broker {

class PeerGuard {
 public:
  // What the metadata says of a broker; kUnavailable while it is not loaded.
  using Known = std::function<Status(const metadata::DirectoryClaim& claim)>;

  // Whether a stream with the broker stands and was heard on just now.
  using Speaks = std::function<bool(BrokerId peer)>;

  PeerGuard(raft::PeerHello self, Known known, Speaks speaks)
      : self_(std::move(self)), known_(std::move(known)), speaks_(std::move(speaks)) {}

  // kFenced with one sentence for people; kUnavailable: ask again.
  Status Check(const raft::PeerHello& peer);

 private:
  const raft::PeerHello self_;
  Known known_;
  Speaks speaks_;
  std::map<BrokerId, metadata::Broker> seen_;  // newest claim of each, of this process's life
};

}  // namespace kronika::broker
