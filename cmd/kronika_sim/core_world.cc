// Time, network and disks of a simulated group.
#include "cmd/kronika_sim/core_world.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace kronika::sim {

using raft::Message;
using raft::MessageType;

namespace {

constexpr std::int64_t kTickMs = 50;

void Mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 1099511628211ULL;
}

}  // namespace

raft::Node* CoreWorld::NodeOf(Id id) {
  const auto at = hosts_.find(id);
  if (at == hosts_.end() || !at->second.replica->alive()) return nullptr;
  return &at->second.replica->node();
}

void CoreWorld::Fail(std::string text) {
  if (report_.violation.empty()) {
    report_.violation = "at " + std::to_string(now_ms_) + " ms, " + std::move(text);
  }
}

void CoreWorld::Note(const std::string& text, bool full) {
  if (log_ == SeedArguments::Log::kNone) return;
  if (full && log_ != SeedArguments::Log::kFull) return;
  std::printf("%6lld %s\n", static_cast<long long>(now_ms_), text.c_str());
}

void CoreWorld::After(std::int64_t delay_ms, const char* kind, Id host, std::function<void()> run) {
  const std::uint64_t life = host.valid() ? At(host).life : 0;
  queue_.push({now_ms_ + delay_ms, ++sequence_, kind, host, life, std::move(run)});
}

void CoreWorld::RunUntil(std::int64_t at) {
  while (!queue_.empty() && queue_.top().at <= at && report_.violation.empty()) {
    Event event = queue_.top();
    queue_.pop();
    now_ms_ = std::max(now_ms_, event.at);
    Fire(event);
  }
  now_ms_ = std::max(now_ms_, at);
}

void CoreWorld::Fire(Event& event) {
  if (event.host.valid()) {
    Host& host = At(event.host);
    if (event.life != host.life) return;
    if (host.paused_until > now_ms_) {
      event.at = host.paused_until;
      queue_.push(std::move(event));
      return;
    }
  }
  ++report_.events;
  Mix(report_.hash, static_cast<std::uint64_t>(now_ms_));
  for (const char letter : std::string_view(event.kind)) {
    Mix(report_.hash, static_cast<std::uint64_t>(letter));
  }
  Mix(report_.hash, static_cast<std::uint64_t>(event.host.broker.value));
  event.run();
  if (!invariants_.violation().empty()) Fail(invariants_.violation());
}

void CoreWorld::AddReplica(Id id, raft::Membership founding) {
  Host host;
  host.replica =
      std::make_unique<CoreReplica>(id, options_, rng_.Next(), std::move(founding), invariants_);
  host.replica->SlowReads(true);
  hosts_.emplace(id, std::move(host));
  After(static_cast<std::int64_t>(rng_.Below(kTickMs)), "tick", id, [this, id] { Tick(id); });
}

// After any step of a replica: what came out goes its way.
void CoreWorld::Settle(Id id) {
  Host& host = At(id);
  if (!host.replica->alive()) return;
  host.replica->Pump();
  CoreReplica::Output output = host.replica->Take();
  if (!host.replica->violation().empty()) Fail(host.replica->violation());
  if (output.role_changed) Note(host.replica->node().status().Describe(), false);
  CheckStandsAside(id);
  CheckCommitted(id);
  for (Message& message : output.messages) Send(std::move(message));
  CheckReads(id, output.reads);
  for (const Id& to : output.installs_wanted) StartInstall(id, to);
  FinishInstalls(id, output.installs_finished);
  StartDisk(id);
  StartApply(id);
  StartRead(id);
}

bool CoreWorld::IsCut(Id from, Id to) const {
  return cuts_.contains({from, to});
}

void CoreWorld::Send(Message message) {
  if (!hosts_.contains(message.to)) return;
  if (IsCut(message.from, message.to) || rng_.Chance(weather_.loss)) {
    ++report_.counts["messages lost"];
    return;
  }
  const int copies = rng_.Chance(weather_.repeat) ? 2 : 1;
  if (copies == 2) ++report_.counts["messages repeated"];
  for (int copy = 0; copy < copies; ++copy) {
    auto delay = 1 + static_cast<std::int64_t>(
                         rng_.Below(static_cast<std::uint64_t>(weather_.delay_ms_max)));
    if (rng_.Chance(weather_.straggle)) delay += static_cast<std::int64_t>(rng_.Below(2000));
    // A message may outlive the life of its receiver, but not a crash of the stream it is on: half
    // of them do.
    const Id host = rng_.Chance(0.5) ? message.to : Id{};
    After(delay, "message", host, [this, message] { Arrive(message); });
  }
}

void CoreWorld::Arrive(const Message& message) {
  Host& host = At(message.to);
  if (!host.replica->alive() || IsCut(message.from, message.to)) return;
  if (host.paused_until > now_ms_) {
    const std::int64_t wait = host.paused_until - now_ms_;
    return After(wait, "message", message.to, [this, message] { Arrive(message); });
  }
  Mix(report_.hash, static_cast<std::uint64_t>(message.type));
  Mix(report_.hash, message.term.value);
  Mix(report_.hash, message.log_index.value);
  Mix(report_.hash, message.commit.value);
  Mix(report_.hash, message.entries.size());
  if (log_ == SeedArguments::Log::kFull) Note(message.Describe(), true);
  ++report_.counts["messages"];
  if (host.refuse_until > now_ms_ && message.type == MessageType::kAppend) {
    ++report_.counts["appends refused"];
    host.replica->node().Refuse(message);
  } else {
    host.replica->Deliver(message);
  }
  Settle(message.to);
}

void CoreWorld::StartDisk(Id id) {
  Host& host = At(id);
  if (host.disk_busy || host.replica->writes_pending() == 0) return;
  host.disk_busy = true;
  auto delay =
      static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(weather_.disk_ms_max) + 1));
  if (host.disk_slow_until > now_ms_) delay += static_cast<std::int64_t>(rng_.Below(1500));
  After(delay, "disk", id, [this, id] {
    Host& here = At(id);
    here.disk_busy = false;
    here.replica->FinishWrites(1 + rng_.Below(here.replica->writes_pending() + 1));
    Settle(id);
  });
}

void CoreWorld::StartApply(Id id) {
  Host& host = At(id);
  if (host.apply_busy || host.replica->applies_pending() == 0) return;
  host.apply_busy = true;
  const auto delay =
      static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(weather_.apply_ms_max) + 1));
  After(delay, "apply", id, [this, id] {
    Host& here = At(id);
    here.apply_busy = false;
    here.replica->Apply(1 + rng_.Below(8));
    Settle(id);
  });
}

void CoreWorld::StartRead(Id id) {
  Host& host = At(id);
  if (host.read_busy || host.replica->reads_pending() == 0) return;
  host.read_busy = true;
  const auto delay =
      static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(weather_.read_ms_max) + 1));
  After(delay, "read", id, [this, id] {
    At(id).read_busy = false;
    ++report_.counts["reads of the log store"];
    At(id).replica->FinishReads(1);
    Settle(id);
  });
}

void CoreWorld::StartInstall(Id from, Id to) {
  ++report_.counts["installs"];
  After(20 + static_cast<std::int64_t>(rng_.Below(300)), "install", from, [this, from, to] {
    raft::Node* follower = NodeOf(to);
    if (follower == nullptr || IsCut(from, to) || At(to).paused_until > now_ms_) {
      At(from).replica->node().OnInstallSent(to, Index{});
      return Settle(from);
    }
    At(to).replica->BeginInstall(At(from).replica->CurrentImage());
    Settle(to);
    // Whatever becomes of it, the leader's side ends it in time.
    After(3000, "install timeout", from, [this, from, to] {
      At(from).replica->node().OnInstallSent(to, Index{});
      Settle(from);
    });
  });
}

void CoreWorld::FinishInstalls(Id id, const std::vector<Index>& indexes) {
  for (const Index index : indexes) {
    for (auto& [from, host] : hosts_) {
      if (from == id || IsCut(id, from) || !host.replica->alive()) continue;
      const Id leader = from;
      After(5, "install done", leader, [this, leader, id, index] {
        At(leader).replica->node().OnInstallSent(id, index);
        Settle(leader);
      });
    }
  }
}

// What a leader newly takes for committed lies on the disks of a majority of each half. Counted
// here anew, so that a mistake of the core's own counting shows.
void CoreWorld::CheckCommitted(Id id) {
  const raft::Node& node = At(id).replica->node();
  const Index commit = node.commit();
  if (node.role() != raft::Role::kLeader || commit == At(id).committed) return;
  At(id).committed = commit;
  const raft::NodeStatus status = node.status();
  const auto term = node.TermAt(commit);
  if (term != status.term) return;
  for (const auto* half : {&status.membership.voters, &status.membership.outgoing}) {
    const auto holders = std::count_if(half->begin(), half->end(), [&](const Id& voter) {
      return At(voter).replica->HoldsDurably(commit, *term);
    });
    if (half->empty() || static_cast<std::size_t>(holders) * 2 > half->size()) continue;
    Fail(id.Describe() + ": committed what no majority has on its disks");
  }
}

// Who is about to stop leads on what it leads, and nothing else.
void CoreWorld::CheckStandsAside(Id id) {
  const Host& host = At(id);
  const raft::Node& node = host.replica->node();
  if (!host.leads_up_to || node.role() != raft::Role::kLeader) return;
  if (node.term() > *host.leads_up_to) Fail(id.Describe() + ": stands aside and began to lead");
}

void CoreWorld::CheckReads(Id id, const std::vector<raft::ReadGrant>& reads) {
  for (const raft::ReadGrant& read : reads) {
    Asked& asked = reads_[read.context];
    asked.answered = true;
    ++report_.counts[read.granted ? "reads granted" : "reads refused"];
    if (read.granted && read.index < asked.committed) {
      Fail(id.Describe() + ": a read does not see what was committed before it was asked");
    }
  }
}

void CoreWorld::Tick(Id id) {
  Host& host = At(id);
  if (host.replica->alive()) {
    host.replica->node().Tick();
    if (options_.beats_by_driver && ++host.ticks % options_.heartbeat_ticks == 0) {
      SendDriverBeats(id);
    }
    Settle(id);
  }
  // Clocks drift: a tick takes 48 to 52 ms.
  After(kTickMs - 2 + static_cast<std::int64_t>(rng_.Below(5)), "tick", id,
        [this, id] { Tick(id); });
}

// What a driver's beat frame stands for (raft/README.md): the commit index only where it is not
// confirmed.
void CoreWorld::SendDriverBeats(Id id) {
  const raft::NodeStatus status = At(id).replica->node().status();
  if (status.role != raft::Role::kLeader) return;
  for (const raft::ReplicaStatus& replica : status.replicas) {
    if (replica.id == id) continue;
    const bool behind = replica.commit < status.commit || replica.match < status.last;
    const Index commit = behind ? std::min(status.commit, replica.match) : Index{};
    Send({.type = MessageType::kHeartbeat,
          .from = id,
          .to = replica.id,
          .term = status.term,
          .commit = commit});
  }
}

CoreWorld::Id CoreWorld::AnyHost() {
  auto at = hosts_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(rng_.Below(hosts_.size())));
  return at->first;
}

CoreWorld::Id CoreWorld::AnyLeader() {
  std::vector<Id> leaders;
  for (const auto& [id, host] : hosts_) {
    if (!host.replica->alive() || host.paused_until > now_ms_) continue;
    if (host.replica->node().status().role == raft::Role::kLeader) leaders.push_back(id);
  }
  if (leaders.empty()) return {};
  return leaders[rng_.Below(leaders.size())];
}

}  // namespace kronika::sim
