// Transport: frames between brokers. Real: grpc_transport; in the simulator: fake_transport.
//
// 1. Three lanes per pair of brokers, each ordered, none ordered against another (SAFETY B10).
// 2. A frame is delivered whole, at most once, or not at all; after a loss on a lane the lane is
//    reset, which is reported as down, then up with the peer's boot epoch (D-11). A frame that is
//    not what was sent counts as lost, and the report says so.
//    No lane is up before both sides have set their handlers: what arrives is taken.
// 3. Send never blocks; false = the lane is down or its bounded queue is full (the caller's
//    progress will probe).
// 4. Handlers run on the loop the transport was made with. A peer's frames are always read (B9).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/buffer.h"
#include "base/ids.h"

namespace kronika::raft {

enum class Lane : std::uint8_t { kLiveness, kData, kCatchUp };
inline constexpr int kLanes = 3;

// A header (protobuf, made by raft/codec) and payload bytes that it refers to, attached without a
// copy.
struct Frame {
  std::string header;
  Slices payload;
  std::size_t size() const { return header.size() + TotalSize(payload); }
};

struct PeerState {
  BrokerId peer = kNoBroker;
  Lane lane = Lane::kLiveness;
  bool up = false;
  std::uint64_t boot_epoch = 0;
  bool damaged = false;  // down because a frame did not match its checksum
};

class Transport {
 public:
  using FrameHandler = std::move_only_function<void(BrokerId from, Lane lane, Frame frame)>;
  using PeerHandler = std::move_only_function<void(PeerState state)>;
  virtual ~Transport() = default;
  virtual void SetHandlers(FrameHandler on_frame, PeerHandler on_peer) = 0;
  virtual bool Send(BrokerId to, Lane lane, Frame frame) = 0;
  // Resets the lane: what came on it cannot be used, so both sides have to begin anew (D-11).
  virtual void Reset(BrokerId peer, Lane lane) = 0;
};

}  // namespace kronika::raft
