// The commands of the scripts, one short function each.
#include <algorithm>

#include "raft/core/membership.h"
#include "tests/scripts/raft/script_cluster.h"

namespace kronika::raft {
namespace {

int Count(const std::string& word, int otherwise) {
  return word.empty() ? otherwise : std::stoi(word);
}

}  // namespace

const std::map<std::string, ScriptCluster::Command>& ScriptCluster::Commands() {
  static const std::map<std::string, Command> commands{
      {"set", &ScriptCluster::Set},
      {"add-nodes", &ScriptCluster::AddNodes},
      {"add-empty", &ScriptCluster::AddEmpty},
      {"crash", &ScriptCluster::Crash},
      {"restart", &ScriptCluster::Restart},
      {"hold-disk", &ScriptCluster::HoldDisk},
      {"hold-apply", &ScriptCluster::HoldApply},
      {"hold-reads", &ScriptCluster::HoldReads},
      {"let", &ScriptCluster::Let},
      {"written", &ScriptCluster::Written},
      {"apply", &ScriptCluster::ApplySome},
      {"checkpoint", &ScriptCluster::Checkpoint},
      {"read-store", &ScriptCluster::ReadStore},
      {"release", &ScriptCluster::Release},
      {"compact", &ScriptCluster::Compact},
      {"deliver", &ScriptCluster::Deliver},
      {"refuse", &ScriptCluster::Refuse},
      {"drop", &ScriptCluster::Drop},
      {"duplicate", &ScriptCluster::Duplicate},
      {"defer", &ScriptCluster::Defer},
      {"cut", &ScriptCluster::Cut},
      {"heal", &ScriptCluster::Heal},
      {"queue", &ScriptCluster::Queue},
      {"inject", &ScriptCluster::Inject},
      {"install", &ScriptCluster::Install},
      {"fail-install", &ScriptCluster::FailInstall},
      {"tick", &ScriptCluster::Tick},
      {"run", &ScriptCluster::RunTicks},
      {"settle", &ScriptCluster::Settle},
      {"campaign", &ScriptCluster::Campaign},
      {"propose", &ScriptCluster::Propose},
      {"change", &ScriptCluster::Change},
      {"transfer", &ScriptCluster::Transfer},
      {"stand-aside", &ScriptCluster::StandAside},
      {"read", &ScriptCluster::Read},
      {"rank", &ScriptCluster::Rank},
      {"silent", &ScriptCluster::Silent},
      {"reset-leases", &ScriptCluster::ResetLeases},
      {"reset-progress", &ScriptCluster::ResetProgress},
      {"status", &ScriptCluster::Status},
      {"log", &ScriptCluster::ShowLog},
      {"caught-up", &ScriptCluster::CaughtUp},
      {"same", &ScriptCluster::Same},
  };
  return commands;
}

void ScriptCluster::Set(const Words& words) {
  const auto value = static_cast<std::size_t>(std::stoull(words[2]));
  if (words[1] == "append_bytes_max") {
    options_.append_bytes_max = value;
  } else if (words[1] == "inflight_messages_max") {
    options_.inflight_messages_max = value;
  } else if (words[1] == "inflight_bytes_max") {
    options_.inflight_bytes_max = value;
  } else if (words[1] == "uncommitted_bytes_max") {
    options_.uncommitted_bytes_max = value;
  } else if (words[1] == "tail_bytes_max") {
    options_.tail_bytes_max = value;
  } else if (words[1] == "election_jitter_ticks_max") {
    options_.election_jitter_ticks_max = static_cast<int>(value);
  } else if (words[1] == "beats_by_driver") {
    options_.beats_by_driver = value != 0;
  } else {
    Say("unknown option");
  }
}

void ScriptCluster::AddNodes(const Words& words) {
  Membership founding;
  for (int broker = 1; broker <= std::stoi(words[1]); ++broker) {
    founding.voters.push_back(Id(std::to_string(broker)));
  }
  for (const ReplicaId& id : std::vector<ReplicaId>(founding.voters)) Add(id, founding);
}

void ScriptCluster::AddEmpty(const Words& words) {
  Add(Id(words[1]), {});
}

void ScriptCluster::Crash(const Words& words) {
  for (const ReplicaId& id : Ids(words[1])) {
    if (!replicas_.at(id)->alive()) continue;
    replicas_.at(id)->Crash(static_cast<std::size_t>(Count(words[2], 0)));
  }
}

void ScriptCluster::Restart(const Words& words) {
  for (const ReplicaId& id : Ids(words[1])) {
    if (!replicas_.at(id)->alive()) replicas_.at(id)->Restart();
  }
}

void ScriptCluster::HoldDisk(const Words& words) {
  held_disks_.insert(Id(words[1]));
}
void ScriptCluster::HoldApply(const Words& words) {
  held_applies_.insert(Id(words[1]));
}

void ScriptCluster::HoldReads(const Words& words) {
  At(words[1]).SlowReads(true);
}

void ScriptCluster::Let(const Words& words) {
  At(words[1]).SlowReads(false);
  held_disks_.erase(Id(words[1]));
  held_applies_.erase(Id(words[1]));
}

void ScriptCluster::Written(const Words& words) {
  At(words[1]).FinishWrites(static_cast<std::size_t>(Count(words[2], 1000)));
}

void ScriptCluster::ApplySome(const Words& words) {
  At(words[1]).Apply(static_cast<std::size_t>(Count(words[2], 1000)));
}

void ScriptCluster::Checkpoint(const Words& words) {
  for (const ReplicaId& id : Ids(words[1])) replicas_.at(id)->Checkpoint();
}

void ScriptCluster::ReadStore(const Words& words) {
  At(words[1]).FinishReads(static_cast<std::size_t>(Count(words[2], 1000)));
}

void ScriptCluster::Release(const Words& words) {
  At(words[1]).Release(Index{std::stoull(words[2])});
}

void ScriptCluster::Compact(const Words& words) {
  At(words[1]).node().Compact(Index{std::stoull(words[2])});
}

void ScriptCluster::Deliver(const Words& words) {
  for (const Link& link : Links(words[1])) {
    int count = Count(words[2], static_cast<int>(links_[link].size()));
    while (count-- > 0 && DeliverFrom(link, false, true)) {
    }
  }
}

void ScriptCluster::Refuse(const Words& words) {
  for (const Link& link : Links(words[1])) {
    while (DeliverFrom(link, true, true)) {
    }
  }
}

void ScriptCluster::Drop(const Words& words) {
  for (const Link& link : Links(words[1])) {
    for (int count = Count(words[2], 1000); count > 0 && !links_[link].empty(); --count) {
      Say("dropped " + links_[link].front().Describe());
      links_[link].pop_front();
    }
  }
}

void ScriptCluster::Duplicate(const Words& words) {
  for (const Link& link : Links(words[1])) {
    if (!links_[link].empty()) links_[link].push_front(Message(links_[link].front()));
  }
}

void ScriptCluster::Defer(const Words& words) {
  for (const Link& link : Links(words[1])) {
    if (links_[link].empty()) continue;
    std::rotate(links_[link].begin(), links_[link].begin() + 1, links_[link].end());
  }
}

void ScriptCluster::Cut(const Words& words) {
  for (const Link& link : Links(words[1])) cuts_.insert(link);
}

void ScriptCluster::Heal(const Words& words) {
  for (const Link& link : Links(words[1])) cuts_.erase(link);
}

void ScriptCluster::Queue(const Words& words) {
  for (const Link& link : Links(words[1])) {
    for (const Message& message : links_[link]) Say(message.Describe());
  }
}

// inject 1->2 append|heartbeat|vote key=value ...
void ScriptCluster::Inject(const Words& words) {
  const Link link = Links(words[1]).front();
  Message message{.from = link.first, .to = link.second};
  for (int type = 0; type <= static_cast<int>(MessageType::kTimeoutNow); ++type) {
    const auto candidate = static_cast<MessageType>(type);
    if (Name(candidate) == words[2]) message.type = candidate;
  }
  for (std::size_t i = 3; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    if (equals == std::string::npos) continue;
    const std::string key = words[i].substr(0, equals);
    const std::uint64_t value = std::stoull(words[i].substr(equals + 1));
    if (key == "term") message.term = Term{value};
    if (key == "index") message.log_index = Index{value};
    if (key == "log_term") message.log_term = Term{value};
    if (key == "commit") message.commit = Index{value};
    if (key == "hint") message.hint_index = Index{value};
    if (key == "reject") message.reject = value != 0;
    if (key == "transfer") message.transfer = value != 0;
    if (key == "entry_term") {
      message.entries.push_back({.index = message.log_index + message.entries.size() + 1,
                                 .term = Term{value},
                                 .type = EntryType::kData});
    }
  }
  links_[link].push_front(std::move(message));
  DeliverFrom(link, false, true);
}

void ScriptCluster::Install(const Words& words) {
  const Link link = Links(words[1]).front();
  At(words[1].substr(words[1].find("->") + 2))
      .BeginInstall(replicas_.at(link.first)->CurrentImage());
}

void ScriptCluster::FailInstall(const Words& words) {
  const Link link = Links(words[1]).front();
  installs_.erase(link);
  replicas_.at(link.first)->node().OnInstallSent(link.second, Index{});
}

void ScriptCluster::Tick(const Words& words) {
  for (const ReplicaId& id : Ids(words[1])) {
    if (!replicas_.at(id)->alive()) continue;
    for (int count = Count(words[2], 1); count > 0; --count) {
      replicas_.at(id)->node().Tick();
      Collect();
    }
  }
}

void ScriptCluster::Campaign(const Words& words) {
  At(words[1]).node().Campaign();
}

void ScriptCluster::SayResult(const Result<Index>& result) {
  if (result) {
    Say("index " + std::to_string(result->value));
  } else {
    Say(std::string(Name(result.error().code)) + ": " + result.error().text);
  }
}

void ScriptCluster::Propose(const Words& words) {
  for (std::size_t i = 2; i < words.size() && !words[i].empty(); ++i) {
    SayResult(At(words[1]).node().Propose(EntryType::kData, Slice::CopyOf(words[i]), 0));
  }
}

// change 1 voters=1,2,4 learners=5 m=7
void ScriptCluster::Change(const Words& words) {
  Membership target;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string value = words[i].substr(std::min(words[i].size(), words[i].find('=') + 1));
    if (words[i].starts_with("voters=")) target.voters = Ids(value);
    if (words[i].starts_with("learners=")) target.learners = Ids(value);
    if (words[i].starts_with("m=")) target.metadata_index = std::stoull(value);
  }
  SayResult(At(words[1]).node().ProposeMembership(std::move(target), 0));
}

void ScriptCluster::Transfer(const Words& words) {
  const kronika::Status result = At(words[1]).node().TransferLeadership(Id(words[2]));
  if (!result) Say(std::string(Name(result.error().code)) + ": " + result.error().text);
}

void ScriptCluster::StandAside(const Words& words) {
  At(words[1]).node().StandAside();
}

void ScriptCluster::Read(const Words& words) {
  const std::uint64_t context = std::stoull(words[2]);
  reads_[context] = invariants_.committed();
  At(words[1]).node().ReadIndex(context);
}

void ScriptCluster::Rank(const Words& words) {
  At(words[1]).node().SetElectionRank(std::stoi(words[2]));
}

void ScriptCluster::Silent(const Words& words) {
  At(words[1]).node().OnPeerSilent(Id(words[2]).broker);
}

void ScriptCluster::ResetLeases(const Words& words) {
  At(words[1]).node().ResetLeases();
}

void ScriptCluster::ResetProgress(const Words& words) {
  At(words[1]).node().ResetProgress(Id(words[2]).broker);
}

void ScriptCluster::Status(const Words& words) {
  for (const ReplicaId& id : Ids(words[1].empty() ? "*" : words[1])) {
    if (replicas_.at(id)->alive()) Say(replicas_.at(id)->node().status().Describe());
  }
}

void ScriptCluster::ShowLog(const Words& words) {
  const NodeStatus status = At(words[1]).node().status();
  std::string out = status.self.Describe() + " terms:";
  for (Index i = status.first + 1; i <= status.last; ++i) {
    out += " " + std::to_string(i.value) + "/" +
           std::to_string(At(words[1]).node().TermAt(i).value_or(Term{}).value);
  }
  Say(out);
}

// How many ticks ago the others were caught up, as this leader sees it.
void ScriptCluster::CaughtUp(const Words& words) {
  const NodeStatus status = At(words[1]).node().status();
  for (const ReplicaStatus& replica : status.replicas) {
    if (replica.id == status.self) continue;
    Say(replica.id.Describe() + " caught up " + std::to_string(replica.ticks_since_caught_up) +
        " ticks ago");
  }
}

// Whether the named replicas have applied the same, and how far.
void ScriptCluster::Same(const Words& words) {
  const std::vector<ReplicaId> ids = Ids(words[1]);
  const sim::Image first = replicas_.at(ids.front())->CurrentImage();
  for (const ReplicaId& id : ids) {
    const sim::Image image = replicas_.at(id)->CurrentImage();
    if (image.start.index != first.start.index || image.digest != first.digest) {
      return Say("different: " + id.Describe());
    }
  }
  Say("same up to " + std::to_string(first.start.index.value));
}

}  // namespace kronika::raft
