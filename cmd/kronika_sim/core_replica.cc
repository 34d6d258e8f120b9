#include "cmd/kronika_sim/core_replica.h"

#include <algorithm>

#include "base/check.h"

namespace kronika::sim {

using raft::Entry;
using raft::Message;
using raft::MessageType;

namespace {

std::uint64_t Chain(std::uint64_t digest, const Entry& entry) {
  const auto mix = [&](std::uint64_t value) { digest = (digest ^ value) * 1099511628211ULL; };
  mix(entry.index.value);
  mix(entry.term.value);
  for (const std::byte byte : entry.payload.bytes()) mix(static_cast<std::uint64_t>(byte));
  return digest;
}

}  // namespace

const Entry* CoreReplica::Disk::Find(Index index) const {
  if (index <= base || index > last()) return nullptr;
  return &entries[index - base - 1];
}

CoreReplica::CoreReplica(raft::ReplicaId id, raft::Options options, std::uint64_t seed,
                         raft::Membership founding, raft::Invariants& invariants)
    : id_(id), options_(options), rng_(seed), invariants_(invariants) {
  disk_.checkpoint.start.membership = std::move(founding);
  Restart();
}

void CoreReplica::Violate(std::string text) {
  if (violation_.empty()) violation_ = id_.Describe() + ": " + std::move(text);
}

void CoreReplica::Pump() {
  while (node_->HasReady()) {
    raft::Ready ready = node_->TakeReady();
    for (Message& message : ready.messages) {
      CheckPromise(message);
      output_.messages.push_back(std::move(message));
    }
    if (ready.write.id != 0) queue_.push_back({std::move(ready.write), std::nullopt});
    for (Entry& entry : ready.committed) to_apply_.push_back(std::move(entry));
    output_.reads.insert(output_.reads.end(), ready.reads.begin(), ready.reads.end());
    output_.installs_wanted.insert(output_.installs_wanted.end(), ready.installs_wanted.begin(),
                                   ready.installs_wanted.end());
    output_.role_changed = output_.role_changed || ready.role_changed;
    for (const raft::EntriesWanted& wanted : ready.entries_wanted) {
      if (slow_reads_) {
        to_read_.push_back(wanted);
      } else {
        Serve(wanted);
      }
    }
  }
  invariants_.Observe(*node_);
}

void CoreReplica::CheckPromise(const Message& message) {
  const raft::HardState& durable = disk_.hard_state;
  switch (message.type) {
    case MessageType::kVote:
    case MessageType::kVoteResponse: {
      const raft::ReplicaId vote = message.type == MessageType::kVote ? id_ : message.to;
      const bool kept = durable.term == message.term && durable.vote == vote;
      if (!message.reject && !kept) Violate("a vote left before it was durable");
      return;
    }
    case MessageType::kAppendResponse:
    case MessageType::kHeartbeatResponse: {
      if (message.reject || message.log_index == Index{}) return;
      if (durable.term < message.term) Violate("acknowledged in a term that is not durable");
      if (message.log_index <= disk_.checkpoint.start.index) return;
      const Entry* entry = disk_.Find(message.log_index);
      const raft::NodeStatus status = node_->status();
      if (entry == nullptr) return Violate("acknowledged an entry that is not durable");
      // An entry of an older term at the acknowledged index was overwritten in memory since (SAFETY
      // A2).
      if (status.commit < message.log_index && node_->TermAt(message.log_index) != entry->term) {
        Violate("acknowledged an entry while another one is durable");
      }
      return;
    }
    case MessageType::kTimeoutNow:
      for (const raft::ReplicaStatus& peer : node_->status().replicas) {
        if (peer.id == message.to && peer.match != node_->status().last) {
          Violate("told a replica to campaign that lacks entries");
        }
      }
      return;
    case MessageType::kAppend: {
      Index expected = message.log_index;
      for (const Entry& entry : message.entries) {
        if (entry.index != ++expected) Violate("sent entries of another place");
      }
      return;
    }
    case MessageType::kPreVote:
    case MessageType::kPreVoteResponse:
    case MessageType::kHeartbeat:
    case MessageType::kInstallDone:
      return;
  }
}

bool CoreReplica::HoldsDurably(Index index, Term term) const {
  if (index <= disk_.checkpoint.start.index) return true;
  const Entry* entry = disk_.Find(index);
  return entry != nullptr && entry->term == term;
}

void CoreReplica::Serve(const raft::EntriesWanted& wanted) {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (Index i = wanted.first; i <= wanted.last; ++i) {
    const Entry* entry = disk_.Find(i);
    if (entry == nullptr) break;
    bytes += entry->payload.size();
    if (!entries.empty() && bytes > wanted.bytes_max) break;
    entries.push_back(*entry);
  }
  node_->ProvideEntries(wanted.to, wanted.first, std::move(entries));
}

void CoreReplica::SlowReads(bool slow) {
  slow_reads_ = slow;
  if (!slow && alive()) FinishReads(to_read_.size());
}

void CoreReplica::FinishReads(std::size_t count) {
  for (; count > 0 && !to_read_.empty(); --count) {
    const raft::EntriesWanted wanted = to_read_.front();
    to_read_.pop_front();
    Serve(wanted);
    Pump();
  }
}

void CoreReplica::Deliver(Message message) {
  if (installing_ && message.type == MessageType::kAppend) {
    node_->Refuse(std::move(message));
  } else {
    node_->Step(std::move(message));
  }
  Pump();
}

void CoreReplica::FinishWrites(std::size_t count) {
  for (; count > 0 && !queue_.empty(); --count) {
    const DiskWrite write = std::move(queue_.front());
    queue_.pop_front();
    Persist(write);
    if (write.install) {
      FinishInstall(*write.install);
    } else {
      node_->OnWritten(write.raft.id);
    }
    Pump();
  }
}

void CoreReplica::Persist(const DiskWrite& write) {
  if (write.install) {
    const raft::LogStart& start = write.install->start;
    if (start.index <= disk_.checkpoint.start.index) return;
    disk_.checkpoint = *write.install;
    const Entry* at = disk_.Find(start.index);
    if (at != nullptr && at->term == start.term) return;
    disk_.base = start.index;
    disk_.entries.clear();
    return;
  }
  if (write.raft.hard_state) disk_.hard_state = *write.raft.hard_state;
  if (write.raft.truncate_from) {
    const Index from = *write.raft.truncate_from;
    KRONIKA_CHECK(from > disk_.base, "cut what the log store has released");
    if (from <= disk_.last()) disk_.entries.resize(from - disk_.base - 1);
  }
  for (const Entry& entry : write.raft.entries) {
    KRONIKA_CHECK(entry.index == disk_.last() + 1, "a hole in the writes");
    disk_.entries.push_back(entry);
  }
}

void CoreReplica::Apply(std::size_t count) {
  for (; count > 0 && !to_apply_.empty(); --count) {
    const Entry entry = std::move(to_apply_.front());
    to_apply_.pop_front();
    if (entry.index != applied_.start.index + 1) Violate("applied out of order");
    applied_.digest = Chain(applied_.digest, entry);
    node_->OnApplied(entry.index);
    applied_.start = {entry.index, entry.term, node_->status().membership};
    Pump();
  }
}

void CoreReplica::BeginInstall(Image image) {
  if (installing_ || image.start.index <= applied_.start.index) {
    output_.installs_finished.push_back(installing_ ? Index{} : image.start.index);
    return;
  }
  Pump();
  installing_ = true;
  queue_.push_back({{}, std::move(image)});
}

void CoreReplica::FinishInstall(const Image& image) {
  installing_ = false;
  output_.installs_finished.push_back(image.start.index);
  if (image.start.index <= applied_.start.index) return;
  const bool kept = disk_.base < image.start.index;
  while (!to_apply_.empty() && (!kept || to_apply_.front().index <= image.start.index)) {
    to_apply_.pop_front();
  }
  applied_ = image;
  node_->OnInstalled(image.start);
}

void CoreReplica::Checkpoint() {
  if (node_->status().durable >= applied_.start.index) disk_.checkpoint = applied_;
}

void CoreReplica::Release(Index index) {
  index = std::min({index, disk_.checkpoint.start.index, disk_.last()});
  node_->Compact(index);
  Pump();
  if (index <= disk_.base) return;
  disk_.entries.erase(disk_.entries.begin(),
                      disk_.entries.begin() + static_cast<std::ptrdiff_t>(index - disk_.base));
  disk_.base = index;
}

void CoreReplica::Crash(std::size_t reached_disk) {
  for (; reached_disk > 0 && !queue_.empty(); --reached_disk) {
    Persist(queue_.front());
    queue_.pop_front();
  }
  node_.reset();
  queue_.clear();
  to_apply_.clear();
  to_read_.clear();
  output_ = {};
  installing_ = false;
  invariants_.OnCrash(id_);
}

void CoreReplica::Restart() {
  raft::Recovered recovered{.hard_state = disk_.hard_state, .start = disk_.checkpoint.start};
  for (Index i = recovered.start.index + 1; i <= disk_.last(); ++i) {
    recovered.entries.push_back(*disk_.Find(i));
  }
  applied_ = disk_.checkpoint;
  node_ = std::make_unique<raft::Node>(id_, options_, std::move(recovered), rng_);
  Pump();
}

}  // namespace kronika::sim
