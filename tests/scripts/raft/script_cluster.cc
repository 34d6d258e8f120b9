// What moves: replicas, links, settling, and the report of what changed.
#include "tests/scripts/raft/script_cluster.h"

#include <sstream>

#include "base/check.h"

namespace kronika::raft {
namespace {

std::string Brief(const NodeStatus& status) {
  std::string out = std::string(Name(status.role)) + " term=" + std::to_string(status.term.value);
  if (status.leader.valid() && status.role != Role::kLeader) {
    out += " leader=" + std::to_string(status.leader.broker.value);
  }
  out += " last=" + std::to_string(status.last.value) +
         " durable=" + std::to_string(status.durable.value) +
         " commit=" + std::to_string(status.commit.value) +
         " applied=" + std::to_string(status.applied.value);
  if (status.first.value != 0) out += " first=" + std::to_string(status.first.value);
  if (status.serving) out += " serving";
  if (status.lost_quorum) out += " lost-quorum";
  return out + " " + status.membership.Describe();
}

}  // namespace

std::string ScriptCluster::Run(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  said_.clear();
  const auto command = words.empty() ? Commands().end() : Commands().find(words[0]);
  if (command == Commands().end()) return "unknown command\n";
  words.resize(std::max<std::size_t>(words.size(), 8));
  (this->*command->second)(words);
  Collect();
  SayChanges();
  return said_;
}

ReplicaId ScriptCluster::Id(const std::string& name) const {
  const auto hash = name.find('#');
  const std::uint64_t incarnation =
      hash == std::string::npos ? 1 : std::stoull(name.substr(hash + 1));
  return {BrokerId{std::stoi(name)}, Incarnation{incarnation}};
}

std::vector<ReplicaId> ScriptCluster::Ids(const std::string& names) const {
  std::vector<ReplicaId> out;
  if (names == "*") {
    for (const auto& [id, replica] : replicas_) out.push_back(id);
    return out;
  }
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) out.push_back(Id(name));
  return out;
}

sim::CoreReplica& ScriptCluster::At(const std::string& name) {
  return *replicas_.at(Id(name));
}

std::vector<ScriptCluster::Link> ScriptCluster::Links(const std::string& text) const {
  std::vector<Link> out;
  if (const auto arrow = text.find("->"); arrow != std::string::npos) {
    return {{Id(text.substr(0, arrow)), Id(text.substr(arrow + 2))}};
  }
  if (const auto dash = text.find('-'); dash != std::string::npos) {
    const ReplicaId left = Id(text.substr(0, dash));
    const ReplicaId right = Id(text.substr(dash + 1));
    return {{left, right}, {right, left}};
  }
  for (const auto& [from, replica] : replicas_) {
    for (const auto& [to, other] : replicas_) {
      const bool named = text == "*" || Id(text) == from || Id(text) == to;
      if (from != to && named) out.emplace_back(from, to);
    }
  }
  return out;
}

void ScriptCluster::Add(ReplicaId id, Membership founding) {
  const auto seed = static_cast<std::uint64_t>(id.broker.value) * 100 + id.incarnation.value;
  replicas_[id] =
      std::make_unique<sim::CoreReplica>(id, options_, seed, std::move(founding), invariants_);
}

// Takes what the replicas put out: messages to their links, the rest to the report.
void ScriptCluster::Collect() {
  for (auto& [id, replica] : replicas_) {
    if (!replica->alive()) continue;
    replica->Pump();
    sim::CoreReplica::Output output = replica->Take();
    for (Message& message : output.messages) {
      links_[{message.from, message.to}].push_back(std::move(message));
    }
    for (const ReadGrant& read : output.reads) {
      const std::string name = id.Describe() + ": read " + std::to_string(read.context);
      Say(name + (read.granted ? " granted at " + std::to_string(read.index.value) : " refused"));
      if (read.granted && read.index < reads_[read.context]) {
        Say("VIOLATION " + name + " does not see what was committed before it");
      }
    }
    for (const ReplicaId& to : output.installs_wanted) {
      Say(id.Describe() + ": wants an install for " + to.Describe());
      installs_.insert({id, to});
    }
    for (const Index index : output.installs_finished) {
      Say(id.Describe() + ": install finished at " + std::to_string(index.value));
      for (auto link = installs_.begin(); link != installs_.end();) {
        if (link->second != id) {
          ++link;
          continue;
        }
        if (replicas_.at(link->first)->alive()) {
          replicas_.at(link->first)->node().OnInstallSent(id, index);
        }
        link = installs_.erase(link);
      }
    }
    if (violation_.empty() && !replica->violation().empty()) {
      violation_ = replica->violation();
      Say("VIOLATION " + violation_);
    }
  }
  if (violation_.empty() && !invariants_.violation().empty()) {
    violation_ = invariants_.violation();
    Say("VIOLATION " + violation_);
  }
}

void ScriptCluster::SayChanges() {
  for (const auto& [id, replica] : replicas_) {
    const std::string now = replica->alive() ? Brief(replica->node().status()) : "down";
    if (shown_[id] == now) continue;
    shown_[id] = now;
    Say(id.Describe() + ": " + now);
  }
}

bool ScriptCluster::DeliverFrom(const Link& link, bool refuse, bool print) {
  std::deque<Message>& queue = links_[link];
  if (queue.empty()) return false;
  Message message = std::move(queue.front());
  queue.pop_front();
  const bool lost = cuts_.contains(link) || !replicas_.contains(link.second) ||
                    !replicas_.at(link.second)->alive();
  if (print) Say((lost ? "lost " : refuse ? "refused " : "") + message.Describe());
  if (lost) return true;
  sim::CoreReplica& to = *replicas_.at(link.second);
  if (refuse) {
    to.node().Refuse(std::move(message));
  } else {
    to.Deliver(std::move(message));
  }
  Collect();
  return true;
}

void ScriptCluster::MoveInstalls() {
  for (const Link& link : std::set<Link>(installs_)) {
    if (cuts_.contains(link) || !replicas_.at(link.first)->alive()) continue;
    if (!replicas_.at(link.second)->alive()) continue;
    if (replicas_.at(link.second)->writes_pending() > 0) continue;
    replicas_.at(link.second)->BeginInstall(replicas_.at(link.first)->CurrentImage());
  }
}

bool ScriptCluster::SettleOnce() {
  bool moved = false;
  for (auto& [id, replica] : replicas_) {
    if (!replica->alive()) continue;
    if (!held_disks_.contains(id) && replica->writes_pending() > 0) {
      replica->FinishWrites(replica->writes_pending());
      moved = true;
    }
    if (!held_applies_.contains(id) && replica->applies_pending() > 0) {
      replica->Apply(replica->applies_pending());
      moved = true;
    }
  }
  Collect();
  for (const Link& link : Links("*")) {
    while (DeliverFrom(link, false, false)) moved = true;
  }
  const std::size_t installs = installs_.size();
  MoveInstalls();
  Collect();
  return moved || installs != installs_.size();
}

void ScriptCluster::Settle(const Words&) {
  int rounds = 0;
  Collect();
  while (SettleOnce()) {
    if (++rounds == 1000) return Say("does not settle");
  }
}

void ScriptCluster::RunTicks(const Words& words) {
  for (int i = std::stoi(words[1]); i > 0; --i) {
    Tick({"tick", "*", "1"});
    Settle(words);
  }
}

}  // namespace kronika::raft
