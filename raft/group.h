// Group: one replica of one Raft group, driven: persist → send → apply, in the order of the Ready
// contract.
//
// Runs on its manager's loop.
// 1. Nothing of the group leaves before its `created` record is durable (SAFETY A3).
// 2. A write and the messages beside it start together; what a write justifies comes out of the
//    core only after it is durable (R1).
// 3. Committed entries reach the state machine in order and only when this replica's own log has
//    them, so that everything applied may reach segments and the Kv store (SAFETY A6).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/loop.h"
#include "raft/core/node.h"
#include "raft/log_store.h"
#include "raft/state_machine.h"

namespace kronika::raft {

class Group;

// What an entry takes in the journal beside its payload, roughly.
inline constexpr std::size_t kEntryOverhead = 64;

enum class EntriesOf : std::uint8_t { kOwnProposal, kLeader };

// What a group asks of the manager that owns it.
class GroupHost {
 public:
  virtual ~GroupHost() = default;
  virtual void Send(Group& group, Message message) = 0;
  // Process() is to be called before this turn ends.
  virtual void MarkDirty(Group& group) = 0;
  virtual void InstallWanted(Group& group, ReplicaId to) = 0;
  // Role, term, leader or membership changed.
  virtual void StatusChanged(Group& group) = 0;
  // Whether `bytes` more of entries may be appended now: kBusy when the journal waits for a
  // checkpoint, and, for a leader's own, when what is not committed takes its share of the
  // directory. A follower's have no share to keep to: two brokers that are full of what the other
  // one lacks must be able to take it (SAFETY B11).
  virtual Status Admit(std::size_t bytes, EntriesOf whose) const = 0;
  // What was admitted and is not in the log store yet changed by so much. Everything that comes in
  // one turn is admitted before any of it is appended, so it counts against the next.
  virtual void CountAdmitted(std::int64_t bytes) = 0;
  // This replica was elected; status().by_transfer says whether its predecessor handed over.
  virtual void LeadershipGained(const Group& group) = 0;
  // The uncommitted bytes of this directory changed by so much.
  virtual void CountUncommitted(std::int64_t bytes) = 0;
  // Whether no live voter stands before this replica in assignment order.
  virtual bool IsFirstLive(const Group& group) const = 0;
  // The log store failed for good: the process has to end (DESIGN §4).
  virtual void StoreFailed(const Error& error) = 0;
};

struct GroupEnvironment {
  Loop& loop;
  LogStore& store;
  GroupHost& host;
  Rng& rng;
  Options options;
};

struct GroupSpec {
  GroupId id;
  Generation generation{1};
  ReplicaId self;
  Recovered recovered;
  std::optional<Created> created;  // this life is the first: write it before anything else
  // The log may hold records of an earlier replica of the group here, which end with that record.
  bool succeeds = false;
};

class Group : public std::enable_shared_from_this<Group> {
 public:
  Group(const GroupEnvironment& environment, GroupSpec spec,
        std::unique_ptr<StateMachine> state_machine);
  ~Group();

  // Writes `created`, if this is the first life; the group is active once that is durable.
  void Start();
  bool active() const { return active_; }

  void Tick(std::uint64_t shared);
  void Step(Message message);
  Result<Index> Propose(EntryType type, Slice payload);
  Result<Index> ProposeMembership(Membership target);
  // Runs `done` with the index that the read may be answered at, once it is applied here;
  // kNotLeader if leadership is lost before a quorum confirmed it (SAFETY C1).
  void ReadIndex(Done<Index> done);
  void Campaign();
  // As Node's. Hands over to the voter of that broker: kInvalidArgument if there is none.
  Status TransferLeadership(BrokerId to);
  void StandAside();
  // True once for any number of calls until Process() runs: to be queued for it once.
  bool Queue() { return !std::exchange(queued_, true); }
  void Process();

  // Follower side of a full install: nothing is stepped while it is under way. Its record may have
  // to wait for room in the log store, so checkpoints go on until it is durable; the swap behind it
  // waits for one that is capturing the old state, and for nothing else but the disk.
  void AdoptInstall(LogStart start, std::string manifest, Done<void> done);

  // Captures the state, which is never ahead of what this replica's own log has durably. The batch
  // goes to the Kv store; `applied` is then what recovery starts from.
  struct Checkpointed {
    KvBatch batch;
    Index applied;
  };
  void Checkpoint(Done<Checkpointed> done);
  // The same for who makes the batch durable by itself, between two checkpoints: the next one takes
  // the group again.
  void CheckpointBetween(Done<Checkpointed> done);
  // What Checkpoint captured did not reach the store, so the next one has to take this group again:
  // its records must not be passed by a mark that leaves it out.
  void CheckpointFailed() {
    wrote_since_checkpoint_ = true;
    if (std::exchange(captured_, false)) state_machine_->CheckpointFailed();
  }
  // The checkpoint ended before the log was released as far as the last one captured.
  void CheckpointAgain() { wrote_since_checkpoint_ = true; }
  // Whether anything was written to the log, or applied, since the last Checkpoint call.
  bool wrote_since_checkpoint() const { return wrote_since_checkpoint_; }

  GroupId id() const { return id_; }
  Generation generation() const { return generation_; }
  ReplicaId self() const { return self_; }
  Node& node() { return node_; }
  const NodeStatus& status() const { return status_; }
  StateMachine& state_machine() { return *state_machine_; }
  // The applied point, as a full install would start from it.
  LogStart applied_start() const { return {applied_, applied_term_, status_.membership}; }

 private:
  void Activate();
  void AskFoundersAgain(std::uint64_t shared);
  void ReadStatus();
  void Persist(Write write);
  void Hold(std::vector<Entry>& committed);
  // Whether anything was applied.
  bool ApplyDurable();
  void Swap(LogStart start, std::string manifest, Done<void> done);
  void TakeInstalled(const LogStart& start);
  void AnswerReads(std::vector<ReadGrant>& grants);
  void RunWaitingReads();
  void ReadForFollower(const EntriesWanted& wanted);
  bool Fit(const std::vector<Entry>& entries) const;
  Status Admit(std::size_t bytes, EntriesOf whose) const;
  void CountAdmitted(std::size_t bytes);
  void NoteCommit(Write& write);
  void CountAppended(const Write& write);
  void CountCommitted(Index committed);
  std::int64_t AppendTime();

  struct WaitingRead {
    Index index;
    Done<Index> done;
  };

  Loop& loop_;
  LogStore& store_;
  GroupHost& host_;
  const GroupId id_;
  const Generation generation_;
  const ReplicaId self_;
  std::optional<Created> created_;
  const bool succeeds_;
  HardState hard_state_;  // as last handed to the log store
  Term applied_term_;
  Term led_term_;                                          // told as gained
  std::deque<std::pair<Index, std::size_t>> uncommitted_;  // entries with their bytes
  std::int64_t admitted_ = 0;                              // the next Process() appends them
  Node node_;
  NodeStatus status_;
  Membership membership_told_;  // to the state machine
  std::unique_ptr<StateMachine> state_machine_;
  bool active_ = false;
  bool queued_ = false;
  bool first_life_ = false;
  int founding_asks_left_ = 0;
  bool adopting_ = false;   // from the call of AdoptInstall to its end
  bool swapping_ = false;   // its record is durable
  bool capturing_ = false;  // a checkpoint waits for the state machine
  Thunk swap_;              // waits for the end of that
  bool wrote_since_checkpoint_ = true;
  bool captured_ = false;        // the last Checkpoint() asked the state machine
  std::deque<Entry> held_back_;  // committed, but not in this replica's own log yet
  Index applied_;
  std::int64_t last_append_time_ms_ = 0;
  std::uint64_t next_read_ = 1;
  std::map<std::uint64_t, Done<Index>> reads_;  // awaiting a quorum
  std::deque<WaitingRead> granted_reads_;       // awaiting apply
};

}  // namespace kronika::raft
