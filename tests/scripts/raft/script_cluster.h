// ScriptCluster: a cluster of Raft cores that a text script drives, one command a line (README.md
// has the list).
//
// Nothing moves by itself: messages wait on their link and writes on their disk until a command
// says otherwise. Each command returns the text of what changed by it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cmd/kronika_sim/core_replica.h"

namespace kronika::raft {

class ScriptCluster {
 public:
  // The text that `line` gives; ends with a newline unless empty.
  std::string Run(const std::string& line);

 private:
  using Words = std::vector<std::string>;
  using Link = std::pair<ReplicaId, ReplicaId>;
  using Command = void (ScriptCluster::*)(const Words&);
  static const std::map<std::string, Command>& Commands();

  // Set-up and faults
  void Set(const Words& words);
  void AddNodes(const Words& words);
  void AddEmpty(const Words& words);
  void Crash(const Words& words);
  void Restart(const Words& words);
  void HoldDisk(const Words& words);
  void HoldApply(const Words& words);
  void HoldReads(const Words& words);
  void Let(const Words& words);
  void Written(const Words& words);
  void ApplySome(const Words& words);
  void Checkpoint(const Words& words);
  void ReadStore(const Words& words);
  void Release(const Words& words);
  void Compact(const Words& words);
  // Network
  void Deliver(const Words& words);
  void Refuse(const Words& words);
  void Drop(const Words& words);
  void Duplicate(const Words& words);
  void Defer(const Words& words);
  void Cut(const Words& words);
  void Heal(const Words& words);
  void Queue(const Words& words);
  void Inject(const Words& words);
  void Install(const Words& words);
  void FailInstall(const Words& words);
  // Calls of a node
  void Tick(const Words& words);
  void RunTicks(const Words& words);
  void Settle(const Words& words);
  void Campaign(const Words& words);
  void Propose(const Words& words);
  void Change(const Words& words);
  void Transfer(const Words& words);
  void StandAside(const Words& words);
  void Read(const Words& words);
  void Rank(const Words& words);
  void Silent(const Words& words);
  void ResetLeases(const Words& words);
  void ResetProgress(const Words& words);
  // Questions
  void Status(const Words& words);
  void ShowLog(const Words& words);
  void CaughtUp(const Words& words);
  void Same(const Words& words);

  sim::CoreReplica& At(const std::string& name);
  ReplicaId Id(const std::string& name) const;
  std::vector<ReplicaId> Ids(const std::string& names) const;
  // "1->2", "1-2" (both ways), "1" (all links of 1), "*".
  std::vector<Link> Links(const std::string& text) const;
  void Add(ReplicaId id, Membership founding);
  void Collect();
  bool SettleOnce();
  bool DeliverFrom(const Link& link, bool refuse, bool print);
  void MoveInstalls();
  void Say(const std::string& text) { said_ += text + "\n"; }
  void SayResult(const Result<Index>& result);
  void SayChanges();

  Options options_;
  Invariants invariants_;
  std::map<ReplicaId, std::unique_ptr<sim::CoreReplica>> replicas_;
  std::map<Link, std::deque<Message>> links_;
  std::set<Link> cuts_;
  std::set<ReplicaId> held_disks_;
  std::set<ReplicaId> held_applies_;
  std::set<Link> installs_;  // leader, follower
  std::map<ReplicaId, std::string> shown_;
  std::map<std::uint64_t, Index>
      reads_;  // by context: what was committed anywhere when it was asked
  std::string said_;
  std::string violation_;
};

}  // namespace kronika::raft
