// One sentence per type, for logs, scripts and status pages.
#include <string>

#include "raft/core/membership.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {
namespace {

std::string Text(Index index) {
  return std::to_string(index.value);
}
std::string Text(Term term) {
  return std::to_string(term.value);
}

std::string List(const std::vector<ReplicaId>& replicas) {
  std::string out;
  for (const ReplicaId& id : replicas) out += (out.empty() ? "" : " ") + id.Describe();
  return out;
}

}  // namespace

std::string_view Name(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "?";
}

std::string_view Name(MessageType type) {
  switch (type) {
    case MessageType::kPreVote:
      return "PreVote";
    case MessageType::kPreVoteResponse:
      return "PreVoteResponse";
    case MessageType::kVote:
      return "Vote";
    case MessageType::kVoteResponse:
      return "VoteResponse";
    case MessageType::kAppend:
      return "Append";
    case MessageType::kAppendResponse:
      return "AppendResponse";
    case MessageType::kHeartbeat:
      return "Heartbeat";
    case MessageType::kHeartbeatResponse:
      return "HeartbeatResponse";
    case MessageType::kInstallDone:
      return "InstallDone";
    case MessageType::kTimeoutNow:
      return "TimeoutNow";
  }
  return "?";
}

std::string ReplicaId::Describe() const {
  if (!valid()) return "none";
  return std::to_string(broker.value) + "#" + std::to_string(incarnation.value);
}

std::string Membership::Describe() const {
  std::string out = "{" + List(voters);
  if (joint()) out += " | outgoing " + List(outgoing);
  if (!learners.empty()) out += " | learners " + List(learners);
  return out + " @" + std::to_string(metadata_index) + "}";
}

std::string Message::Describe() const {
  std::string out = from.Describe() + "->" + to.Describe() + " " + std::string(Name(type)) +
                    " term=" + Text(term);
  if (log_index.value != 0 || log_term.value != 0) {
    out += " log=" + Text(log_index) + "/" + Text(log_term);
  }
  if (commit.value != 0) out += " commit=" + Text(commit);
  if (hint_index.value != 0 || hint_term.value != 0) {
    out += " hint=" + Text(hint_index) + "/" + Text(hint_term);
  }
  if (reject) out += busy ? " busy" : " reject";
  if (transfer) out += " transfer";
  if (read_context != 0) out += " read=" + std::to_string(read_context);
  if (entries.empty()) return out;
  return out + " entries=" + Text(entries.front().index) + ".." + Text(entries.back().index);
}

std::string NodeStatus::Describe() const {
  std::string out = self.Describe() + " " + std::string(Name(role)) + " term=" + Text(term) +
                    " leader=" + leader.Describe() + " last=" + Text(last) +
                    " commit=" + Text(commit) + " applied=" + Text(applied) +
                    " durable=" + Text(durable) + " first=" + Text(first) +
                    " epoch=" + Text(leader_epoch) + " " + membership.Describe();
  if (serving) out += " serving";
  if (role == Role::kLeader && !confirmed) out += " unconfirmed";
  if (lost_quorum) out += " lost-quorum";
  for (const ReplicaStatus& replica : replicas) {
    out += "\n  " + replica.id.Describe() + " match=" + Text(replica.match) +
           (replica.voter ? " voter" : " learner") + (replica.active ? "" : " silent");
  }
  return out;
}

NodeStatus Node::status() const {
  NodeStatus out;
  ReadStatus(out);
  return out;
}

void Node::ReadStatus(NodeStatus& out) const {
  const Impl& node = *impl_;
  out.self = node.self;
  out.role = node.role;
  out.term = node.hard_state.term;
  out.leader = node.leader;
  out.transfer_to = node.leading ? node.leading->transfer_to.value_or(ReplicaId{}) : ReplicaId{};
  out.by_transfer = node.leading && node.leading->by_transfer;
  out.last = node.log.last();
  out.commit = node.log.commit();
  out.applied = node.log.applied();
  out.durable = node.writes.durable_index();
  out.first = node.log.start();
  out.membership = node.membership;
  out.leader_epoch = node.log.TermAt(node.log.applied()).value_or(Term{});
  out.lost_quorum = node.lost_quorum;
  out.confirmed = node.leading && node.leading->confirmed;
  out.serving = out.confirmed && node.HasAppliedOwnTerm();
  out.replicas.clear();
  if (!node.leading) return;
  for (const ReplicaId& id : AllReplicas(node.membership)) {
    ReplicaStatus& replica = out.replicas.emplace_back(
        ReplicaStatus{.id = id, .match = node.MatchOf(id), .active = true});
    replica.voter = node.membership.IsVoter(id);
    if (const auto at = node.leading->peers.find(id); at != node.leading->peers.end()) {
      const Progress& peer = at->second;
      replica.commit = peer.committed;
      replica.active = node.now_ticks - peer.last_answer_tick < node.options.election_timeout_ticks;
      replica.ticks_since_caught_up = static_cast<int>(node.now_ticks - peer.caught_up_tick);
    }
  }
}

}  // namespace kronika::raft
