// Node::Impl: the state of one replica and the steps of its roles, shared by the files of this
// folder.
//
//   node.cc        the public calls, the rule of terms, the election timer      (Raft §5.1)
//   ready.cc       what comes out: writes, held messages, deliveries; what came back
//   candidate.cc   pre-vote, votes, campaigns                                   (§5.2, §5.4.1,
//   thesis §9.6) follower.cc    appends, beats, acknowledgements, installs                   (§5.3,
//   §7) leader.cc      becoming one, answers of followers, commitment, ticks        (§5.3, §5.4.2,
//   thesis §6.4) replicate.cc   what is sent to whom                                         (§5.3)
//   conf_change.cc configurations and transfer                                  (§6, thesis §3.10)
//
// Called by the replica's one owner. A message that justifies itself by a write waits in `held`
// (SAFETY R1).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "raft/core/log.h"
#include "raft/core/node.h"
#include "raft/core/progress.h"
#include "raft/core/quorum.h"
#include "raft/core/read_index.h"
#include "raft/core/writes.h"

namespace kronika::raft {

inline constexpr Term kTermEnd{std::uint64_t{1}
                               << 31};  // terms stay below (Kafka's leader epoch is an int32)

struct Leading {
  std::map<ReplicaId, Progress> peers;  // everybody of the configuration but this replica
  ReadRounds reads;
  std::optional<ReplicaId> transfer_to;
  bool by_transfer = false;  // its predecessor handed over
  int transfer_ticks = 0;
  std::uint64_t own_ticks = 0;  // since the election
  std::size_t uncommitted_bytes = 0;
  std::int64_t append_time_ms = 0;  // of the newest entry (SAFETY C11)
  bool confirmed = true;
};

struct Node::Impl {
  Impl(ReplicaId self_id, Options node_options, Recovered recovered, Rng& node_rng);

  // node.cc
  void Step(Message message, bool refuse);
  bool AcceptTerm(const Message& message);
  void AnswerOlderTerm(const Message& message);
  void Dispatch(Message message, bool refuse);
  void BecomeFollower(Term term, ReplicaId new_leader);
  void LeaveLeadership();
  void SetTerm(Term term);
  void ResetElectionTimer();
  bool LeaderAlive() const;
  void Send(Message message);
  // Leaves once the hard state of now is durable.
  void SendWhenDurable(Message message);
  void SetCommit(Index index);

  // candidate.cc
  bool CanCampaign() const;
  void HandleTimeoutNow(const Message& message);
  void StartPreVote();
  void Campaign(bool transfer);
  void SendVoteRequests(MessageType type, Term at, bool transfer);
  Message MakeVoteMessage(MessageType type, ReplicaId to, Term term) const;
  void LearnCommit(const Message& message);
  void CountVotesNow();
  void HandlePreVote(const Message& message);
  void HandleVote(const Message& message);
  void HandleVoteAnswer(const Message& message);
  void TickElection();

  // follower.cc
  void FollowLeader(const Message& message);
  void HandleAppend(Message message, bool refuse);
  void HandleHeartbeat(const Message& message);
  void RejectAppend(const Message& message);
  Index Acknowledgeable() const;
  void SendAcknowledgement();
  void OnInstalled(LogStart start);

  // leader.cc
  void BecomeLeader();
  Index AppendOwn(EntryType type, Slice payload, std::int64_t append_time_ms);
  Progress* Answered(const Message& message);
  void HandleAppendAnswer(const Message& message);
  void HandleRefusal(Progress& peer, const Message& message);
  void HandleAccepted(const Message& message, Progress& peer);
  void HandleHeartbeatAnswer(const Message& message);
  void Probe(ReplicaId to, Progress& peer);
  void MaybeCommit();
  void MaybeConfirm();
  void TickLeader(std::optional<std::uint64_t> shared);
  void CheckQuorum();
  void ResumeReads();
  bool HasAppliedOwnTerm() const;
  Index MatchOf(ReplicaId id) const;

  // replicate.cc
  void SendAppends();
  void SendAppendsTo(ReplicaId to, Progress& peer);
  void SendAppend(ReplicaId to, Progress& peer, Progress::Known previous,
                  std::vector<Entry> entries);
  std::optional<Term> PreviousTerm(const Progress& peer) const;
  void WantEntries(ReplicaId to, Progress& peer);
  void SendCommit();
  void SendBeats(std::uint64_t read_context);
  Message Beat(ReplicaId to, const Progress& peer, std::uint64_t read_context) const;
  void ProvideEntries(ReplicaId to, Index first, std::vector<Entry> entries);
  void OnInstallSent(ReplicaId to, Index index);

  // conf_change.cc
  Result<Index> ProposeMembership(const Membership& target, std::int64_t append_time_ms);
  void ApplyConfigs(Index after, Index up_to);
  void Adopt(Membership next);
  void AlignPeers();
  void MaybeLeaveJoint();
  void HandOver();
  Status TransferLeadership(ReplicaId to);
  void MaybeTransfer();

  // ready.cc
  bool HasReady() const;
  Ready TakeReady();
  void OnWritten(std::uint64_t write_id);
  void OnApplied(Index applied);
  void ReleaseHeld();

  const ReplicaId self;
  const Options options;
  Rng& rng;
  Log log;
  HardState hard_state;
  Writes writes;
  Membership membership;  // the applied one

  Role role = Role::kFollower;
  ReplicaId leader;
  bool lost_quorum = false;
  std::optional<Leading> leading;   // while role is kLeader
  std::map<ReplicaId, Vote> votes;  // while a candidate of either kind

  std::int64_t now_ticks = 0;
  int elapsed_ticks = 0;  // since the last sign of life of a leader, a vote given, or a campaign
  int timeout_ticks = 0;
  int election_rank = 0;
  int refused_pauses = 0;         // pre-votes in a row that "leader alive" refused
  bool refused_as_alive = false;  // in this pre-vote
  bool leader_silent = false;     // no lease for a leader whose stream closed, or after a gap

  bool campaign_when_applied = false;  // the leader of this term said "now"
  bool handed_over = false;            // to this replica, by the last leader that it followed
  bool stands_aside = false;

  Index matched;       // this log equals the current leader's up to here
  Index acknowledged;  // highest index acknowledged to the current leader

  bool send_wanted = false;  // a leader has entries or room to send
  std::vector<Message> held;
  Ready out;  // collects messages, reads, wishes until the next TakeReady
  Role reported_role = Role::kFollower;
  Term reported_term;
  ReplicaId reported_leader;
};

}  // namespace kronika::raft
