// CoreReplica: one Raft core with what a driver gives it: a disk that finishes writes when told, a
// state machine that is a running digest, a checkpoint. For the simulator and the text scripts.
//
// One thread. A crash loses the Node, what was applied after the checkpoint, and every write that
// the disk had not finished, except as many of the oldest as the caller says reached it. Every
// message that promises something is held against the disk: an acknowledgement, a vote or a vote
// request whose promise a crash would undo is a violation (SAFETY R1). So is an append whose
// entries do not follow its previous index: indexes do not travel.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raft/core/invariants.h"
#include "raft/core/node.h"

namespace kronika::sim {

// The state that a full install carries.
struct Image {
  raft::LogStart start;
  std::uint64_t digest = 0;  // of everything applied up to start.index
};

class CoreReplica {
 public:
  // What came out of the Readies since the last call of Take().
  struct Output {
    std::vector<raft::Message> messages;
    std::vector<raft::ReadGrant> reads;
    std::vector<raft::ReplicaId> installs_wanted;
    std::vector<Index> installs_finished;
    bool role_changed = false;
  };

  CoreReplica(raft::ReplicaId id, raft::Options options, std::uint64_t seed,
              raft::Membership founding, raft::Invariants& invariants);

  raft::ReplicaId id() const { return id_; }
  bool alive() const { return node_ != nullptr; }
  raft::Node& node() { return *node_; }
  const std::string& violation() const { return violation_; }

  // After any call of node(): takes Readies until there is none, and has the step checked.
  void Pump();
  Output Take() { return std::exchange(output_, {}); }
  void Deliver(raft::Message message);

  std::size_t writes_pending() const { return queue_.size(); }
  void FinishWrites(std::size_t count);
  // What the log store is asked for followers is answered at once, or when told (slow).
  void SlowReads(bool slow);
  std::size_t reads_pending() const { return to_read_.size(); }
  void FinishReads(std::size_t count);
  std::size_t applies_pending() const { return to_apply_.size(); }
  void Apply(std::size_t count);

  // Whether a crash now would leave the entry at `index` with `term`, or a state that contains it.
  bool HoldsDurably(Index index, Term term) const;

  // A full install arrived. While it is being written appends are refused.
  void BeginInstall(Image image);
  Image CurrentImage() const { return applied_; }
  // Keeps the applied state as the point to restart from, if its entries are durable here (SAFETY
  // A6).
  void Checkpoint();
  // The log store forgets up to `index` of what the checkpoint covers; memory may, too.
  void Release(Index index);

  // Of the unfinished writes the oldest `reached_disk` survive.
  void Crash(std::size_t reached_disk);
  void Restart();

 private:
  struct DiskWrite {
    raft::Write raft;
    std::optional<Image> install;
  };
  struct Disk {
    raft::HardState hard_state;
    Index base;  // entries begin after it
    std::vector<raft::Entry> entries;
    Image checkpoint;
    Index last() const { return base + entries.size(); }
    const raft::Entry* Find(Index index) const;
  };

  void Persist(const DiskWrite& write);
  void FinishInstall(const Image& image);
  void CheckPromise(const raft::Message& message);
  void Serve(const raft::EntriesWanted& wanted);
  void Violate(std::string text);

  const raft::ReplicaId id_;
  const raft::Options options_;
  SeededRng rng_;
  raft::Invariants& invariants_;
  std::unique_ptr<raft::Node> node_;
  Disk disk_;
  std::deque<DiskWrite> queue_;
  std::deque<raft::Entry> to_apply_;
  std::deque<raft::EntriesWanted> to_read_;
  bool slow_reads_ = false;
  Image applied_;
  bool installing_ = false;
  Output output_;
  std::string violation_;
};

}  // namespace kronika::sim
