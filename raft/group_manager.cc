#include "raft/group_manager.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/membership.h"

namespace kronika::raft {
namespace {

constexpr int kDirtyRoundsMax = 8;  // then the loop gets a turn, so that liveness is never starved
constexpr int kDigestTicks = 100;   // every leader state again, every 5 s

Lane LaneOf(MessageType type) {
  switch (type) {
    case MessageType::kAppend:
    case MessageType::kAppendResponse:
    case MessageType::kInstallDone:
      return Lane::kData;
    case MessageType::kPreVote:
    case MessageType::kPreVoteResponse:
    case MessageType::kVote:
    case MessageType::kVoteResponse:
    case MessageType::kHeartbeat:
    case MessageType::kHeartbeatResponse:
    case MessageType::kTimeoutNow:
      return Lane::kLiveness;
  }
  std::unreachable();
}

std::size_t PayloadBytes(const Message& message) {
  std::size_t out = 32;
  for (const auto& entry : message.entries) out += entry.payload.size() + 24;
  return out;
}

}  // namespace

GroupManager::GroupManager(const ManagerEnvironment& environment, BrokerId self,
                           ManagerOptions options)
    : loop_(environment.loop),
      transport_(environment.transport),
      store_(environment.store),
      rng_(environment.rng),
      log_(environment.log),
      self_(self),
      options_(options),
      calls_(loop_, rng_.Next(),
             [this](BrokerId to, std::optional<Call> call, std::optional<CallAnswer> answer) {
               PeerLink* link = Link(to);
               if (!link || !link->up(Lane::kData)) return false;
               SuperFrame& frame = link->Open(Lane::kData);
               std::size_t bytes = call             ? call->payload.size()
                                   : answer->result ? answer->result->size()
                                                    : 64;
               if (call) frame.calls.push_back(std::move(*call));
               if (answer) frame.call_answers.push_back(std::move(*answer));
               link->Filled(Lane::kData, bytes);
               ScheduleTurnEnd();
               return true;
             }),
      installs_(loop_, log_, rng_.Next(),
                {.find = [this](GroupId id) { return Find(id); },
                 .send_chunk =
                     [this](BrokerId to, InstallChunk chunk) {
                       PeerLink* link = Link(to);
                       if (!link || !link->up(Lane::kCatchUp)) return false;
                       std::size_t bytes = chunk.payload.size() + chunk.header.size();
                       link->Open(Lane::kCatchUp).install_chunks.push_back(std::move(chunk));
                       link->Filled(Lane::kCatchUp, bytes);
                       ScheduleTurnEnd();
                       return true;
                     },
                 .send_answer =
                     [this](BrokerId to, InstallAnswer answer) {
                       PeerLink* link = Link(to);
                       if (!link) return;
                       link->Open(Lane::kCatchUp).install_answers.push_back(std::move(answer));
                       ScheduleTurnEnd();
                     },
                 .mark_dirty = [this](Group& group) { MarkDirty(group); },
                 .room =
                     [this](GroupId group) {
                       return group == kMetadataGroup ? Status() : RoomOnDisk();
                     }}) {}

GroupManager::~GroupManager() {
  Stop();
}

void GroupManager::Start(StoreFailedHandler store_failed) {
  store_failed_ = std::move(store_failed);
  transport_.SetHandlers(
      [this](BrokerId from, Lane lane, Frame frame) { OnFrame(from, lane, std::move(frame)); },
      [this](PeerState state) { OnPeer(state); });
  last_tick_ = loop_.Now();
  tick_timer_ = loop_.RunAfter(options_.tick, [this] { OnTick(); });
}

void GroupManager::Stop() {
  if (stopped_) return;
  stopped_ = true;
  loop_.Cancel(tick_timer_);
  loop_.Cancel(flush_timer_);
  groups_.clear();
}

void GroupManager::AddPeer(BrokerId peer) {
  if (peer == self_ || peers_.contains(peer)) return;
  auto link = std::make_unique<PeerLink>(peer, transport_);
  link->lost = [this, peer](const SuperFrame& frame) { OnFrameLost(peer, frame); };
  peers_.emplace(peer, std::move(link));
}

Group& GroupManager::AddGroup(GroupSpec spec, std::unique_ptr<StateMachine> state_machine) {
  GroupId id = spec.id;
  KRONIKA_CHECK(!groups_.contains(id), "a broker has one replica of a group");
  GroupEnvironment environment{loop_, store_, *this, rng_, options_.raft};
  auto group = std::make_shared<Group>(environment, std::move(spec), std::move(state_machine));
  groups_.emplace(id, group);
  if (stands_aside_) group->StandAside();
  group->Start();
  return *group;
}

void GroupManager::RemoveGroup(GroupId id, Done<void> done) {
  CloseGroup(id);
  store_.Append({.group = id, .removed = true}, std::move(done));
}

void GroupManager::CloseGroup(GroupId id) {
  auto found = groups_.find(id);
  if (found == groups_.end()) return;
  auto group = found->second;  // its completions may still be on their way
  groups_.erase(found);
  for (auto& [peer, link] : peers_) {
    link->beats_out.Forget(id);
    link->beats_in.Forget(id);
  }
  leader_states_.Withdraw(id);
  installs_.OnGroupGone(id);
}

Group* GroupManager::Find(GroupId id) {
  auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

void GroupManager::ForEach(const std::function<void(Group&)>& visit) {
  for (auto& [id, group] : groups_) visit(*group);
}

void GroupManager::StandAside() {
  stands_aside_ = true;
  for (auto& [id, group] : groups_) group->StandAside();
}

void GroupManager::SetMetadataIndex(std::uint64_t index) {
  metadata_index_ = index;
}

bool GroupManager::IsLive(BrokerId peer) const {
  if (peer == self_) return true;
  auto found = peers_.find(peer);
  return found != peers_.end() && found->second->up(Lane::kLiveness);
}

bool GroupManager::HeardWithin(BrokerId peer, Duration duration) const {
  auto found = peers_.find(peer);
  if (found == peers_.end()) return false;
  const PeerLink& link = *found->second;
  return link.up(Lane::kLiveness) && link.heard && loop_.Now() - link.last_liveness < duration;
}

PeerLink* GroupManager::Link(BrokerId peer) {
  auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : found->second.get();
}

std::vector<PeerSnapshot> GroupManager::Peers() const {
  std::vector<PeerSnapshot> out;
  for (const auto& [id, link] : peers_) {
    PeerSnapshot peer{.id = id, .connected = link->up(Lane::kLiveness), .counters = link->counters};
    if (link->heard) {
      auto age = loop_.Now() - link->last_liveness;
      peer.last_beat_ms = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
    }
    out.push_back(peer);
  }
  return out;
}

// ---- The turn: tick, dirty list, frames.

Duration GroupManager::Standstill() const {
  const Duration gap = loop_.Now() - last_tick_;
  return gap > options_.tick * options_.raft.election_timeout_ticks ? gap - options_.tick
                                                                    : Duration::zero();
}

Duration GroupManager::StoodStill() const {
  return KRONIKA_PLANTED("standstill-told-by-the-tick") ? stood_still_
                                                        : stood_still_ + Standstill();
}

void GroupManager::OnTick() {
  Instant now = loop_.Now();
  auto gap = now - last_tick_;
  const bool long_gap = Standstill() > Duration::zero();
  stood_still_ += Standstill();
  last_tick_ = now;
  tick_timer_ = loop_.RunAfter(options_.tick, [this] { OnTick(); });
  const std::uint64_t aged = gap >= 2 * options_.tick ? 2 : 1;
  const std::uint64_t ticks = LookAtDisk() ? 0 : aged;
  for (auto& [id, group] : groups_) {
    if (long_gap) group->node().ResetLeases();
    for (std::uint64_t i = 1; i <= ticks; ++i) group->Tick(ticks_ + i);
  }
  ticks_ += ticks;
  if (ticks_ % kDigestTicks < ticks) {
    auto led = leader_states_.Led();
    for (auto& [id, link] : peers_) {
      auto& leaders = link->Open(Lane::kLiveness).leaders;
      leaders.insert(leaders.end(), led.begin(), led.end());
    }
  }
  ScheduleTurnEnd();
}

bool GroupManager::LookAtDisk() {
  const auto since = store_.WriteSince();
  const bool hangs = since && loop_.Now() - *since > options_.write_patience;
  if (hangs == disk_hangs_ || KRONIKA_PLANTED("beats-over-a-hanging-disk")) return disk_hangs_;
  disk_hangs_ = hangs;
  if (!hangs) {
    log_.Info("the journal's write is done: this broker may lead again");
    return false;
  }
  log_.Warn("a write of the journal hangs for {} ms: this broker leads nothing until it is done",
            std::chrono::duration_cast<std::chrono::milliseconds>(loop_.Now() - *since).count());
  for (auto& [id, group] : groups_) {
    if (!group->active()) continue;
    group->node().StepDown();
    MarkDirty(*group);
  }
  return true;
}

void GroupManager::MarkDirty(Group& group) {
  if (group.Queue()) dirty_.push_back(group.weak_from_this());
  ScheduleTurnEnd();
}

void GroupManager::ScheduleTurnEnd() {
  if (turn_end_scheduled_ || stopped_) return;
  turn_end_scheduled_ = true;
  loop_.Post([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) EndTurn();
  });
}

void GroupManager::EndTurn() {
  turn_end_scheduled_ = false;
  for (int round = 0; round < kDirtyRoundsMax && !dirty_.empty(); ++round) {
    std::vector<std::weak_ptr<Group>> dirty;
    std::swap(dirty, dirty_);
    for (auto& item : dirty) {
      if (auto group = item.lock()) group->Process();
    }
  }
  auto changes = leader_states_.TakeChanges();
  for (auto& [id, link] : peers_) {
    auto& leaders = link->Open(Lane::kLiveness).leaders;
    leaders.insert(leaders.end(), changes.begin(), changes.end());
    link->metadata_index = metadata_index_;
    link->wall_clock_ms = loop_.WallNowMs();
  }
  FlushLinks();
  if (!dirty_.empty()) ScheduleTurnEnd();
}

// Links tell when they want to be asked again; one timer serves the earliest.
void GroupManager::FlushLinks() {
  std::optional<Instant> next;
  for (auto& [id, link] : peers_) {
    if (auto due = link->Flush(loop_.Now())) next = std::min(next.value_or(*due), *due);
  }
  if (!next || (flush_at_ && *flush_at_ <= *next)) return;
  if (flush_at_) loop_.Cancel(flush_timer_);
  flush_at_ = next;
  flush_timer_ = loop_.RunAt(*next, [this] {
    flush_at_.reset();
    FlushLinks();
  });
}

// ---- What groups ask for.

void GroupManager::Send(Group& group, Message message) {
  PeerLink* link = Link(message.to.broker);
  if (!link) return;  // the placement names a broker that is not known here yet
  if (message.type == MessageType::kHeartbeat) {
    link->Add(BeatGroup{group.id(), message.from.incarnation, message.to.incarnation, message.term,
                        message.commit, message.read_context});
    return;
  }
  // The beat's own answer stands for a response that says nothing new (see TakeBeat).
  if (message.type == MessageType::kHeartbeatResponse &&
      link->beats_in.Repeats(group.id(), message))
    return;
  Lane lane = LaneOf(message.type);
  if (!link->up(lane)) return;  // a new stream resets every progress on it
  std::size_t bytes = PayloadBytes(message);
  GroupMessage out{group.id(), group.generation(), std::move(message)};
  if (lane == Lane::kData) return link->Add(std::move(out), bytes);
  link->Open(lane).messages.push_back(std::move(out));
  link->Filled(lane, bytes);
}

void GroupManager::InstallWanted(Group& group, ReplicaId to) {
  // A broker that came back as a newer replica does not hold the older one; asking for it would
  // only keep the newer one from its own install.
  const auto members = AllReplicas(group.status().membership);
  const bool renewed = std::ranges::any_of(members, [&](ReplicaId member) {
    return member.broker == to.broker && member.incarnation > to.incarnation;
  });
  if (!renewed) return installs_.Begin(group, to);
  group.node().OnInstallSent(to, Index{});
  MarkDirty(group);
}

void GroupManager::StatusChanged(Group& group) {
  group.node().SetElectionRank(Rank(group));
}

void GroupManager::LeadershipGained(const Group& group) {
  ++(group.status().by_transfer ? leaderships_gained_.by_transfer
                                : leaderships_gained_.by_election);
}

void GroupManager::StoreFailed(const Error& error) {
  if (store_failed_) store_failed_(error);
}

Status GroupManager::Admit(std::size_t bytes, EntriesOf whose) const {
  bytes += static_cast<std::size_t>(admitted_bytes_);
  const std::size_t with = static_cast<std::size_t>(uncommitted_bytes_) + bytes;
  const bool others = uncommitted_bytes_ + admitted_bytes_ > 0;
  if (whose == EntriesOf::kOwnProposal && others && with > options_.uncommitted_bytes_max) {
    return Fail(ErrorCode::kBusy, "entries that are not committed take their share of the journal");
  }
  if (whose == EntriesOf::kLeader) KRONIKA_TRY(RoomOnDisk());
  return store_.Admit(bytes);
}

Status GroupManager::RoomOnDisk() const {
  const bool full = disk_nearly_full_ && disk_nearly_full_();
  if (!full || KRONIKA_PLANTED("followers-fill-the-disk")) return {};
  return Fail(ErrorCode::kBusy, "the data directory's disk is nearly full");
}

int GroupManager::Rank(const Group& group) const {
  const NodeStatus& status = group.status();
  int rank = 0;
  for (ReplicaId voter : status.membership.voters) {
    if (voter == group.self()) break;
    if (IsLive(voter.broker) && voter != status.leader) ++rank;
  }
  return rank;
}

}  // namespace kronika::raft
