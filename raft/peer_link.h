// PeerLink: what a manager keeps about one other broker: frames being filled, beats, counters. On
// the manager's loop.
//
// 1. A frame is cut when it holds `kFrameBytes` of payload or when the turn ends. What the
//    transport does not take is dropped and the groups concerned probe again; nothing queues here
//    without bound.
// 2. Appends wait while the peer owes an answer to earlier ones: its journal is busy with those, so
//    a frame of their own would wait there instead and cost both sides a wake-up. They leave when
//    an answer comes, with whatever else goes to the peer's data lane, at kHeldBytesMax, and at the
//    latest after kAppendHoldMax (RFC 896 has the idea).
// 3. Beats wait for company too, at the latest until kBeatHoldMax: most only tell followers of a
//    commit, which the next append does as well. A beat that a read waits for leaves at
//    once; so do those of the metadata group, as clients ask any broker of what they told one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/loop.h"
#include "raft/beats.h"
#include "raft/super_frame.h"

namespace kronika::raft {

inline constexpr std::size_t kFrameBytes = 256 << 10;
inline constexpr std::size_t kHeldBytesMax = 64 << 10;
inline constexpr Duration kAppendHoldMax = std::chrono::milliseconds(1);
inline constexpr Duration kBeatHoldMax = std::chrono::milliseconds(5);

struct PeerCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t undecodable = 0;  // an error: somebody must act
  std::uint64_t damaged = 0;      // frames that did not match their checksum: an error, too
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
  // Adds to the data lane. An append may be held back, everything else leaves with the turn.
  void Add(GroupMessage message, std::size_t payload_bytes);
  void Add(const BeatGroup& beat);
  // An answer to an append came.
  void OnAppendAnswered() { owes_answer_ = false; }
  // Sends what is open on every lane, but for what may wait; gives the moment at which to call this
  // again. `lost` is told of frames that an open lane did not take.
  std::optional<Instant> Flush(Instant now);

  BrokerId peer() const { return peer_; }
  bool up(Lane lane) const { return up_[static_cast<std::size_t>(lane)]; }
  void SetUp(Lane lane, bool up);

  std::uint64_t metadata_index = 0;  // stamped on every frame
  std::int64_t wall_clock_ms = 0;
  std::function<void(const SuperFrame&)> lost;
  BeatSender beats_out;
  BeatReceiver beats_in;
  PeerCounters counters;
  Instant last_liveness;
  std::optional<Instant> damage_told;
  bool heard = false;

 private:
  void SendFrame(Lane lane);
  bool MayHold(Lane lane) const;

  const BrokerId peer_;
  Transport& transport_;
  std::array<SuperFrame, kLanes> open_;
  std::array<bool, kLanes> up_{};
  std::array<std::optional<Instant>, kLanes> held_since_;
  std::size_t appends_open_ = 0;  // in the open frame of the data lane
  bool owes_answer_ = false;      // nothing came since appends went out
  bool beat_is_urgent_ = false;
};

}  // namespace kronika::raft
