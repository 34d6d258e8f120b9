#include "raft/peer_link.h"

namespace kronika::raft {

void PeerLink::Filled(Lane lane, std::size_t payload_bytes) {
  SuperFrame& frame = Open(lane);
  frame.payload_bytes += payload_bytes;
  if (frame.payload_bytes >= kFrameBytes) SendFrame(lane);
}

void PeerLink::Flush() {
  if (auto beat = beats_out.Seal()) Open(Lane::kLiveness).beat = std::move(beat);
  for (Lane lane : {Lane::kLiveness, Lane::kData, Lane::kCatchUp}) {
    if (!Open(lane).empty()) SendFrame(lane);
  }
}

void PeerLink::SendFrame(Lane lane) {
  SuperFrame frame;
  std::swap(frame, Open(lane));
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
