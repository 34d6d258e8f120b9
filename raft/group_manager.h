// GroupManager: all groups of one worker behind one shared tick, with one outbox per peer. On the
// worker's loop.
//
// 1. Stepping is event driven: whatever touches a group marks it dirty, and the dirty list is
//    worked off before the turn's frames leave. The tick only ages timers; no commit waits for it.
// 2. A gap longer than two ticks ages two ticks at most, and one longer than an election timeout
//    makes every leadership prove itself again (SAFETY B7).
// 3. A message for a replica that this broker's metadata does not know yet is answered "not yet";
//    one for a replica that the metadata places here and that is not here is counted as
//    misdirected, an error; all others are for replicas that are no more: stale (SAFETY B13). The
//    metadata is the memory of what was removed here; nothing else is kept of it.
// 4. A closed liveness stream is silence at once (SAFETY B8).
// 5. While a write of the log store hangs, nothing is led here and no timer ages: a broker that
//    lives says nothing about its disk (SAFETY B5).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "raft/calls.h"
#include "raft/group.h"
#include "raft/installs.h"
#include "raft/leader_states.h"
#include "raft/peer_link.h"

namespace kronika::raft {

struct ManagerOptions {
  Options raft;
  Duration tick = std::chrono::milliseconds(50);
  // A write of the log store that is unfinished for longer hangs (SAFETY B5).
  Duration write_patience = std::chrono::seconds(2);
  // Of the directory, beyond which leaders here propose nothing; one entry is always taken.
  std::size_t uncommitted_bytes_max = 128 << 20;
};

// Leaderships that replicas here gained since the start.
struct LeadershipCounters {
  std::uint64_t by_election = 0;
  std::uint64_t by_transfer = 0;
};

struct ManagerEnvironment {
  Loop& loop;
  Transport& transport;
  LogStore& store;
  Rng& rng;
  Log& log;
};

class GroupManager final : public GroupHost {
 public:
  using StoreFailedHandler = std::function<void(const Error&)>;
  // Whether this broker's metadata, as far as it is applied, places that replica here, and nothing
  // explains that it is not: the answer to a message for one that is not here.
  using PlacedHere = std::function<bool(GroupId, Incarnation)>;

  GroupManager(const ManagerEnvironment& environment, BrokerId self, ManagerOptions options);
  ~GroupManager() override;

  // Takes the transport's handlers and starts the tick. Waits for nothing (decision D14).
  void Start(StoreFailedHandler store_failed);
  void Stop();

  // The other brokers of the cluster; frames from others are not taken.
  void AddPeer(BrokerId peer);

  Group& AddGroup(GroupSpec spec, std::unique_ptr<StateMachine> state_machine);
  // Ends the replica and journals `removed`; `done` once that is durable.
  void RemoveGroup(GroupId id, Done<void> done);
  // Ends the replica, which has to be replaced by a new incarnation; its records stay.
  void CloseGroup(GroupId id);
  Group* Find(GroupId id);
  // For good: no replica here, nor one that is added later, leads anything that it does not lead
  // now.
  void StandAside();
  const LeadershipCounters& leaderships_gained() const { return leaderships_gained_; }
  // Told when a peer's liveness stream closes.
  void SetPeerLost(std::function<void(BrokerId)> told) { peer_lost_ = std::move(told); }
  // Calls `visit` for every group, in order of id.
  void ForEach(const std::function<void(Group&)>& visit);

  // Without it no message counts as misdirected.
  void SetPlacedHere(PlacedHere placed_here) { placed_here_ = std::move(placed_here); }
  // While it says so what leaders elsewhere send, installs included, is refused as busy, but for
  // the metadata and the protocol's own entries.
  void SetDiskNearlyFull(std::function<bool()> asked) { disk_nearly_full_ = std::move(asked); }
  // How far this broker's metadata is applied (SAFETY B13).
  void SetMetadataIndex(std::uint64_t index);

  Calls& calls() { return calls_; }
  LeaderStates& leader_states() { return leader_states_; }
  Installs& installs() { return installs_; }
  bool IsLive(BrokerId peer) const;
  // Its liveness stream stands, and something came on it so lately.
  bool HeardWithin(BrokerId peer, Duration duration) const;
  // How long this process stood still in all since Start(), now included: gaps that are longer than
  // an election timeout, but for a tick of each. True at once after a gap, whoever asks first.
  Duration StoodStill() const;
  std::vector<PeerSnapshot> Peers() const;
  const ManagerOptions& options() const { return options_; }
  // A replica that was caught up within so many ticks is level with its leader: one second (SAFETY
  // A13).
  int LevelTicks() const { return static_cast<int>(std::chrono::seconds(1) / options_.tick); }

  // GroupHost
  void Send(Group& group, Message message) override;
  void MarkDirty(Group& group) override;
  void InstallWanted(Group& group, ReplicaId to) override;
  void StatusChanged(Group& group) override;
  Status Admit(std::size_t bytes, EntriesOf whose) const override;
  void CountAdmitted(std::int64_t bytes) override { admitted_bytes_ += bytes; }
  void LeadershipGained(const Group& group) override;
  void CountUncommitted(std::int64_t bytes) override { uncommitted_bytes_ += bytes; }
  bool IsFirstLive(const Group& group) const override { return Rank(group) == 0; }
  void StoreFailed(const Error& error) override;

 private:
  void OnTick();
  // Since the last tick.
  Duration Standstill() const;
  // Whether the log store's write hangs; leaders step down when it begins to.
  bool LookAtDisk();
  Status RoomOnDisk() const;
  void ScheduleTurnEnd();
  void EndTurn();
  void FlushLinks();
  void OnFrame(BrokerId from, Lane lane, Frame frame);
  void OnPeer(PeerState state);
  void OnLivenessChanged(PeerLink& link);
  void CountDamage(PeerLink& link);
  void TakeMessages(PeerLink& link, SuperFrame& frame);
  void TakeMessage(PeerLink& link, const SuperFrame& frame, GroupMessage& message);
  void TakeBeats(PeerLink& link, const SuperFrame& frame);
  bool TakeBeat(PeerLink& link, const BeatGroup& beat, std::uint64_t sender_metadata_index);
  void ConfirmBeat(PeerLink& link, const BeatGroup& beat);
  void TakeNotYet(PeerLink& link, const NotYet& refusal);
  void OnFrameLost(BrokerId peer, const SuperFrame& frame);
  // Live voters before this replica in assignment order, the silent leader not counted (SAFETY B8).
  int Rank(const Group& group) const;
  PeerLink* Link(BrokerId peer);

  Loop& loop_;
  Transport& transport_;
  LogStore& store_;
  Rng& rng_;
  Log& log_;
  const BrokerId self_;
  const ManagerOptions options_;
  StoreFailedHandler store_failed_;
  std::map<BrokerId, std::unique_ptr<PeerLink>> peers_;
  std::map<GroupId, std::shared_ptr<Group>> groups_;
  PlacedHere placed_here_;
  std::function<bool()> disk_nearly_full_;
  std::function<void(BrokerId)> peer_lost_;
  LeadershipCounters leaderships_gained_;
  bool stands_aside_ = false;
  std::vector<std::weak_ptr<Group>> dirty_;
  std::uint64_t metadata_index_ = 0;
  std::int64_t uncommitted_bytes_ = 0;
  std::int64_t admitted_bytes_ = 0;
  bool turn_end_scheduled_ = false;
  bool stopped_ = false;
  bool disk_hangs_ = false;
  Instant last_tick_;
  Duration stood_still_{};  // until the last tick
  std::uint64_t ticks_ = 0;
  TimerId tick_timer_;
  TimerId flush_timer_;
  std::optional<Instant> flush_at_;  // when the timer fires
  Calls calls_;
  LeaderStates leader_states_;
  Installs installs_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // thunks that outlive the manager look here
};

}  // namespace kronika::raft
