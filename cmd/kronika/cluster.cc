// `kronika cluster`: what the brokers say of themselves, and whether it is well.
//
// Main thread. Exit code 10 of `health` means that the cluster answered and something is wrong.
#include <algorithm>
#include <cstdio>

#include "cmd/kronika/client_arguments.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using client::ClusterInfo;

struct Problem {
  std::string topic;
  std::int32_t partition = 0;
  std::string text;
};

std::string What(const client::PartitionInfo& partition) {
  if (partition.leader < 0) return "no leader";
  if (partition.in_sync.size() < partition.replicas.size()) {
    return "under-replicated: in sync " + JoinNumbers(partition.in_sync) + " of " +
           JoinNumbers(partition.replicas);
  }
  return "";
}

std::vector<Problem> ProblemsOf(const ClusterInfo& info) {
  std::vector<Problem> out;
  for (const auto& topic : info.topics) {
    for (const auto& partition : topic.partitions) {
      if (auto text = What(partition); !text.empty()) {
        out.push_back({topic.name, partition.index, std::move(text)});
      }
    }
  }
  return out;
}

Table BrokerTable(const ClusterInfo& info) {
  Table table({{"BROKER", "broker", CellKind::kNumber},
               {"ADDRESS", "address"},
               {"RACK", "rack"},
               {"ROLE", "role"},
               {"LEADS", "leads", CellKind::kNumber},
               {"REPLICAS", "replicas", CellKind::kNumber}});
  for (const auto& broker : info.brokers) {
    std::size_t leads = 0;
    std::size_t replicas = 0;
    for (const auto& topic : info.topics) {
      for (const auto& partition : topic.partitions) {
        leads += partition.leader == broker.id ? 1 : 0;
        replicas += std::ranges::count(partition.replicas, broker.id);
      }
    }
    table.Add({std::to_string(broker.id), broker.address.Describe(), broker.rack,
               broker.id == info.controller ? "controller" : "", std::to_string(leads),
               std::to_string(replicas)});
  }
  return table;
}

Table ProblemTable(const std::vector<Problem>& problems) {
  Table table(
      {{"TOPIC", "topic"}, {"PARTITION", "partition", CellKind::kNumber}, {"PROBLEM", "problem"}});
  for (const auto& each : problems) {
    table.Add({each.topic, std::to_string(each.partition), each.text});
  }
  return table;
}

std::size_t PartitionCount(const ClusterInfo& info) {
  std::size_t count = 0;
  for (const auto& topic : info.topics) count += topic.partitions.size();
  return count;
}

void PrintStatusJson(const ClusterInfo& info) {
  kafka::JsonText json;
  json.BeginObject();
  json.Key("cluster");
  json.Value(info.cluster_id);
  json.Key("controller");
  json.Value(info.controller);
  json.Key("topics");
  json.Value(info.topics.size());
  json.Key("partitions");
  json.Value(PartitionCount(info));
  json.Key("brokers");
  BrokerTable(info).ToJson(json);
  json.Key("problems");
  ProblemTable(ProblemsOf(info)).ToJson(json);
  json.EndObject();
  PrintLine(json.Take());
}

int ShowStatus(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  auto info = cluster.Describe(std::nullopt);
  if (!info) return OperationError(info.error());
  if (setup->format == Format::kJson) {
    PrintStatusJson(*info);
    return kExitOk;
  }
  const auto problems = ProblemsOf(*info);
  PrintLine("cluster " + info->cluster_id + ": " + std::to_string(info->brokers.size()) +
            " brokers, " + std::to_string(info->topics.size()) + " topics, " +
            std::to_string(PartitionCount(*info)) + " partitions, " +
            std::to_string(problems.size()) + " of them with a problem\n");
  std::fputs(BrokerTable(*info).ToText().c_str(), stdout);
  return kExitOk;
}

// The brokers that --expect-brokers asks for are told apart from those that the cluster names: a
// broker that is gone is no longer named at all.
int ShowHealth(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto expected = ReadNumber(arguments, "--expect-brokers", {.last = 10'000});
  if (!expected) return UsageError(expected.error());
  Cluster cluster(setup->options);
  auto info = cluster.Describe(std::nullopt);
  if (!info) return OperationError(info.error());
  const auto problems = ProblemsOf(*info);
  std::vector<std::string> reasons;
  if (info->controller < 0) reasons.emplace_back("no controller");
  if (info->brokers.size() < static_cast<std::size_t>(*expected)) {
    reasons.push_back(std::to_string(info->brokers.size()) + " of " + std::to_string(*expected) +
                      " brokers are there");
  }
  if (!problems.empty()) {
    reasons.push_back(std::to_string(problems.size()) + " partitions have a problem");
  }
  if (setup->format == Format::kJson) {
    kafka::JsonText json;
    json.BeginObject();
    json.Key("is_healthy");
    json.Value(reasons.empty());
    json.Key("unhealthy_reasons");
    json.BeginArray();
    for (const auto& reason : reasons) json.Value(reason);
    json.EndArray();
    json.Key("partitions");
    ProblemTable(problems).ToJson(json);
    json.EndObject();
    PrintLine(json.Take());
  } else {
    PrintLine(reasons.empty() ? "healthy" : "unhealthy");
    for (const auto& reason : reasons) PrintLine("  " + reason);
    if (!problems.empty()) PrintLine("\n" + ProblemTable(problems).ToText());
  }
  return reasons.empty() ? kExitOk : kExitUnhealthy;
}

}  // namespace

CommandList ClusterCommands() {
  return {{.noun = "cluster",
           .verb = "status",
           .help = "Show the brokers, the controller and who leads how much",
           .options = WithClientOptions({}),
           .run = &ShowStatus},
          {.noun = "cluster",
           .verb = "health",
           .help = "Name what is wrong; exit code 10 if anything is",
           .options = WithClientOptions({{.name = "--expect-brokers",
                                          .value = "N",
                                          .help = "Fewer brokers than this are a problem",
                                          .default_value = "0"}}),
           .run = &ShowHealth}};
}

}  // namespace kronika::cmd
