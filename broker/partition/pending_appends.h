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

#include "base/ids.h"
#include "broker/partition/partition.h"

namespace kronika::broker {

// How far a leader's log is.
struct AppendProgress {
  Index applied;
  Index durable;     // in this replica's own journal
  Index replicated;  // in the journals of as many voters as acks=-1 asks for
};

class PendingAppends {
 public:
  struct Pending {
    Index index;
    Acks acks = Acks::kAll;
    AppendResult result;  // what success looks like
    AppendDone done;
  };

  // Indexes do not go back. For acks 1 and -1: acks=0 has no answer to wait for.
  void Add(Pending pending);
  // A retry of a batch that was appended before at pending.index, which may lie below the last one.
  void AddRetry(Pending pending);
  // Answers what may be answered; looks at nothing behind the last index that may be.
  void Advance(const AppendProgress& progress);
  // Leadership or quorum is lost: nobody may be told success any more.
  void FailAll(KafkaError error, std::string_view text);
  bool empty() const { return pending_.empty(); }
  std::size_t size() const { return pending_.size(); }

 private:
  std::deque<Pending> pending_;
};

}  // namespace kronika::broker
