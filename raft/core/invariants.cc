#include "raft/core/invariants.h"

#include "raft/core/membership.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {
namespace {

std::uint64_t Digest(const Entry& entry) {
  std::uint64_t out = 1469598103934665603ULL;
  const auto mix = [&](std::uint64_t value) { out = (out ^ value) * 1099511628211ULL; };
  mix(static_cast<std::uint64_t>(entry.type));
  mix(static_cast<std::uint64_t>(entry.append_time_ms));
  for (const std::byte byte : entry.payload.bytes()) mix(static_cast<std::uint64_t>(byte));
  return out;
}

std::uint64_t Key(Index index, Term term) {
  return index.value << 31 | term.value;
}

std::string Text(Index index) {
  return std::to_string(index.value);
}
std::string Text(Term term) {
  return std::to_string(term.value);
}

}  // namespace

std::string Invariants::CheckAlone(const Node& node) {
  const Node::Impl& at = *node.impl_;
  const Log& log = at.log;
  if (log.start() > log.applied() || log.applied() > log.delivered() ||
      log.delivered() > log.commit() || log.commit() > log.last()) {
    return "start, applied, delivered, commit and last are out of order";
  }
  if (at.writes.durable_index() > log.last()) return "more is durable than the log has";
  if (log.last_term() > at.hard_state.term) return "an entry is newer than the replica's term";
  if ((at.role == Role::kLeader) != at.leading.has_value()) return "half a leader";
  if (!at.leading) return {};
  if (at.leader != at.self) return "a leader that follows another";
  for (const auto& [id, peer] : at.leading->peers) {
    if (peer.match >= peer.next) return "match has passed next for " + id.Describe();
    if (peer.match > log.last()) return "more is acknowledged than exists, by " + id.Describe();
    // One message may exceed the bounds: an entry of any size can be sent.
    if (peer.window.count() > at.options.inflight_messages_max) return "the window is overrun";
    if (peer.window.bytes() >
        at.options.inflight_bytes_max + at.options.append_bytes_max + (std::size_t{1} << 20)) {
      return "the window is overrun";
    }
  }
  const auto change = log.ConfigIn(log.applied(), log.last());
  if (change && log.ConfigIn(*change, log.last())) return "two configuration changes at once";
  return {};
}

void Invariants::Violate(const Node& node, std::string text) {
  if (violation_.empty()) violation_ = node.impl_->self.Describe() + ": " + std::move(text);
}

void Invariants::OnCrash(ReplicaId id) {
  const auto at = seen_.find(id);
  if (at == seen_.end()) return;
  at->second = Seen{};
}

void Invariants::Observe(const Node& node) {
  if (std::string alone = CheckAlone(node); !alone.empty()) Violate(node, std::move(alone));
  const Node::Impl& at = *node.impl_;
  Seen& seen = seen_[at.self];
  if (at.hard_state.term < seen.term) Violate(node, "the term went back");
  if (at.log.commit() < seen.commit) Violate(node, "the commit index went back");
  if (at.log.applied() < seen.applied) Violate(node, "the applied index went back");
  ObserveLog(node, seen);
  ObserveCommit(node, seen);
  if (at.role == Role::kLeader && (seen.role != Role::kLeader || seen.term != at.hard_state.term)) {
    ObserveLeader(node);
  }
  ObserveMembership(node, seen);
  const bool led = seen.role == Role::kLeader && seen.term == at.hard_state.term;
  if (at.role == Role::kLeader && led && at.log.commit() > seen.commit &&
      at.log.TermAt(at.log.commit()) != at.hard_state.term) {
    Violate(node, "a leader committed an entry of an older term by counting");
  }
  seen.commit = at.log.commit();
  seen.applied = at.log.applied();
  seen.term = at.hard_state.term;
  seen.role = at.role;
  if (!(seen.membership == at.membership)) seen.membership = at.membership;
}

// Log matching by induction: each new (index, term) names one entry and the term of the one before
// it.
void Invariants::ObserveLog(const Node& node, Seen& seen) {
  const Log& log = node.impl_->log;
  const Index seen_last = seen.start + seen.terms.size();
  if (log.last() == seen_last && (seen.terms.empty() || seen.terms.back() == log.last_term())) {
    return;
  }
  const auto known = [&](Index i) {
    return i > seen.start && i <= seen_last && seen.terms[i - seen.start - 1] == log.At(i).term;
  };
  for (Index i = log.last(); i > log.start() && !known(i); --i) {
    const Entry& entry = log.At(i);
    const Fact fact{log.TermAt(i - 1).value_or(Term{}), Digest(entry)};
    const auto [place, fresh] = facts_.try_emplace(Key(i, entry.term), fact);
    if (!fresh &&
        (place->second.digest != fact.digest || place->second.previous != fact.previous)) {
      Violate(node, "log matching is broken at " + Text(i) + "/" + Text(entry.term));
    }
  }
  if (log.start() != seen.start || log.last() < seen_last) {
    seen.start = log.start();
    seen.terms.clear();
  }
  Index from = log.last();
  while (from > log.start() && !(from <= seen.start + seen.terms.size() &&
                                 seen.terms[from - seen.start - 1] == log.At(from).term)) {
    --from;
  }
  seen.terms.resize(from - seen.start);
  for (Index i = from + 1; i <= log.last(); ++i) seen.terms.push_back(log.At(i).term);
}

void Invariants::ObserveCommit(const Node& node, Seen& seen) {
  const Node::Impl& at = *node.impl_;
  for (Index i = std::max(seen.commit, at.log.start()) + 1; i <= at.log.commit(); ++i) {
    const Entry& entry = at.log.At(i);
    const std::uint64_t digest = Digest(entry);
    if (i.value <= committed_.size()) {
      const Committed& known = committed_[i.value - 1];
      if (known.term != entry.term || known.digest != digest) {
        Violate(node, "two entries are committed at " + Text(i) + ", of terms " + Text(known.term) +
                          " and " + Text(entry.term));
      }
    } else if (i.value == committed_.size() + 1) {
      committed_.push_back({entry.term, at.hard_state.term, digest});
    } else {
      Violate(node, "committed " + Text(i) + " over a hole");
    }
  }
  if (at.log.commit() > committed()) Violate(node, "took for committed what nobody committed");
}

void Invariants::ObserveLeader(const Node& node) {
  const Node::Impl& at = *node.impl_;
  const Term term = at.hard_state.term;
  const auto [place, fresh] = leaders_.try_emplace(term, at.self);
  if (!fresh && place->second != at.self) {
    Violate(node, "term " + Text(term) + " has a second leader beside " + place->second.Describe());
  }
  for (Index i = at.log.start() + 1; i <= committed(); ++i) {
    const Committed& known = committed_[i.value - 1];
    if (known.leader_term >= term || at.log.Matches(i, known.term)) continue;
    return Violate(node, "leads term " + Text(term) + " without the committed entry " + Text(i));
  }
}

void Invariants::ObserveMembership(const Node& node, const Seen& seen) {
  const Membership& now = node.impl_->membership;
  if (now == seen.membership || seen.membership.voters.empty()) return;
  // An install may skip configurations.
  if (node.impl_->log.start() > seen.applied) return;
  const bool leaves = seen.membership.joint() && now == LeaveJoint(seen.membership);
  if (leaves) return;
  if (seen.membership.joint()) return Violate(node, "a change began before the last one ended");
  if (now.metadata_index <= seen.membership.metadata_index) {
    return Violate(node, "an older wish replaced a newer configuration");
  }
  const auto& base = now.joint() ? now.outgoing : now.voters;
  if (!SameReplicas(base, seen.membership.voters)) {
    Violate(node, "the voters changed without a joint configuration");
  }
}

}  // namespace kronika::raft
