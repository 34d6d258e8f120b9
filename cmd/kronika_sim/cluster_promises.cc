#include "cmd/kronika_sim/cluster_promises.h"

#include <algorithm>

namespace kronika::sim {
namespace {

constexpr std::size_t kEntriesKept = 4096;  // of a group; the oldest become part of its base

}  // namespace

void DurablePromises::Log::Take(const Issued& write) {
  const auto cut = [this](Index from) {
    entries.erase(entries.lower_bound(from), entries.end());
    base = std::min(base, from - 1);
  };
  if (write.fresh) {
    entries.clear();
    base = Index{};
  }
  if (write.installed && *write.installed > base) {
    entries.erase(entries.begin(), entries.upper_bound(*write.installed));
    base = *write.installed;
  }
  if (write.truncate_from) cut(*write.truncate_from);
  if (write.entries.empty()) return;
  cut(write.entries.front().first);
  entries.insert(write.entries.begin(), write.entries.end());
  while (entries.size() > kEntriesKept) {
    base = entries.begin()->first;
    entries.erase(entries.begin());
  }
}

void DurablePromises::OnAppend(const raft::GroupWrite& write) {
  Group& group = groups_[write.group];
  Issued issued;
  issued.fresh = write.removed || write.created;
  issued.hard_state = write.raft.hard_state;
  issued.truncate_from = write.raft.truncate_from;
  if (write.installed) issued.installed = write.installed->start.index;
  for (const raft::Entry& entry : write.raft.entries) {
    issued.entries.emplace_back(entry.index, entry.term);
  }
  if (!group.durable) {
    group.durable.emplace();
    if (issued.truncate_from) {
      group.durable->base = *issued.truncate_from - 1;
    } else if (!issued.entries.empty()) {
      group.durable->base = issued.entries.front().first - 1;
    } else if (!issued.fresh && !issued.installed) {
      group.durable.reset();
    }
  }
  if (issued.fresh) {
    group.issued_state = group.durable_state = raft::HardState{};
    group.removed = !write.created;
  }
  if (issued.hard_state) group.issued_state = issued.hard_state;
  group.in_flight.push_back(std::move(issued));
}

void DurablePromises::OnDurable(GroupId id) {
  Group& group = groups_[id];
  const Issued issued = std::move(group.in_flight.front());
  group.in_flight.pop_front();
  if (group.durable) group.durable->Take(issued);
  if (issued.hard_state) group.durable_state = issued.hard_state;
}

void DurablePromises::OnSend(const raft::GroupMessage& sent) {
  const auto found = groups_.find(sent.group);
  if (found == groups_.end() || found->second.removed) return;
  const Group& group = found->second;
  const raft::Message& message = sent.message;
  // Of an older term: it was made before what the group has handed to the store since.
  if (group.issued_state && message.term < group.issued_state->term) return;
  switch (message.type) {
    case raft::MessageType::kVote:
    case raft::MessageType::kVoteResponse: {
      if (message.reject || !group.durable_state) return;
      const raft::ReplicaId vote =
          message.type == raft::MessageType::kVote ? message.from : message.to;
      if (group.durable_state->term != message.term || group.durable_state->vote != vote) {
        violate_("a vote left before it was durable: " + message.Describe());
      }
      return;
    }
    case raft::MessageType::kAppendResponse:
    case raft::MessageType::kHeartbeatResponse:
      if (!message.reject && message.log_index != Index{}) CheckAcknowledged(group, sent);
      return;
    default:
      return;
  }
}

void DurablePromises::CheckAcknowledged(const Group& group, const raft::GroupMessage& sent) {
  const raft::Message& message = sent.message;
  const auto violate = [&](const std::string& what) {
    violate_(what + " in group " + std::to_string(sent.group.value) + ": " + message.Describe());
  };
  if (group.durable_state && group.durable_state->term < group.issued_state->term) {
    return violate("acknowledged in a term that is not durable");
  }
  if (!group.durable) return;
  const Index index = message.log_index;
  const auto durable = group.durable->entries.find(index);
  if (index > group.durable->base && durable == group.durable->entries.end()) {
    return violate("acknowledged an entry that is not durable");
  }
  for (const Issued& write : group.in_flight) {
    if (write.truncate_from && *write.truncate_from <= index) {
      return violate("acknowledged an entry while another one is durable");
    }
  }
}

void PromiseStore::Append(raft::GroupWrite write, Done<void> done) {
  promises_->OnAppend(write);
  const GroupId group = write.group;
  store_->Append(std::move(write), [promises = promises_, group,
                                    done = std::move(done)](Result<void> written) mutable {
    if (written) promises->OnDurable(group);
    done(std::move(written));
  });
}

bool PromiseTransport::Send(BrokerId to, raft::Lane lane, raft::Frame frame) {
  if (const auto sent = raft::Decode(frame, self_, to)) {
    for (const raft::GroupMessage& message : sent->messages) promises_->OnSend(message);
  }
  return transport_->Send(to, lane, std::move(frame));
}

}  // namespace kronika::sim
