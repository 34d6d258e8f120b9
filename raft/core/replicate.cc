// What a leader sends to whom: appends, commit indexes, beats, and what it wishes from the log
// store.
#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/node_impl.h"

namespace kronika::raft {

void Node::Impl::SendAppends() {
  send_wanted = false;
  for (auto& [to, peer] : leading->peers) SendAppendsTo(to, peer);
}

void Node::Impl::SendAppendsTo(ReplicaId to, Progress& peer) {
  while (peer.CanSend(options)) {
    const bool probe = peer.state == ProgressState::kProbe;
    if (!probe && peer.next > log.last()) return;
    const auto term = PreviousTerm(peer);
    if (!term || peer.next <= log.start()) return WantEntries(to, peer);
    std::vector<Entry> entries;
    if (peer.next <= log.last()) {
      entries = log.Range(peer.next, log.last(), options.append_bytes_max);
    }
    SendAppend(to, peer, {peer.next - 1, *term}, std::move(entries));
  }
}

std::optional<Term> Node::Impl::PreviousTerm(const Progress& peer) const {
  const Index previous = peer.next - 1;
  if (previous == Index{}) return Term{};
  if (const auto term = log.TermAt(previous)) return term;
  if (peer.known_previous && peer.known_previous->index == previous) {
    return peer.known_previous->term;
  }
  return std::nullopt;
}

void Node::Impl::SendAppend(ReplicaId to, Progress& peer, Progress::Known previous,
                            std::vector<Entry> entries) {
  const Index last = previous.index + entries.size();
  if (!entries.empty()) {
    std::size_t bytes = 0;
    for (const Entry& entry : entries) bytes += entry.payload.size();
    peer.known_previous = {last, entries.back().term};
    if (peer.state == ProgressState::kReplicate) {
      peer.window.Add(last, bytes);
      peer.next = last + 1;
    }
  }
  peer.probe_sent = peer.state == ProgressState::kProbe;
  peer.told_commit = std::max(peer.told_commit, std::min(log.commit(), last));
  Send({.type = MessageType::kAppend,
        .from = self,
        .to = to,
        .term = hard_state.term,
        .log_index = previous.index,
        .log_term = previous.term,
        .commit = log.commit(),
        .entries = std::move(entries)});
}

// The entry before the first one is read along if its term is not known.
void Node::Impl::WantEntries(ReplicaId to, Progress& peer) {
  const Index first = PreviousTerm(peer) ? peer.next : peer.next - 1;
  peer.wanted = first;
  out.entries_wanted.push_back(
      {.to = to, .first = first, .last = log.start(), .bytes_max = options.append_bytes_max});
}

void Node::Impl::ProvideEntries(ReplicaId to, Index first, std::vector<Entry> entries) {
  if (!leading) return;
  const auto at = leading->peers.find(to);
  if (at == leading->peers.end() || at->second.wanted != first) return;
  Progress& peer = at->second;
  peer.wanted.reset();
  if (entries.empty()) {
    peer.BecomeInstall();
    out.installs_wanted.push_back(to);
    return;
  }
  KRONIKA_CHECK(entries.front().index == first, "entries of another place");
  send_wanted = true;
  if (first + 1 == peer.next) {
    peer.known_previous = {first, entries.front().term};
    entries.erase(entries.begin());
    if (entries.empty()) return;
  }
  // The follower's answers may have moved on, or back, while the log store read.
  if (entries.front().index != peer.next && !KRONIKA_PLANTED("entries-of-another-place")) return;
  const auto term = PreviousTerm(peer);
  if (!term || !peer.CanSend(options)) return;
  SendAppend(to, peer, {peer.next - 1, *term}, std::move(entries));
}

void Node::Impl::OnInstallSent(ReplicaId to, Index index) {
  if (!leading) return;
  const auto at = leading->peers.find(to);
  if (at == leading->peers.end() || at->second.state != ProgressState::kInstall) return;
  Progress& peer = at->second;
  const bool failed = index == Index{};
  peer.BecomeProbe(failed ? peer.next : index + 1);
  if (failed) peer.paused_ticks = options.election_timeout_ticks;
  send_wanted = true;
}

// Followers learn of a commit at once, in an append if one goes out, else in a beat.
void Node::Impl::SendCommit() {
  for (auto& [to, peer] : leading->peers) {
    const Index commit = std::min(log.commit(), peer.match);
    if (commit <= peer.told_commit) continue;
    peer.told_commit = commit;
    Send(Beat(to, peer, 0));
  }
}

Message Node::Impl::Beat(ReplicaId to, const Progress& peer, std::uint64_t read_context) const {
  return {.type = MessageType::kHeartbeat,
          .from = self,
          .to = to,
          .term = hard_state.term,
          .commit = std::min(log.commit(), peer.match),
          .read_context = read_context};
}

void Node::Impl::SendBeats(std::uint64_t read_context) {
  for (const auto& [to, peer] : leading->peers) Send(Beat(to, peer, read_context));
}

}  // namespace kronika::raft
