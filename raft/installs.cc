#include "raft/installs.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kronika::raft {

struct Installs::Outgoing {
  GroupId group;
  Incarnation from;
  ReplicaId to;
  std::uint64_t install = 0;
  std::uint64_t sequence = 0;
  bool running = false;
  LogStart start;
  std::unique_ptr<InstallSource> source;
  TimerId patience;
};

// Owned by incoming_ alone: whoever waits for its sink does not keep it.
struct Installs::Incoming {
  GroupId group;
  BrokerId sender = kNoBroker;
  Incarnation from;
  Incarnation to;
  std::uint64_t install = 0;
  std::uint64_t next_sequence = 0;
  bool busy = false;
  bool finishing = false;  // all is staged: until it is adopted or refused nothing may touch it
  LogStart start;
  std::unique_ptr<InstallSink> sink;
};

Installs::~Installs() {
  for (auto& [key, run] : outgoing_) loop_.Cancel(run->patience);
}

void Installs::Begin(Group& group, ReplicaId to) {
  OutgoingKey key{group.id(), to};
  if (outgoing_.contains(key)) return;
  auto run = std::make_shared<Outgoing>();
  run->group = group.id();
  run->from = group.self().incarnation;
  run->to = to;
  run->install = next_install_++;
  outgoing_.emplace(key, run);
  StartQueued();
}

void Installs::StartQueued() {
  std::map<BrokerId, std::size_t> running;
  for (const auto& [key, run] : outgoing_) running[run->to.broker] += run->running ? 1 : 0;
  std::vector<std::shared_ptr<Outgoing>> runs;  // metadata, group 0, stands first
  for (const auto& [key, run] : outgoing_) runs.push_back(run);
  for (auto& run : runs) {
    if (run->running || running[run->to.broker] >= kInstallsPerPeerMax) continue;
    Group* group = hooks_.find(run->group);
    if (!group) continue;
    ++running[run->to.broker];
    run->running = true;
    run->start = group->applied_start();
    ++counters_.started;
    log_.Info("group {}: full install {} to broker {} begins at index {}", run->group.value,
              run->install, run->to.broker.value, run->start.index.value);
    RearmPatience(run);
    group->state_machine().OpenInstallSource(
        run->start,
        [this, alive = std::weak_ptr(alive_), run](Result<std::unique_ptr<InstallSource>> source) {
          if (!alive.lock() || !outgoing_.contains({run->group, run->to})) return;
          if (!source) return EndOutgoing({run->group, run->to}, false, source.error().Describe());
          run->source = std::move(*source);
          run->start = run->source->start();
          SendNext(run);
        });
  }
}

void Installs::RearmPatience(const std::shared_ptr<Outgoing>& run) {
  loop_.Cancel(run->patience);
  run->patience = loop_.RunAfter(kInstallPatience, [this, key = OutgoingKey{run->group, run->to}] {
    EndOutgoing(key, false, "no answer in time");
  });
}

void Installs::SendNext(const std::shared_ptr<Outgoing>& run) {
  run->source->Next(kInstallChunkBytes, [this, alive = std::weak_ptr(alive_),
                                         run](Result<InstallSource::Chunk> chunk) {
    OutgoingKey key{run->group, run->to};
    if (!alive.lock()) return;
    if (auto found = outgoing_.find(key); found == outgoing_.end() || found->second != run) return;
    Group* group = hooks_.find(run->group);
    if (!group) return EndOutgoing(key, false, "the group is gone");
    if (!chunk) return EndOutgoing(key, false, chunk.error().Describe());
    InstallChunk out{run->group,
                     run->from,
                     run->to.incarnation,
                     group->status().term,
                     run->install,
                     run->sequence,
                     std::nullopt,
                     std::move(chunk->header),
                     Flatten(chunk->payload),
                     false};
    out.last = out.header.empty();
    if (run->sequence == 0) out.start = run->start;
    if (!hooks_.send_chunk(run->to.broker, std::move(out)))
      EndOutgoing(key, false, "the peer is not connected");
  });
}

void Installs::OnAnswer(BrokerId from, const InstallAnswer& answer) {
  OutgoingKey key{answer.group, ReplicaId{from, answer.to}};
  auto found = outgoing_.find(key);
  if (found == outgoing_.end() || found->second->install != answer.install) return;
  auto run = found->second;
  if (!answer.ok) return EndOutgoing(key, false, answer.error);
  if (answer.sequence != run->sequence) return;
  if (answer.done) return EndOutgoing(key, true, "");
  ++run->sequence;
  RearmPatience(run);
  SendNext(run);
}

void Installs::EndOutgoing(const OutgoingKey& key, bool well, std::string_view why) {
  auto found = outgoing_.find(key);
  if (found == outgoing_.end()) return;
  auto run = found->second;
  outgoing_.erase(found);
  loop_.Cancel(run->patience);
  ++(well ? counters_.sent : counters_.failed);
  if (well) {
    log_.Info("group {}: full install {} to broker {} done", run->group.value, run->install,
              run->to.broker.value);
  } else {
    log_.Warn("group {}: full install {} to broker {} ended: {}; it is tried again",
              run->group.value, run->install, run->to.broker.value, why);
  }
  if (Group* group = hooks_.find(key.first)) {
    group->node().OnInstallSent(key.second, well ? run->start.index : Index{});
    hooks_.mark_dirty(*group);
  }
  StartQueued();
}

void Installs::OnChunk(BrokerId from, InstallChunk chunk) {
  Group* group = hooks_.find(chunk.group);
  auto refuse = [&](std::string why) {
    hooks_.send_answer(from, {chunk.group, chunk.from, chunk.to, chunk.install, chunk.sequence,
                              false, false, std::move(why)});
  };
  if (!group || !group->active() || group->self().incarnation != chunk.to)
    return refuse("no such replica here");
  if (chunk.term < group->status().term) return refuse("an older term");
  if (const Status room = hooks_.room(chunk.group); !room) return refuse(room.error().text);
  auto& run = incoming_[chunk.group];
  if (run && run->finishing && (run->install != chunk.install || run->sender != from))
    return refuse("another install is being adopted");
  if (chunk.sequence == 0 && chunk.start) {
    run = std::make_shared<Incoming>();
    run->group = chunk.group;
    run->sender = from;
    run->from = chunk.from;
    run->to = chunk.to;
    run->install = chunk.install;
    run->start = *chunk.start;
    run->sink = group->state_machine().OpenInstallSink(run->start);
  }
  if (!run || run->install != chunk.install || run->sender != from) {
    if (!run) incoming_.erase(chunk.group);
    return refuse("no such install here");
  }
  if (run->busy || chunk.sequence != run->next_sequence)
    return;  // a repeat; its answer is on its way
  Stage(run, std::move(chunk));
}

void Installs::Stage(const std::shared_ptr<Incoming>& run, InstallChunk chunk) {
  run->busy = true;
  if (chunk.last) {
    run->finishing = true;
    return FinishIncoming(run);
  }
  run->sink->Write({std::move(chunk.header), {std::move(chunk.payload)}},
                   [this, alive = std::weak_ptr(alive_), weak = std::weak_ptr(run)](Status staged) {
                     auto run = weak.lock();
                     if (!alive.lock() || !run) return;
                     run->busy = false;
                     Answer(*run, staged.has_value(), false,
                            staged ? "" : staged.error().Describe());
                     ++run->next_sequence;
                   });
}

void Installs::FinishIncoming(const std::shared_ptr<Incoming>& run) {
  run->sink->Finish([this, alive = std::weak_ptr(alive_),
                     weak = std::weak_ptr(run)](Result<std::string> manifest) {
    auto run = weak.lock();
    if (!alive.lock() || !run) return;
    auto current = incoming_.find(run->group);
    if (current == incoming_.end() || current->second != run) return;
    Group* group = hooks_.find(run->group);
    if (!manifest || !group) {
      Answer(*run, false, false, manifest ? "the group is gone" : manifest.error().Describe());
      incoming_.erase(run->group);
      return;
    }
    group->AdoptInstall(run->start, std::move(*manifest), [this, alive, run](Status adopted) {
      if (!alive.lock()) return;
      if (adopted) ++counters_.received;
      Answer(*run, adopted.has_value(), true, adopted ? "" : adopted.error().Describe());
      if (auto it = incoming_.find(run->group); it != incoming_.end() && it->second == run)
        incoming_.erase(it);
    });
  });
}

void Installs::Answer(const Incoming& run, bool ok, bool done, std::string error) {
  hooks_.send_answer(run.sender, {run.group, run.from, run.to, run.install, run.next_sequence, ok,
                                  done, std::move(error)});
}

void Installs::OnPeerLost(BrokerId peer) {
  std::vector<OutgoingKey> lost;
  for (const auto& [key, run] : outgoing_) {
    if (key.second.broker == peer) lost.push_back(key);
  }
  for (const auto& key : lost) EndOutgoing(key, false, "the stream was lost");
  std::erase_if(incoming_, [&](const auto& item) {
    return item.second->sender == peer && !item.second->busy;
  });
}

void Installs::OnGroupGone(GroupId group) {
  incoming_.erase(group);
  std::vector<OutgoingKey> gone;
  for (const auto& [key, run] : outgoing_) {
    if (key.first == group) gone.push_back(key);
  }
  for (const auto& key : gone) EndOutgoing(key, false, "the group is gone");
}

}  // namespace kronika::raft
