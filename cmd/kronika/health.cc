// See health.h.
#include "cmd/kronika/health.h"

#include <algorithm>

#include "cmd/kronika/output.h"

namespace kronika::cmd {
namespace {

using Numbers = std::vector<std::int32_t>;

std::set<std::int32_t> MissingOf(const HealthView& view) {
  std::set<std::int32_t> named, out = view.silent;
  for (const auto& broker : view.info.brokers) named.insert(broker.id);
  for (const auto& topic : view.info.topics) {
    for (const auto& partition : topic.partitions) {
      for (const auto replica : partition.replicas) {
        if (!named.contains(replica)) out.insert(replica);
      }
    }
  }
  return out;
}

void AddText(PartitionProblem& problem, const std::string& text) {
  if (!problem.text.empty()) problem.text += "; ";
  problem.text += text;
}

// "1 partition", "2 partitions".
std::string Count(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

class Judgement {
 public:
  explicit Judgement(const HealthView& view) : view_(view), missing_(MissingOf(view)) {}

  Health Make() {
    for (const auto& topic : view_.info.topics) {
      for (const auto& partition : topic.partitions) Look(topic.name, partition);
    }
    Health out{.missing = {missing_.begin(), missing_.end()}, .partitions = std::move(problems_)};
    AddReasons(out);
    return out;
  }

 private:
  void Look(const std::string& topic, const client::PartitionInfo& partition) {
    PartitionProblem problem{.topic = topic, .partition = partition.index};
    Numbers in_sync, offline;
    for (const auto replica : partition.replicas) {
      const bool out = missing_.contains(replica) ||
                       std::ranges::find(partition.offline, replica) != partition.offline.end();
      if (out) {
        offline.push_back(replica);
      } else if (std::ranges::find(partition.in_sync, replica) != partition.in_sync.end()) {
        in_sync.push_back(replica);
      }
    }
    LookAtLeader(partition, {.in_sync = in_sync.size(), .offline = offline.size()}, problem);
    if (in_sync.size() < partition.replicas.size()) {
      AddText(problem, "in sync " + (in_sync.empty() ? "none" : JoinNumbers(in_sync)) + " of " +
                           JoinNumbers(partition.replicas));
    }
    if (!offline.empty()) AddText(problem, "offline " + JoinNumbers(offline));
    if (!problem.text.empty()) problems_.push_back(std::move(problem));
  }

  struct Replicas {
    std::size_t in_sync = 0;
    std::size_t offline = 0;
  };
  void LookAtLeader(const client::PartitionInfo& partition, Replicas replicas,
                    PartitionProblem& problem) {
    const auto wanted = view_.min_in_sync.find(problem.topic);
    // Without one nothing is committed, whatever min.insync.replicas says.
    const bool majority =
        partition.replicas.empty() || 2 * replicas.offline < partition.replicas.size();
    const std::string also = majority ? "" : "; no majority of its replicas is there";
    if (partition.leader < 0) {
      AddText(problem, "cannot be written: no leader" + also);
    } else if (missing_.contains(partition.leader)) {
      AddText(problem, "cannot be written: its leader, broker " + std::to_string(partition.leader) +
                           ", does not answer" + also);
    } else if (!majority) {
      AddText(problem, "cannot be written: no majority of its replicas is there");
    } else if (wanted != view_.min_in_sync.end() &&
               std::cmp_less(replicas.in_sync, wanted->second)) {
      AddText(problem, "cannot be written with acks=all: min.insync.replicas is " +
                           std::to_string(wanted->second));
    } else {
      return;
    }
    problem.writable = false;
  }

  void AddReasons(Health& out) const {
    if (view_.info.controller < 0) out.reasons.emplace_back("no controller");
    for (const auto broker : out.missing) {
      const bool named = view_.silent.contains(broker);
      out.reasons.push_back("broker " + std::to_string(broker) +
                            (named ? " does not answer" : " is missing"));
    }
    const std::size_t there = view_.info.brokers.size() - view_.silent.size();
    if (there < view_.brokers_expected) {
      out.reasons.push_back(std::to_string(there) + " of " +
                            std::to_string(view_.brokers_expected) + " brokers are there");
    }
    const auto unwritable = static_cast<std::size_t>(
        std::ranges::count(out.partitions, false, &PartitionProblem::writable));
    if (unwritable > 0)
      out.reasons.push_back(Count(unwritable, "partition") + " cannot be written");
    if (const std::size_t others = out.partitions.size() - unwritable; others > 0) {
      out.reasons.push_back(Count(others, "partition") + (unwritable > 0 ? " more" : "") +
                            " with replicas that are not in sync");
    }
  }

  const HealthView& view_;
  const std::set<std::int32_t> missing_;
  std::vector<PartitionProblem> problems_;
};

}  // namespace

Health Judge(const HealthView& view) {
  return Judgement(view).Make();
}

std::vector<std::string> TopicsInDoubt(const HealthView& view) {
  std::set<std::string> out;
  for (const auto& problem : Judge(view).partitions) out.insert(problem.topic);
  return {out.begin(), out.end()};
}

}  // namespace kronika::cmd
