// Reading the broker's parts; see broker_source.h.
#include "broker/broker_source.h"

#include <algorithm>
#include <map>

#include "broker/cluster/calls.h"
#include "metadata/codec.h"

namespace kronika::broker {
namespace {

constexpr Duration kReplacePatience = std::chrono::seconds(10);

using admin::GroupSummary;
using admin::MemberSummary;

std::string RoleOf(const raft::NodeStatus& status) {
  const auto& learners = status.membership.learners;
  const bool learner = std::ranges::find(learners, status.self) != learners.end();
  if (learner) return "learner";
  return std::string(raft::Name(status.role));
}

struct Lag {
  Duration tick;
  std::int64_t in_sync_ms_max = 0;
};

// The leader knows how far the others are; everybody else knows only who they are.
void AddMembers(GroupSummary& out, const raft::NodeStatus& status, const Lag& lag) {
  for (const auto* list : {&status.membership.voters, &status.membership.learners}) {
    for (const auto& replica : *list) {
      out.members.push_back({.id = replica.broker, .incarnation = replica.incarnation});
    }
  }
  for (const auto& replica : status.replicas) {
    const auto found = std::ranges::find_if(out.members, [&](const MemberSummary& member) {
      return member.id == replica.id.broker && member.incarnation == replica.id.incarnation;
    });
    if (found == out.members.end()) continue;
    found->match = replica.match;
    const Duration behind = replica.ticks_since_caught_up * lag.tick;
    found->lag_ms = std::chrono::duration_cast<std::chrono::milliseconds>(behind).count();
    found->isr = replica.voter && found->lag_ms <= lag.in_sync_ms_max;
  }
}

GroupSummary Summarize(raft::Group& group, const Lag& lag) {
  const raft::NodeStatus& status = group.status();
  GroupSummary out{.id = group.id(),
                   .role = RoleOf(status),
                   .term = status.term,
                   .leader = status.leader.broker,
                   .last = status.last,
                   .commit = status.commit,
                   .applied = status.applied,
                   .durable = status.durable};
  AddMembers(out, status, lag);
  return out;
}

// What the partition's leader published is what clients are told, on every broker.
void TakePublished(GroupSummary& out, const raft::LeaderState* state) {
  if (state == nullptr) return;
  for (auto& member : out.members)
    member.isr = std::ranges::find(state->isr, member.id) != state->isr.end();
}

admin::JournalSummary Summarize(const wal::JournalStatus& journal, const std::string& io) {
  return {.io = io,
          .commits = journal.commits,
          .bytes_written = journal.bytes_written,
          .files = journal.files,
          .files_free = journal.files_free,
          .files_recycled = journal.files_recycled,
          .bytes_unreleased = journal.bytes_unreleased};
}

}  // namespace

admin::Readiness BrokerSource::Ready() const {
  if (stopping_) return {.ready = false, .reason = "stopping"};
  if (!running()) return {.ready = false, .reason = "recovering from disk"};
  if (server_ == nullptr || !server_->serving())
    return {.ready = false, .reason = "the listeners are not open yet"};
  const std::string reason = broker_->NotReadyReason();
  return {.ready = reason.empty(), .reason = reason};
}

admin::BrokerStatus BrokerSource::Describe() const {
  admin::BrokerStatus out{.broker = {.id = id_, .version = version_, .state = "starting"}};
  if (stopping_) out.broker.state = "stopping";
  if (!running()) return out;
  if (!stopping_) out.broker.state = "running";
  const auto image = broker_->Image();
  out.broker.directory = broker_->config().self.directory;
  out.broker.cluster = image->cluster;
  for (const BrokerId id : image->RegisteredBrokers()) {
    if (id == id_ || broker_->leadership().IsLive(id)) out.brokers.push_back(id);
  }
  out.controller = broker_->ControllerId();
  out.journal = Summarize(broker_->journal().status(), journal_io_);
  const auto& checkpoints = broker_->checkpointer().counters();
  out.checkpoints = {.completed = checkpoints.completed, .given_up = checkpoints.given_up};
  for (const auto& peer : broker_->groups().Peers()) {
    out.peers.push_back({.id = peer.id,
                         .connected = peer.connected,
                         .last_beat_ms = peer.last_beat_ms,
                         .frames_in = peer.counters.frames_in,
                         .frames_out = peer.counters.frames_out,
                         .undecodable = peer.counters.undecodable,
                         .damaged = peer.counters.damaged,
                         .misdirected = peer.counters.misdirected,
                         .not_yet = peer.counters.not_yet});
  }
  const Lag lag{
      .tick = broker_->groups().options().tick,
      .in_sync_ms_max =
          metadata::ResolveBrokerSettings(broker_->config().broker_defaults).replica_lag_max_ms};
  broker_->groups().ForEach([&](raft::Group& group) {
    GroupSummary summary = Summarize(group, lag);
    if (const auto place = image->FindGroup(group.id())) {
      summary.topic = place.topic->name;
      summary.partition = place.partition->number;
      TakePublished(summary, broker_->groups().leader_states().Find(group.id()));
    }
    out.groups.push_back(std::move(summary));
  });
  out.consumer_groups = broker_->ConsumerGroups();
  return out;
}

admin::HttpAnswer BrokerSource::ReplaceBroker(BrokerId broker, const Uuid& directory) const {
  if (!running()) return {.status = 503, .body = "not while starting\n"};
  admin::HttpAnswer out;
  out.later = [this, broker, directory](std::function<void(admin::HttpAnswer)> tell) {
    metadata::Records word{metadata::BrokerReplaced{.broker = broker, .directory = directory}};
    broker_->controller().Ask(
        CallKind::kReplaceBroker, Slice::CopyOf(metadata::EncodeRecords(word)),
        broker_->loop().Now() + kReplacePatience, [tell = std::move(tell)](Result<Slice> answer) {
          const bool repeated = !answer && answer.error().code == ErrorCode::kAlreadyExists;
          if (answer || repeated) return tell({.body = "ok\n"});
          const bool refused = answer.error().code == ErrorCode::kNotFound ||
                               answer.error().code == ErrorCode::kInvalidArgument;
          tell({.status = refused ? 409 : 503, .body = answer.error().Describe() + "\n"});
        });
  };
  return out;
}

}  // namespace kronika::broker
