// Node: one Raft replica as a pure state machine. Calls change it; TakeReady() says what must
// happen outside.
//
// The Ready contract (raft/README.md has the picture):
// 1. The driver takes a Ready, hands `write` to the log store as one write, sends `messages` at
//    once, and applies `committed` in order. It never waits for one before starting the other.
// 2. When the log store reports a write durable the driver calls OnWritten(write_id). Only then do
//    votes and acknowledgements that the write justifies come out, in a later Ready (SAFETY A2,
//    R1). Reports may be skipped over (a later id covers earlier ones) and stale ones are harmless.
// 3. A leader counts itself for an entry only after OnWritten covered it.
// 4. OnApplied(i) tells how far the state machine is. Configurations take effect when applied.
// 5. Stepping is event driven; Tick() only ages timers. Every failure of a contract here is a bug
//    and a CHECK; every odd message is dropped or answered, never a CHECK.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "raft/core/message.h"
#include "raft/core/options.h"
#include "raft/core/types.h"

namespace kronika::raft {

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };
std::string_view Name(Role role);

// One write for the log store: hard state, a cut of the uncommitted suffix, entries; in this order,
// atomically.
struct Write {
  std::uint64_t id = 0;  // increases by one per write of this node; 0 = nothing to write
  Term leader_term;      // the term in which this write was made (SAFETY A2)
  std::optional<HardState> hard_state;
  std::optional<Index> truncate_from;
  std::vector<Entry> entries;
};

// A read that may be answered from the state machine once it has applied `index` (Raft thesis
// §6.4).
struct ReadGrant {
  std::uint64_t context = 0;
  Index index;
  bool granted = false;  // false: leadership was lost; fail the read
};

// A follower needs entries that are no longer in memory: read them from the log store, then
// ProvideEntries().
struct EntriesWanted {
  ReplicaId to;
  Index first;
  Index last;  // inclusive
  std::size_t bytes_max = 0;
};

struct Ready {
  Write write;  // write.id == 0: nothing
  std::vector<Message> messages;
  std::vector<Entry> committed;  // next to apply, in order, each exactly once
  std::vector<ReadGrant> reads;
  std::vector<EntriesWanted> entries_wanted;
  std::vector<ReplicaId>
      installs_wanted;        // followers behind the log's start: start a full install (once each)
  bool role_changed = false;  // role, term or leader differ from the last Ready
};

// What a replica starts from: found in the journal and the manifest.
struct Recovered {
  HardState hard_state;
  LogStart start;              // the state machine's applied point
  std::vector<Entry> entries;  // start.index + 1 ..., contiguous
};

struct Progress;  // progress.h

struct ReplicaStatus {
  ReplicaId id;
  Index match;   // durable there, acknowledged in this term
  Index commit;  // its commit index as far as it said: a beat names it until it is the leader's
  bool voter = false;
  bool active = false;  // answered within the last election timeout (the leader itself: always)
  int ticks_since_caught_up =
      0;  // since match last reached this leader's last index of that moment (ISR, C9)
};

struct NodeStatus {
  ReplicaId self;
  Role role = Role::kFollower;
  Term term;
  ReplicaId leader;                             // !valid() = unknown
  ReplicaId transfer_to;                        // leader: to whom it hands over; !valid() = nobody
  bool by_transfer = false;                     // leader: its predecessor handed over to it
  Index last, commit, applied, durable, first;  // first: lowest index whose entry or term is known
  Membership membership;
  std::vector<ReplicaStatus> replicas;  // leader only
  Term leader_epoch;  // the term of the last leader whose own-term entry was applied here (SAFETY
                      // C10)
  bool serving = false;  // leader, confirmed, that has applied an entry of its own term (SAFETY C2)
  bool confirmed =
      false;  // leader that a quorum answered since it was elected and since ResetLeases (B7)
  // Stepped down because no quorum answered, and no newer leader or term is known: role is
  // kFollower, leader is unknown, but this replica stays the one to name to clients (SAFETY C9).
  bool lost_quorum = false;
  std::string Describe() const;
};

class Node {
 public:
  Node(ReplicaId self, Options options, Recovered recovered, Rng& rng);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // `shared` is the number of a tick that many replicas see: they beat on the same ones, so that
  // one frame carries the beats of all. Without it a leader counts from its election.
  void Tick(std::optional<std::uint64_t> shared = std::nullopt);
  void Step(Message message);
  // Instead of Step, when an append of a leader cannot be taken now (memory, journal): its term,
  // its sign of life and its commit index count, its entries are refused with "busy" (SAFETY B6,
  // B9).
  void Refuse(Message message);
  // kNotLeader; kBusy beyond uncommitted_bytes_max or during a transfer. Returns the entry's index.
  Result<Index> Propose(EntryType type, Slice payload, std::int64_t append_time_ms);
  // Starts a change to `target` (voters and learners; `outgoing` must be empty): enters joint
  // consensus if the voters differ by more than nothing, leaves it by itself once the joint entry
  // is applied. kBusy while another change is not applied; kInvalidArgument if
  // target.metadata_index is not above the applied one.
  Result<Index> ProposeMembership(Membership target, std::int64_t append_time_ms);
  // Hands over once `to` has everything; until then, and until an election timeout passed without
  // it, nothing is proposed (thesis §3.10). status().transfer_to tells while it is under way.
  Status TransferLeadership(ReplicaId to);
  // From now on this replica does not campaign and takes no leadership that is handed over to it;
  // it goes on to vote and to follow. What it leads it leads on.
  void StandAside();
  // A leader stops leading and lets the voter with the longest log campaign at once.
  void StepDown();
  // Answered in Ready.reads, also on loss of leadership.
  void ReadIndex(std::uint64_t context);
  // Campaigns at once with a pre-vote (the first live founder, a peer whose connection was reset:
  // B8).
  void Campaign();
  // The driver's view of who is live, for the waiting order n*T/2 (SAFETY B8); `rank` is how many
  // live replicas stand before this one in assignment order.
  void SetElectionRank(int rank);
  // The liveness stream of `peer` was closed: if it leads, it counts as silent at once (SAFETY B8).
  void OnPeerSilent(BrokerId peer);
  // After a gap longer than an election timeout (B7) or a new stream to a peer (D-11).
  void ResetLeases();
  void ResetProgress(BrokerId peer);

  bool HasReady() const;
  Ready TakeReady();
  void OnWritten(std::uint64_t write_id);
  void OnApplied(Index applied);
  // `entries` begin at `first`; empty: the log store no longer has them, so the follower needs an
  // install.
  void ProvideEntries(ReplicaId to, Index first, std::vector<Entry> entries);
  // Leader: the install to `to` ended (well: its log now ends at `index`) or failed (index 0).
  void OnInstallSent(ReplicaId to, Index index);
  // Follower: a full install was made durable; the log now starts at `start` unless it already
  // matched there. From handing the installed record to the log store until this call the driver
  // refuses appends (Refuse), and entries up to start.index that it took from earlier Readies are
  // no longer to be applied.
  void OnInstalled(LogStart start);
  // Entries up to `index` can be had elsewhere (log store or installed state): memory may forget
  // them as far as they are applied and durable; the newest tail_bytes_max of them stay.
  void Compact(Index index);

  NodeStatus status() const;
  // As status(), into `out`: nothing is allocated where `out` held the status of the same members.
  void ReadStatus(NodeStatus& out) const;
  Role role() const;
  Term term() const;
  Index commit() const;
  // The term of the entry at `index` in this log; nothing where memory does not know it. An answer
  // to a client may say "done" only while its (index, term) is still here (SAFETY C3).
  std::optional<Term> TermAt(Index index) const;

 private:
  friend class Invariants;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kronika::raft
