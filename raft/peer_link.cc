#include "raft/peer_link.h"

#include <algorithm>
#include <utility>

namespace kronika::raft {

void PeerLink::Filled(Lane lane, std::size_t payload_bytes) {
  SuperFrame& frame = Open(lane);
  frame.payload_bytes += payload_bytes;
  if (frame.payload_bytes >= kFrameBytes) SendFrame(lane);
}

void PeerLink::Add(GroupMessage message, std::size_t payload_bytes) {
  appends_open_ += message.message.type == MessageType::kAppend ? 1 : 0;
  Open(Lane::kData).messages.push_back(std::move(message));
  Filled(Lane::kData, payload_bytes);
}

void PeerLink::Add(const BeatGroup& beat) {
  beats_out.Add(beat);
  beat_is_urgent_ = beat_is_urgent_ || beat.read_context != 0 || beat.group == kMetadataGroup;
}

void PeerLink::SetUp(Lane lane, bool up) {
  up_[static_cast<std::size_t>(lane)] = up;
  if (lane == Lane::kData) owes_answer_ = false;
}

// What is open on `lane` and could go.
bool PeerLink::MayHold(Lane lane) const {
  const SuperFrame& frame = open_[static_cast<std::size_t>(lane)];
  switch (lane) {
    case Lane::kLiveness:
      return frame.empty() && !beat_is_urgent_;
    case Lane::kData:
      return owes_answer_ && frame.OnlyMessages() && frame.messages.size() == appends_open_ &&
             frame.payload_bytes < kHeldBytesMax;
    case Lane::kCatchUp:
      return false;
  }
  std::unreachable();
}

std::optional<Instant> PeerLink::Flush(Instant now) {
  std::optional<Instant> next;
  for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp}) {
    const bool beats = lane == Lane::kLiveness && !beats_out.empty();
    auto& since = held_since_[static_cast<std::size_t>(lane)];
    if (Open(lane).empty() && !beats) {
      since.reset();
      continue;
    }
    const Instant due = since.value_or(now) + (lane == Lane::kData ? kAppendHoldMax : kBeatHoldMax);
    if (now < due && MayHold(lane)) {
      since = since.value_or(now);
      next = std::min(next.value_or(due), due);
      continue;
    }
    since.reset();
    if (beats) {
      Open(lane).beat = beats_out.Seal();
      beat_is_urgent_ = false;
    }
    SendFrame(lane);
  }
  return next;
}

void PeerLink::SendFrame(Lane lane) {
  SuperFrame frame;
  std::swap(frame, Open(lane));
  if (lane == Lane::kData && std::exchange(appends_open_, 0) > 0) owes_answer_ = true;
  frame.metadata_index = metadata_index;
  frame.wall_clock_ms = wall_clock_ms;
  if (up(lane) && transport_.Send(peer_, lane, Encode(frame))) {
    ++counters.frames_out;
    return;
  }
  if (!up(lane)) return;
  ++counters.refused;
  if (lost) lost(frame);
}

}  // namespace kronika::raft
