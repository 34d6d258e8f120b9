// SimNetwork: the network of a simulated cluster, and its end points (the fake Transport). One
// thread, one scheduler.
//
// 1. Frames of a lane arrive in order, each after a latency of its own; lanes overtake one another.
// 2. What is lost is never lost alone: the lane is reset soon after, seen as down and later up on
//    both sides.
// 3. A cut direction swallows frames; the lane resets after a while and cannot come back before the
//    cut heals.
// 4. With `repeat` some frames come once more, first on the lane's next stream: more than a real
//    transport does, and no message may mind (SAFETY A4, B6).
// 5. A byte of a frame may be altered on the way; its checksum finds it, which resets the lane.
// 6. The digest covers (time, from, to, lane, checksum of the frame) of everything delivered.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/transport.h"

namespace kronika::raft {

struct SimNetworkOptions {
  Duration latency_min = std::chrono::microseconds(50);
  Duration latency_max = std::chrono::milliseconds(2);
  double loss = 0;                            // of a frame; resets its lane
  double repeat = 0;                          // of a delivered frame, behind the lane's next reset
  std::array<Duration, kLanes> lane_delay{};  // added, so that the other lanes overtake this one
  double flips = 0;                           // of one byte of a frame
  std::size_t queue_bytes_max = 8 << 20;
};

struct SimNetworkCounters {
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t repeated = 0;
  std::uint64_t altered = 0;
  std::uint64_t resets = 0;
  std::uint64_t refused = 0;
};

class SimNetwork {
 public:
  SimNetwork(SimScheduler& scheduler, Rng& rng);
  ~SimNetwork();

  SimNetworkOptions options;  // may change at any time

  // A broker's end. Destroying it (the process dies) resets all its lanes at once.
  std::unique_ptr<Transport> Attach(BrokerId self, SimLoop& loop, std::uint64_t boot_epoch);
  void Cut(BrokerId from, BrokerId to);
  // Frames from one to the other take so much longer.
  void Delay(BrokerId from, BrokerId to, Duration delay);
  // Every connection of `broker` breaks at once, seen by both sides.
  void ResetAll(BrokerId broker);
  void HealAll();

  const SimNetworkCounters& counters() const { return counters_; }
  std::uint64_t digest() const { return digest_; }

 private:
  class End;
  struct LaneKey {
    BrokerId low;
    BrokerId high;
    Lane lane;
    auto operator<=>(const LaneKey&) const = default;
  };
  struct Repeat {
    BrokerId from, to;
    Frame frame;
  };
  struct LaneState {
    bool up = false;
    bool broken = false;  // something was lost: a reset is on its way
    std::uint64_t epoch = 0;
    std::array<Instant, 2> last_arrival{};
    std::array<std::size_t, 2> queued_bytes{};
    std::vector<Repeat> repeats{};  // due when the lane comes up again
  };

  static LaneKey KeyOf(BrokerId a, BrokerId b, Lane lane);
  bool Send(BrokerId from, BrokerId to, Lane lane, Frame frame);
  void ScheduleArrival(LaneKey key, BrokerId from, BrokerId to, Frame frame);
  struct Sent {
    BrokerId from;
    BrokerId to;
    std::uint32_t checksum = 0;
    Frame frame;
  };
  void Arrive(LaneKey key, std::uint64_t epoch, Sent sent);
  Frame Altered(const Frame& frame);
  void Break(LaneKey key, Duration within);
  // `finder`: who found a damaged frame on it.
  void Reset(LaneKey key, BrokerId finder = kNoBroker);
  void TryConnect(LaneKey key);
  void ScheduleConnect(LaneKey key);
  void Tell(BrokerId whom, BrokerId about, Lane lane, bool up, bool damaged = false);
  void OnHandlers(BrokerId self);
  void Detach(BrokerId self);
  Duration Within(Duration low, Duration high);

  SimLoop loop_;
  Rng& rng_;
  std::map<BrokerId, End*> ends_;
  std::map<LaneKey, LaneState> lanes_;
  std::set<std::pair<BrokerId, BrokerId>> cuts_;
  std::map<std::pair<BrokerId, BrokerId>, Duration> delays_;
  SimNetworkCounters counters_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
};

}  // namespace kronika::raft
