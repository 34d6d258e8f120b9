// Checkpointer: makes state durable outside of the journal so that its files can be used again
// (SAFETY A5).
//
//   1 where the journal stands   2 per group: segments, then one Kv batch   3 release   4 rewrite
//   what pins the oldest
//   file   5 (id, position) into the Kv store, synced   6 the journal's own record, then its files
//   are free
//
// On the worker's loop. One checkpoint is under way at a time. Nothing in it is undone when a step
// fails: the checkpoint is given up, and the next one begins anew.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/kv.h"
#include "base/log.h"
#include "base/loop.h"
#include "raft/group_manager.h"
#include "wal/journal/journal.h"

namespace kronika::broker {

struct CheckpointerCounters {
  std::uint64_t completed = 0;
  std::uint64_t given_up = 0;
  std::uint64_t groups = 0;
  std::uint64_t rewrites = 0;
};

class Checkpointer {
 public:
  struct Environment {
    Loop& loop;
    Kv& kv;
    wal::Journal& journal;
    raft::GroupManager& groups;
    Log& log;
    // No checkpoint may pass the creation of a replica that is not durable (SAFETY A3).
    std::function<bool()> creations_pending;
  };
  static constexpr std::size_t kAtOnce = 8;
  // What was written waits no longer for its segments, where too little is written for the journal
  // to want a checkpoint: segments are what segment.ms rolls, compaction reads and tools look at.
  static constexpr Duration kPeriodMax = std::chrono::minutes(5);

  Checkpointer(Environment environment, wal::CheckpointMark last);
  ~Checkpointer();

  // Looks now and then whether the journal wants one, or one is due.
  void Start();
  enum class Purpose { kRoom, kClosing };
  void Run(Purpose purpose, Done<void> done);
  const CheckpointerCounters& counters() const { return counters_; }
  // A pass is under way.
  bool running() const { return running_; }

 private:
  struct Pass;
  void OnTimer();
  bool Due();
  void OnOutcome(const Status& status);
  void RecordAgain(const std::shared_ptr<Pass>& pass);
  void NextGroups(const std::shared_ptr<Pass>& pass);
  void StartGroup(const std::shared_ptr<Pass>& pass, GroupId id);
  void GroupFailed(const std::shared_ptr<Pass>& pass, GroupId id, Error error);
  void GroupDone(const std::shared_ptr<Pass>& pass, Status status);
  void Release(const std::shared_ptr<Pass>& pass);
  void Mark(const std::shared_ptr<Pass>& pass);
  void End(const std::shared_ptr<Pass>& pass, Status status);

  Environment environment_;
  wal::CheckpointMark last_;
  TimerId timer_;
  bool running_ = false;
  Instant not_before_;
  Instant due_;
  CheckpointerCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::string EncodeMark(const wal::CheckpointMark& mark);
// kCorruption. No value: no checkpoint yet.
Result<wal::CheckpointMark> DecodeMark(const std::optional<std::string>& value);

}  // namespace kronika::broker
