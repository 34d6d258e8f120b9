// PendingAppends: produce requests whose batch is in the leader's log and not answered yet. On the
// partition's loop.
//
// 1. acks=1 is answered when this replica's own journal has the entry, acks=-1 when it is applied
//    here and durable on max(majority, min.insync.replicas) current voters, counted by
//    acknowledgements in this term (SAFETY C9).
// 2. Either only while this replica still leads the term in which it appended the entry (C3).
// 3. A retry of a batch that is pending waits for the same entry (C3).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "base/ids.h"
#include "broker/partition/partition.h"

namespace kronika::broker {

// How far a leader's log is; `durable_on(index)` counts the voters whose journals have the entry.
struct AppendProgress {
  Index applied;
  Index durable;  // in this replica's own journal
  std::size_t replicas_wanted = 1;
  std::function<std::size_t(Index)> durable_on;
};

class PendingAppends {
 public:
  struct Pending {
    Index index;
    Acks acks = Acks::kAll;
    AppendResult result;  // what success looks like
    AppendDone done;
  };

  // Indexes do not go back.
  void Add(Pending pending);
  // A retry of a batch that was appended before at pending.index, which may lie below the last one.
  void AddRetry(Pending pending);
  void Advance(const AppendProgress& progress);
  // Leadership or quorum is lost: nobody may be told success any more.
  void FailAll(KafkaError error, std::string_view text);
  bool empty() const { return pending_.empty(); }
  std::size_t size() const { return pending_.size(); }

 private:
  std::deque<Pending> pending_;
};

}  // namespace kronika::broker
