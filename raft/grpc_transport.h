// GrpcTransport: the real Transport (decision D7): three connections per pair of brokers, each one
// long bidirectional stream, dialled by the lower node id. Called on the loop; gRPC's threads hand
// over once per frame.
//
// 1. A stream carries nothing before both sides accepted the other's hello (cluster, broker,
//    directory UUID, boot epoch, process nonce: D-8); a refusal says why and is logged once per
//    reason.
// 2. One write is in flight per stream; behind it waits a queue bounded in bytes. A stream is
//    always read (B9).
// 3. A lost stream is dialled again after 100-500 ms.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/loop.h"
#include "raft/transport.h"

namespace kronika::raft {

// What a broker says of itself when a stream opens.
struct PeerHello {
  std::string cluster_id;
  BrokerId broker = kNoBroker;
  Uuid uuid;
  std::uint64_t format_nonce = 0;
  std::uint64_t boot_epoch = 0;
  std::uint64_t process_nonce = 0;
};

struct GrpcTransportOptions {
  std::string listen_address;  // host:port
  PeerHello self;
  std::size_t message_bytes_max = 65 << 20;  // largest entry + 1 MiB
  std::size_t queue_bytes_max = 16 << 20;    // per stream, beyond the write in flight
};

class GrpcTransport : public Transport {
 public:
  // Says whether a peer is who it claims to be; runs on the loop. kUnavailable: not known yet, the
  // peer asks again.
  using HelloCheck = std::function<Status(const PeerHello& peer)>;

  // kAlreadyExists if the address is in use, kInvalidArgument if it cannot be listened on.
  static Result<std::unique_ptr<GrpcTransport>> Start(Loop& loop, Log& log,
                                                      GrpcTransportOptions options,
                                                      HelloCheck check);
  // Where a peer listens (host:port); a changed address is dialled from the next attempt on.
  virtual void SetPeerAddress(BrokerId peer, std::string address) = 0;
};

}  // namespace kronika::raft
