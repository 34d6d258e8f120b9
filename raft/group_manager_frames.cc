// What other brokers say: streams that come and go, and the parts of their frames. See
// group_manager.h.
#include <algorithm>

#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/group_manager.h"

namespace kronika::raft {
namespace {

constexpr Duration kDamageToldAfter = std::chrono::minutes(1);

}  // namespace

void GroupManager::OnPeer(PeerState state) {
  PeerLink* link = Link(state.peer);
  if (!link || stopped_) return;
  link->SetUp(state.lane, state.up);
  if (state.damaged) CountDamage(*link);
  switch (state.lane) {
    case Lane::kLiveness:
      link->beats_out.Reset();
      link->beats_in.Reset();
      if (state.up) {
        link->Open(Lane::kLiveness).leaders = leader_states_.Led();
        link->Open(Lane::kLiveness).leaders_wanted = true;
      }
      OnLivenessChanged(*link);
      break;
    case Lane::kData:
      if (!state.up) calls_.OnPeerLost(state.peer);
      for (auto& [id, group] : groups_) {
        if (!group->active()) continue;
        group->node().ResetProgress(state.peer);
        MarkDirty(*group);
      }
      break;
    case Lane::kCatchUp:
      if (!state.up) installs_.OnPeerLost(state.peer);
      // An install that found the lane down waits for a second try: this is its moment.
      for (auto& [id, group] : groups_) {
        if (!state.up || !group->active()) continue;
        group->node().ResetProgress(state.peer);
        MarkDirty(*group);
      }
      break;
  }
  ScheduleTurnEnd();
}

// One line for the first and one a minute for what follows: a bad link damages frame after frame.
void GroupManager::CountDamage(PeerLink& link) {
  ++link.counters.damaged;
  if (link.damage_told && loop_.Now() - *link.damage_told < kDamageToldAfter) return;
  link.damage_told = loop_.Now();
  log_.Error(
      "{} of {} frames of broker {} did not match their checksum: the network or a machine's "
      "memory "
      "alters bytes; nothing of them was used, they are sent again",
      link.counters.damaged, link.counters.damaged + link.counters.frames_in, link.peer().value);
}

void GroupManager::OnLivenessChanged(PeerLink& link) {
  if (!link.up(Lane::kLiveness) && peer_lost_) peer_lost_(link.peer());
  for (auto& [id, group] : groups_) {
    int rank = Rank(*group);
    group->node().SetElectionRank(rank);
    if (!group->active()) continue;
    if (!link.up(Lane::kLiveness)) {
      group->node().OnPeerSilent(link.peer());
    } else if (!group->status().leader.valid() && rank == 0 &&
               group->status().membership.IsVoter(group->self())) {
      group->Campaign();  // a group without a leader has a new voter to ask
    }
    MarkDirty(*group);
  }
}

void GroupManager::OnFrame(BrokerId from, Lane lane, Frame frame) {
  PeerLink* link = Link(from);
  if (!link || stopped_) return;
  ++link->counters.frames_in;
  if (lane == Lane::kLiveness) {
    link->last_liveness = loop_.Now();
    link->heard = true;
  }
  auto decoded = Decode(frame, from, self_);
  if (!decoded) {
    ++link->counters.undecodable;
    log_.Error("a frame of broker {} was refused: {}", from.value, decoded.error().Describe());
    return transport_.Reset(from, lane);
  }
  TakeBeats(*link, *decoded);
  TakeMessages(*link, *decoded);
  for (const auto& state : decoded->leaders) leader_states_.Learn(state);
  if (decoded->leaders_wanted) {
    auto led = leader_states_.Led();
    auto& leaders = link->Open(Lane::kLiveness).leaders;
    leaders.insert(leaders.end(), led.begin(), led.end());
  }
  for (auto& chunk : decoded->install_chunks) installs_.OnChunk(from, std::move(chunk));
  for (const auto& answer : decoded->install_answers) installs_.OnAnswer(from, answer);
  for (const auto& call : decoded->calls) calls_.OnCall(from, call);
  for (auto& answer : decoded->call_answers) calls_.OnAnswer(from, std::move(answer));
  ScheduleTurnEnd();
}

void GroupManager::TakeMessages(PeerLink& link, SuperFrame& frame) {
  for (auto& message : frame.messages) TakeMessage(link, frame, message);
  for (const auto& refusal : frame.not_yet) TakeNotYet(link, refusal);
}

void GroupManager::TakeMessage(PeerLink& link, const SuperFrame& frame, GroupMessage& message) {
  const Message& inner = message.message;
  if (inner.type == MessageType::kAppendResponse) link.OnAppendAnswered();
  Group* group = Find(message.group);
  if (group && group->self().incarnation == inner.to.incarnation &&
      group->generation() == message.generation) {
    if (inner.type == MessageType::kHeartbeatResponse)
      link.beats_out.Remember(message.group, inner);
    return group->Step(std::move(message.message));
  }
  std::uint64_t needs = std::max(inner.to.incarnation.value, inner.from.incarnation.value);
  if (needs > metadata_index_ || frame.metadata_index > metadata_index_) {
    ++link.counters.not_yet;
    link.Open(Lane::kData)
        .not_yet.push_back(
            {message.group, inner.from.incarnation, inner.to.incarnation, inner.type, inner.term});
  } else if ((group && group->self().incarnation > inner.to.incarnation) || !placed_here_ ||
             (!placed_here_(message.group, inner.to.incarnation) &&
              !KRONIKA_PLANTED("every-absent-replica-expected"))) {
    ++link.counters.stale;
  } else {
    ++link.counters.misdirected;
    log_.Error("broker {} sent {} for group {}, which has no such replica here", link.peer().value,
               inner.Describe(), message.group.value);
  }
}

void GroupManager::TakeNotYet(PeerLink& link, const NotYet& refusal) {
  Group* group = Find(refusal.group);
  if (!group || group->self().incarnation != refusal.from || refusal.type != MessageType::kAppend)
    return;
  group->Step({.type = MessageType::kAppendResponse,
               .from = {link.peer(), refusal.to},
               .to = group->self(),
               .term = refusal.term,
               .reject = true,
               .busy = true});
}

void GroupManager::TakeBeats(PeerLink& link, const SuperFrame& frame) {
  if (frame.beat) {
    auto answer = link.beats_in.Receive(*frame.beat, [&](const BeatGroup& beat) {
      return TakeBeat(link, beat, frame.metadata_index);
    });
    link.Open(Lane::kLiveness).beat_answers.push_back(std::move(answer));
  }
  for (const auto& answer : frame.beat_answers) {
    link.beats_out.OnAnswer(answer, [&](const BeatGroup& beat) { ConfirmBeat(link, beat); });
  }
}

// A beat stands if the replica follows it. A replica in a newer term answers for itself, which
// deposes the sender.
bool GroupManager::TakeBeat(PeerLink& link, const BeatGroup& beat,
                            std::uint64_t sender_metadata_index) {
  Group* group = Find(beat.group);
  if (!group || !group->active() || group->self().incarnation != beat.to) {
    std::uint64_t needs = std::max({beat.to.value, beat.from.value, sender_metadata_index});
    bool known_here = needs <= metadata_index_;
    if (!known_here) ++link.counters.not_yet;
    return false;
  }
  bool stands = group->node().term() <= beat.term;  // status() is of the last turn
  group->Step({.type = MessageType::kHeartbeat,
               .from = {link.peer(), beat.from},
               .to = group->self(),
               .term = beat.term,
               .commit = beat.commit,
               .read_context = beat.read_context});
  return stands;
}

void GroupManager::ConfirmBeat(PeerLink& link, const BeatGroup& beat) {
  Group* group = Find(beat.group);
  if (!group || group->self().incarnation != beat.from) return;
  if (auto response = link.beats_out.ConfirmedResponse(beat)) group->Step(std::move(*response));
}

// The transport's queue was full: whoever sent entries probes again after a pause, as after a
// follower's "busy". Later, not now: a group may be in the middle of handing out its messages.
void GroupManager::OnFrameLost(BrokerId peer, const SuperFrame& frame) {
  for (const auto& item : frame.messages) {
    if (item.message.type != MessageType::kAppend) continue;
    Message refusal{.type = MessageType::kAppendResponse,
                    .from = item.message.to,
                    .to = item.message.from,
                    .term = item.message.term,
                    .log_index = item.message.log_index,
                    .reject = true,
                    .busy = true};
    refusal.from.broker = peer;
    loop_.Post([this, alive = std::weak_ptr(alive_), group = item.group,
                refusal = std::move(refusal)]() mutable {
      if (!alive.lock()) return;
      if (Group* found = Find(group); found && found->self() == refusal.to)
        found->Step(std::move(refusal));
    });
  }
}

}  // namespace kronika::raft
