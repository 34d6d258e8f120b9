// Messages between the replicas of one group. In memory only; raft/codec puts them into
// super-frames.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "raft/core/types.h"

namespace kronika::raft {

// In the four election messages hint_index and hint_term are the sender's commit index and its
// entry's term.
enum class MessageType : std::uint8_t {
  kPreVote,  // term = the term the sender would campaign for; log_index/log_term = its last entry
  kPreVoteResponse,  // granted: term = the term that was asked for. reject: term = the sender's
                     // own; busy = refused because a leader is alive here (SAFETY B8)
  kVote,
  kVoteResponse,
  kAppend,             // log_index/log_term = the entry before `entries`; commit
  kAppendResponse,     // accepted: log_index = match (durable at the sender), hint_index = match in
                       // its memory. reject: log_index = the refused previous index,
                       // hint_index/hint_term = where to try next; busy = could not be taken now
                       // (SAFETY B9)
  kHeartbeat,          // commit (clamped to the receiver's match), read_context
  kHeartbeatResponse,  // read_context echoed; log_index, hint_index as in kAppendResponse; commit =
                       // the sender's
  kInstallDone,        // follower to leader: a full install is durable, the log starts at log_index
  kTimeoutNow,         // leadership transfer: campaign at once, without pre-vote
};
std::string_view Name(MessageType type);

struct Message {
  MessageType type = MessageType::kHeartbeat;
  ReplicaId from;
  ReplicaId to;
  Term term;
  Index log_index;
  Term log_term;
  Index commit;
  Index hint_index;
  Term hint_term;
  bool reject = false;
  bool busy = false;
  bool transfer = false;           // a vote request of a leadership transfer: no lease is respected
  std::uint64_t read_context = 0;  // 0 = none
  std::vector<Entry> entries;

  std::string Describe() const;
};

}  // namespace kronika::raft
