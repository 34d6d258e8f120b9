// `kronika cluster`: what the brokers say of themselves, and whether it is well.
//
// Main thread. Exit code 10 of `health` means that the cluster answered and something is wrong.
#include <algorithm>
#include <cstdio>

#include "cmd/client/admin.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/health_view.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using client::ClusterInfo;

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

Table ProblemTable(const Health& health) {
  Table table(
      {{"TOPIC", "topic"}, {"PARTITION", "partition", CellKind::kNumber}, {"PROBLEM", "problem"}});
  for (const auto& each : health.partitions) {
    table.Add({each.topic, std::to_string(each.partition), each.text});
  }
  return table;
}

std::size_t PartitionCount(const ClusterInfo& info) {
  std::size_t count = 0;
  for (const auto& topic : info.topics) count += topic.partitions.size();
  return count;
}

void PrintStatusJson(const ClusterInfo& info, const Health& health) {
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
  ProblemTable(health).ToJson(json);
  json.EndObject();
  PrintLine(json.Take());
}

int ShowStatus(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  auto info = cluster.Describe(std::nullopt);
  if (!info) return OperationError(info.error());
  const Health health = Judge(LookAt(cluster, *info, 0));
  if (setup->format == Format::kJson) {
    PrintStatusJson(*info, health);
    return kExitOk;
  }
  PrintLine("cluster " + info->cluster_id + ": " + std::to_string(info->brokers.size()) +
            " brokers, " + std::to_string(info->topics.size()) + " topics, " +
            std::to_string(PartitionCount(*info)) + " partitions, " +
            std::to_string(health.partitions.size()) + " of them with a problem\n");
  std::fputs(BrokerTable(*info).ToText().c_str(), stdout);
  return kExitOk;
}

void PrintHealthJson(const ClusterInfo& info, const Health& health) {
  kafka::JsonText json;
  json.BeginObject();
  json.Key("is_healthy");
  json.Value(health.reasons.empty());
  json.Key("unhealthy_reasons");
  json.BeginArray();
  for (const auto& reason : health.reasons) json.Value(reason);
  json.EndArray();
  json.Key("controller");
  json.Value(info.controller);
  json.Key("brokers_missing");
  json.BeginArray();
  for (const auto broker : health.missing) json.Value(broker);
  json.EndArray();
  json.Key("partitions");
  ProblemTable(health).ToJson(json);
  json.EndObject();
  PrintLine(json.Take());
}

// --expect-brokers is for brokers that hold nothing: one that is gone is no longer named at all.
int ShowHealth(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto expected = ReadNumber(arguments, "--expect-brokers", {.last = 10'000});
  if (!expected) return UsageError(expected.error());
  setup->options.metadata_timeout = std::min(setup->options.metadata_timeout, kAnswerMax);
  Cluster cluster(setup->options);
  auto info = cluster.Describe(std::nullopt);
  if (!info) return OperationError(info.error());
  const Health health = Judge(LookAt(cluster, *info, static_cast<std::size_t>(*expected)));
  if (setup->format == Format::kJson) {
    PrintHealthJson(*info, health);
  } else {
    PrintLine(health.reasons.empty() ? "healthy" : "unhealthy");
    for (const auto& reason : health.reasons) PrintLine("  " + reason);
    if (!health.partitions.empty()) PrintLine("\n" + ProblemTable(health).ToText());
  }
  return health.reasons.empty() ? kExitOk : kExitUnhealthy;
}

int ElectLeaders(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  const std::string& topic = arguments.Text("--topic");
  auto elected =
      client::ElectPreferredLeaders(cluster, topic.empty() ? std::nullopt : std::optional(topic));
  if (!elected) return OperationError(elected.error());
  Table table(
      {{"TOPIC", "topic"}, {"PARTITION", "partition", CellKind::kNumber}, {"RESULT", "result"}});
  bool all = true;
  for (const auto& each : *elected) {
    all = all && each.error.empty();
    table.Add(
        {each.topic, std::to_string(each.partition), each.error.empty() ? "elected" : each.error});
  }
  if (table.empty() && setup->format == Format::kTable) {
    PrintLine("every partition is led by its preferred replica");
  } else {
    Print(setup->format, table);
  }
  return all ? kExitOk : kExitError;
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
           .run = &ShowHealth},
          {.noun = "cluster",
           .verb = "elect-leaders",
           .help = "Let preferred replicas, the first ones, lead their partitions",
           .options = WithClientOptions(
               {{.name = "--topic", .value = "TOPIC", .help = "Only of this topic"}}),
           .run = &ElectLeaders}};
}

}  // namespace kronika::cmd
