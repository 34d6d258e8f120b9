#include "raft/fake_transport.h"

#include <algorithm>
#include <utility>

#include "raft/frame_bytes.h"

namespace kronika::raft {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kRepeatsMax = 64;  // of one lane

}  // namespace

class SimNetwork::End final : public Transport {
 public:
  End(SimNetwork& network, BrokerId self, SimLoop& loop, std::uint64_t boot_epoch)
      : network_(network), self_(self), loop_(loop), boot_epoch_(boot_epoch) {}
  ~End() override { network_.Detach(self_); }

  void SetHandlers(FrameHandler on_frame, PeerHandler on_peer) override {
    on_frame_ = std::move(on_frame);
    on_peer_ = std::move(on_peer);
    network_.OnHandlers(self_);
  }
  bool Send(BrokerId to, Lane lane, Frame frame) override {
    return network_.Send(self_, to, lane, std::move(frame));
  }
  void Reset(BrokerId peer, Lane lane) override { network_.Reset(KeyOf(self_, peer, lane)); }

  void Deliver(BrokerId from, Lane lane, Frame frame) {
    loop_.Post(
        [alive = std::weak_ptr(alive_), this, from, lane, frame = std::move(frame)]() mutable {
          if (alive.lock()) on_frame_(from, lane, std::move(frame));
        });
  }
  void Tell(PeerState state) {
    loop_.Post([alive = std::weak_ptr(alive_), this, state] {
      if (alive.lock()) on_peer_(state);
    });
  }
  bool takes_frames() const { return on_frame_ != nullptr; }
  std::uint64_t boot_epoch() const { return boot_epoch_; }

 private:
  SimNetwork& network_;
  const BrokerId self_;
  SimLoop& loop_;
  const std::uint64_t boot_epoch_;
  FrameHandler on_frame_;
  PeerHandler on_peer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

SimNetwork::SimNetwork(SimScheduler& scheduler, Rng& rng) : loop_(scheduler), rng_(rng) {}
SimNetwork::~SimNetwork() = default;

SimNetwork::LaneKey SimNetwork::KeyOf(BrokerId a, BrokerId b, Lane lane) {
  return {std::min(a, b), std::max(a, b), lane};
}

Duration SimNetwork::Within(Duration low, Duration high) {
  if (high <= low) return low;
  return low + Duration(static_cast<std::int64_t>(
                   rng_.Below(static_cast<std::uint64_t>((high - low).count()))));
}

std::unique_ptr<Transport> SimNetwork::Attach(BrokerId self, SimLoop& loop,
                                              std::uint64_t boot_epoch) {
  auto end = std::make_unique<End>(*this, self, loop, boot_epoch);
  for (const auto& [other, other_end] : ends_) {
    for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp})
      lanes_.try_emplace(KeyOf(self, other, lane));
  }
  ends_.emplace(self, end.get());
  return end;
}

void SimNetwork::Detach(BrokerId self) {
  ends_.erase(self);
  for (auto& [key, state] : lanes_) {
    if (key.low == self || key.high == self) Reset(key);
  }
}

void SimNetwork::OnHandlers(BrokerId self) {
  for (const auto& [key, state] : lanes_) {
    if (key.low == self || key.high == self) ScheduleConnect(key);
  }
}

void SimNetwork::Cut(BrokerId from, BrokerId to) {
  cuts_.emplace(from, to);
}

void SimNetwork::Delay(BrokerId from, BrokerId to, Duration delay) {
  delays_[{from, to}] = delay;
}

void SimNetwork::ResetAll(BrokerId broker) {
  for (auto& [key, state] : lanes_) {
    if (state.up && (key.low == broker || key.high == broker)) Reset(key);
  }
}

void SimNetwork::HealAll() {
  cuts_.clear();
  delays_.clear();
}

bool SimNetwork::Send(BrokerId from, BrokerId to, Lane lane, Frame frame) {
  LaneKey key = KeyOf(from, to, lane);
  auto found = lanes_.find(key);
  if (found == lanes_.end() || !found->second.up) return false;
  LaneState& state = found->second;
  std::size_t side = from == key.low ? 0 : 1;
  std::size_t bytes = frame.size();
  if (state.queued_bytes[side] + bytes > options.queue_bytes_max && state.queued_bytes[side] > 0) {
    ++counters_.refused;
    return false;
  }
  ScheduleArrival(key, from, to, std::move(frame));
  return true;
}

void SimNetwork::ScheduleArrival(LaneKey key, BrokerId from, BrokerId to, Frame frame) {
  LaneState& state = lanes_[key];
  const std::size_t side = from == key.low ? 0 : 1;
  state.queued_bytes[side] += frame.size();
  Instant arrival = loop_.Now() + Within(options.latency_min, options.latency_max) +
                    options.lane_delay[static_cast<std::size_t>(key.lane)];
  if (auto delayed = delays_.find({from, to}); delayed != delays_.end())
    arrival = arrival + delayed->second;
  arrival = std::max(arrival, state.last_arrival[side]);
  state.last_arrival[side] = arrival;
  Sent sent{from, to, FrameChecksum(frame), std::move(frame)};
  loop_.RunAt(arrival, [this, key, epoch = state.epoch, sent = std::move(sent)]() mutable {
    Arrive(key, epoch, std::move(sent));
  });
}

// One byte of it is another; what the sender still holds is not touched.
Frame SimNetwork::Altered(const Frame& frame) {
  ++counters_.altered;
  Frame out{.header = frame.header, .payload = {}};
  for (const auto& slice : frame.payload) out.payload.push_back(Slice::CopyOf(slice.bytes()));
  std::size_t at = rng_.Below(frame.size());
  const auto change = static_cast<std::uint8_t>(1 + rng_.Below(255));
  if (at < out.header.size()) {
    out.header[at] = static_cast<char>(out.header[at] ^ change);
    return out;
  }
  at -= out.header.size();
  for (auto& slice : out.payload) {
    if (at < slice.size()) {
      slice.mutable_bytes()[at] ^= std::byte{change};
      break;
    }
    at -= slice.size();
  }
  return out;
}

void SimNetwork::Arrive(LaneKey key, std::uint64_t epoch, Sent sent) {
  const auto [from, to] = std::pair(sent.from, sent.to);
  LaneState& state = lanes_[key];
  if (!state.up || state.epoch != epoch) return;
  Frame& frame = sent.frame;
  state.queued_bytes[from == key.low ? 0 : 1] -= frame.size();
  if (state.broken || cuts_.contains({from, to}) || rng_.Chance(options.loss)) {
    ++counters_.lost;
    return Break(key, cuts_.contains({from, to}) ? milliseconds(3000) : milliseconds(100));
  }
  if (frame.size() > 0 && rng_.Chance(options.flips)) frame = Altered(frame);
  const std::uint32_t crc = FrameChecksum(frame);
  if (!Intact(sent.checksum, crc)) return Reset(key, to);
  for (std::uint64_t word :
       {static_cast<std::uint64_t>(loop_.Now().since_start.count()),
        static_cast<std::uint64_t>(from.value), static_cast<std::uint64_t>(to.value),
        static_cast<std::uint64_t>(key.lane), static_cast<std::uint64_t>(crc)}) {
    digest_ = (digest_ ^ word) * 0x100000001b3ULL;
  }
  ++counters_.delivered;
  if (rng_.Chance(options.repeat) && state.repeats.size() < kRepeatsMax)
    state.repeats.push_back({from, to, frame});
  if (auto end = ends_.find(to); end != ends_.end())
    end->second->Deliver(from, key.lane, std::move(frame));
}

void SimNetwork::Break(LaneKey key, Duration within) {
  LaneState& state = lanes_[key];
  if (state.broken) return;
  state.broken = true;
  loop_.RunAfter(Within(milliseconds(1), within), [this, key, epoch = state.epoch] {
    if (lanes_[key].epoch == epoch) Reset(key);
  });
}

void SimNetwork::Reset(LaneKey key, BrokerId finder) {
  LaneState& state = lanes_[key];
  bool was_up = state.up;
  state = LaneState{.epoch = state.epoch + 1, .repeats = std::move(state.repeats)};
  if (was_up) {
    ++counters_.resets;
    Tell(key.low, key.high, key.lane, false, finder == key.low);
    Tell(key.high, key.low, key.lane, false, finder == key.high);
  }
  ScheduleConnect(key);
}

void SimNetwork::ScheduleConnect(LaneKey key) {
  loop_.RunAfter(Within(milliseconds(1), milliseconds(500)),
                 [this, key, epoch = lanes_[key].epoch] {
                   if (lanes_[key].epoch == epoch) TryConnect(key);
                 });
}

void SimNetwork::TryConnect(LaneKey key) {
  LaneState& state = lanes_[key];
  // Who starts is dialled again once it takes frames, as the real transport refuses hellos till
  // then.
  const auto ready = [this](BrokerId broker) {
    const auto end = ends_.find(broker);
    return end != ends_.end() && end->second->takes_frames();
  };
  if (state.up || !ready(key.low) || !ready(key.high)) return;
  if (cuts_.contains({key.low, key.high}) || cuts_.contains({key.high, key.low}))
    return ScheduleConnect(key);
  state.up = true;
  Tell(key.low, key.high, key.lane, true);
  Tell(key.high, key.low, key.lane, true);
  for (auto& repeat : std::exchange(state.repeats, {})) {
    ++counters_.repeated;
    ScheduleArrival(key, repeat.from, repeat.to, std::move(repeat.frame));
  }
}

void SimNetwork::Tell(BrokerId whom, BrokerId about, Lane lane, bool up, bool damaged) {
  auto end = ends_.find(whom);
  if (end == ends_.end()) return;
  auto other = ends_.find(about);
  std::uint64_t boot_epoch = other == ends_.end() ? 0 : other->second->boot_epoch();
  end->second->Tell(
      {.peer = about, .lane = lane, .up = up, .boot_epoch = boot_epoch, .damaged = damaged});
}

}  // namespace kronika::raft
