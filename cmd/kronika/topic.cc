// `kronika topic`: makes, lists, describes and deletes topics. Records: topic_records.cc.
//
// Main thread.
#include <algorithm>
#include <cstdio>

#include "cmd/client/admin.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/topic_records.h"

namespace kronika::cmd {
namespace {

using client::Cluster;

constexpr std::string_view kTakesEffectLater = "takes effect in a later release";

// A config that is only stored does not do yet what whoever sets it expects. The cluster says so in
// the config's documentation; Apache Kafka has no such config.
void TellOfLaterConfigs(Cluster& cluster, const client::NewTopic& topic) {
  if (topic.configs.empty()) return;
  const auto configs = client::DescribeTopicConfigs(cluster, topic.name);
  if (!configs) return;  // the topic is made; this was only a remark
  std::string later;
  for (const auto& [name, value] : topic.configs) {
    const auto known = std::ranges::find(*configs, name, &client::ConfigInfo::name);
    const bool stored = known != configs->end() &&
                        known->documentation.find(kTakesEffectLater) != std::string::npos;
    if (stored) later += (later.empty() ? "" : ", ") + name;
  }
  if (later.empty()) return;
  std::fprintf(stderr, "kronika: stored, takes effect in a later release: %s\n", later.c_str());
}

int Create(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto partitions = ReadNumber(arguments, "--partitions", {.first = -1, .last = 100'000});
  if (!partitions) return UsageError(partitions.error());
  auto replicas = ReadNumber(arguments, "--replication-factor", {.first = -1, .last = 100});
  if (!replicas) return UsageError(replicas.error());
  for (const auto& [option, number] :
       {std::pair{"--partitions", *partitions}, {"--replication-factor", *replicas}}) {
    if (number != 0) continue;
    return UsageError({ErrorCode::kInvalidArgument,
                       "0 are none; 1 or more, or -1 for the cluster's default", option});
  }
  client::NewTopic topic{.name = arguments.Text("TOPIC"),
                         .partitions = static_cast<std::int32_t>(*partitions),
                         .replication_factor = static_cast<std::int16_t>(*replicas)};
  for (const auto& config : arguments.List("--config")) {
    auto pair = SplitPair(config, '=');
    if (!pair) return UsageError(pair.error());
    const auto same = [&](const auto& other) { return other.first == pair->first; };
    if (std::ranges::any_of(topic.configs, same)) {
      return UsageError(
          {ErrorCode::kInvalidArgument, "'" + pair->first + "' is given twice", "--config"});
    }
    topic.configs.push_back(std::move(*pair));
  }
  setup->options.missing_patience = setup->options.request_timeout;  // it is there by then
  Cluster cluster(setup->options);
  if (auto made = client::CreateTopic(cluster, topic); !made) {
    if (made.error().code != ErrorCode::kAlreadyExists || !arguments.Has("--if-not-exists")) {
      return OperationError(made.error());
    }
  }
  auto info = cluster.AwaitLeaders(topic.name, client::Now() + setup->options.request_timeout);
  if (!info) return OperationError(info.error());
  PrintLine("topic " + topic.name + " has " + std::to_string(info->partitions.size()) +
            " partitions on " + std::to_string(info->partitions.front().replicas.size()) +
            " brokers each");
  TellOfLaterConfigs(cluster, topic);
  return kExitOk;
}

int List(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  auto info = cluster.Describe(std::nullopt);
  if (!info) return OperationError(info.error());
  Table table({{"NAME", "name"},
               {"PARTITIONS", "partitions", CellKind::kNumber},
               {"REPLICAS", "replicas", CellKind::kNumber},
               {"ID", "id"}});
  std::size_t hidden = 0;
  for (const auto& topic : info->topics) {
    if (topic.internal && !arguments.Has("--internal")) {
      ++hidden;
      continue;
    }
    const std::size_t replicas =
        topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
    table.Add({topic.name, std::to_string(topic.partitions.size()), std::to_string(replicas),
               topic.id.IsZero() ? "" : topic.id.ToString()});
  }
  Print(setup->format, table);
  if (hidden > 0) {
    std::fprintf(stderr, "kronika: %zu internal topic%s not listed; --internal lists all\n", hidden,
                 hidden == 1 ? " is" : "s are");
  }
  return kExitOk;
}

std::string OffsetText(const client::KnownOffsets& known, std::int32_t partition) {
  const auto found = known.offsets.find(partition);
  return found == known.offsets.end() ? "" : std::to_string(found->second);
}

Table PartitionTable(Cluster& cluster, const client::TopicInfo& topic) {
  // A partition without a leader has no offsets to tell; the table then lacks them and the rest
  // stands.
  const auto deadline = client::Now() + client::Milliseconds(500);
  const auto starts = client::ListKnownOffsets(cluster, topic.name, client::kStartOfLog, deadline);
  const auto ends = client::ListKnownOffsets(cluster, topic.name, client::kEndOfLog, deadline);
  Table table({{"PARTITION", "partition", CellKind::kNumber},
               {"LEADER", "leader", CellKind::kNumber},
               {"EPOCH", "leader_epoch", CellKind::kNumber},
               {"REPLICAS", "replicas", CellKind::kNumbers},
               {"ISR", "isr", CellKind::kNumbers},
               {"OFFLINE", "offline", CellKind::kNumbers},
               {"LOG-START", "log_start_offset", CellKind::kNumber},
               {"END", "end_offset", CellKind::kNumber}});
  for (const auto& each : topic.partitions) {
    table.Add({std::to_string(each.index), std::to_string(each.leader),
               std::to_string(each.leader_epoch), JoinNumbers(each.replicas),
               JoinNumbers(each.in_sync), JoinNumbers(each.offline), OffsetText(starts, each.index),
               OffsetText(ends, each.index)});
  }
  return table;
}

int Describe(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  auto topic = cluster.DescribeTopic(arguments.Text("TOPIC"));
  if (!topic) return OperationError(topic.error());
  auto configs = client::DescribeTopicConfigs(cluster, topic->name);
  if (!configs) return OperationError(configs.error());
  Table config_table({{"KEY", "key"}, {"VALUE", "value"}, {"SOURCE", "source"}});
  for (const auto& each : *configs) config_table.Add({each.name, each.value, each.source});
  const Table partitions = PartitionTable(cluster, *topic);
  if (setup->format == Format::kTable) {
    PrintLine("topic " + topic->name + (topic->id.IsZero() ? "" : ", id " + topic->id.ToString()) +
              "\n");
    PrintLine(config_table.ToText());
    std::fputs(partitions.ToText().c_str(), stdout);
    return kExitOk;
  }
  kafka::JsonText json;
  json.BeginObject();
  json.Key("name");
  json.Value(topic->name);
  json.Key("id");
  json.Value(topic->id);
  json.Key("configs");
  config_table.ToJson(json);
  json.Key("partitions");
  partitions.ToJson(json);
  json.EndObject();
  PrintLine(json.Take());
  return kExitOk;
}

int Delete(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  const std::string& topic = arguments.Text("TOPIC");
  if (auto deleted = client::DeleteTopic(cluster, topic); !deleted) {
    return OperationError(deleted.error());
  }
  PrintLine("topic " + topic + " is deleted");
  return kExitOk;
}

constexpr Option kTopic{.name = "TOPIC", .help = "The topic's name", .required = true};

}  // namespace

CommandList TopicCommands() {
  return {{.noun = "topic",
           .verb = "create",
           .help = "Make a topic and wait until each partition has a leader",
           .options = WithClientOptions(
               {kTopic,
                {.name = "--partitions",
                 .short_name = "-p",
                 .value = "N",
                 .help = "-1: the cluster's default",
                 .default_value = "-1"},
                {.name = "--replication-factor",
                 .short_name = "-r",
                 .value = "N",
                 .help = "-1: the cluster's default",
                 .default_value = "-1"},
                {.name = "--config",
                 .short_name = "-c",
                 .value = "KEY=VALUE",
                 .help = "A config of the topic; may be given again",
                 .repeated = true},
                {.name = "--if-not-exists", .help = "An existing topic is no error"}}),
           .run = &Create},
          {.noun = "topic",
           .verb = "list",
           .help = "List topics",
           .options = WithClientOptions({{.name = "--internal", .help = "Internal ones, too"}}),
           .run = &List},
          {.noun = "topic",
           .verb = "describe",
           .help = "Show a topic's configs and partitions",
           .options = WithClientOptions({kTopic}),
           .run = &Describe},
          {.noun = "topic",
           .verb = "delete",
           .help = "Delete a topic and its records",
           .options = WithClientOptions({kTopic}),
           .run = &Delete},
          {.noun = "topic",
           .verb = "produce",
           .help = "Write the lines of the standard input as records",
           .options = WithClientOptions(ProduceOptions(kTopic)),
           .run = &RunTopicProduce},
          {.noun = "topic",
           .verb = "consume",
           .help = "Print a topic's records",
           .options = WithClientOptions(ConsumeOptions(kTopic)),
           .run = &RunTopicConsume}};
}

}  // namespace kronika::cmd
