// PeerLink: what a manager keeps about one other broker: frames being filled, beats, counters. On
// the manager's loop.
//
// A frame is cut when it holds `kFrameBytes` of payload or when the turn ends. What the transport
// does not take is dropped and the groups concerned probe again; nothing queues here without bound.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/loop.h"
#include "raft/beats.h"
#include "raft/super_frame.h"

namespace kronika::raft {

inline constexpr std::size_t kFrameBytes = 256 << 10;

struct PeerCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t undecodable = 0;  // an error: somebody must act
  std::uint64_t misdirected =
      0;  // an error: named a replica that this broker should know and does not
  std::uint64_t not_yet = 0;
  std::uint64_t stale = 0;    // of a replica that is no more
  std::uint64_t refused = 0;  // frames that the transport did not take
};

struct PeerSnapshot {
  BrokerId id = kNoBroker;
  bool connected = false;
  std::int64_t last_beat_ms = -1;  // since the last frame on the liveness lane; -1 = never
  PeerCounters counters;
};

class PeerLink {
 public:
  PeerLink(BrokerId peer, Transport& transport) : peer_(peer), transport_(transport) {}

  // The frame of a lane that is being filled; call Filled() after adding to it.
  SuperFrame& Open(Lane lane) { return open_[static_cast<std::size_t>(lane)]; }
  void Filled(Lane lane, std::size_t payload_bytes);
  // Sends what is open on every lane. `lost` is told of frames that an open lane did not take.
  void Flush();

  BrokerId peer() const { return peer_; }
  bool up(Lane lane) const { return up_[static_cast<std::size_t>(lane)]; }
  void SetUp(Lane lane, bool up) { up_[static_cast<std::size_t>(lane)] = up; }

  std::uint64_t metadata_index = 0;  // stamped on every frame
  std::int64_t wall_clock_ms = 0;
  std::function<void(const SuperFrame&)> lost;
  BeatSender beats_out;
  BeatReceiver beats_in;
  PeerCounters counters;
  Instant last_liveness;
  bool heard = false;

 private:
  void SendFrame(Lane lane);

  const BrokerId peer_;
  Transport& transport_;
  std::array<SuperFrame, kLanes> open_;
  std::array<bool, kLanes> up_{};
};

}  // namespace kronika::raft
