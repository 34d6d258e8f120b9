// `kronika verify`: writes with many producers, reads everything back from every replica, says what
// is wrong.
//
// Main thread; the producers have their own (client::Crew). Exit code 1 when anything is wrong.
#include <cstdio>
#include <filesystem>

#include "base/rng.h"
#include "cmd/client/admin.h"
#include "cmd/client/crew.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/progress.h"
#include "cmd/verify/replica_scan.h"
#include "cmd/verify/writer.h"

namespace kronika::cmd {
namespace {

using client::Cluster;

struct WriteSetup {
  verify::WriteOptions writer;
  std::size_t producers = 1;
  std::size_t plain_producers = 0;
  std::int64_t seconds = 0;
  std::int32_t partitions = 0;
  std::string history_path;
};

// The numbers of `names` in order, each 0 or more.
Result<std::vector<std::int64_t>> ReadNumbers(const Arguments& arguments,
                                              const std::vector<std::string_view>& names) {
  std::vector<std::int64_t> out;
  for (const auto name : names) {
    auto number = ReadNumber(arguments, name, {.last = 1'000'000'000});
    if (!number) return std::unexpected(std::move(number).error());
    out.push_back(*number);
  }
  return out;
}

Result<WriteSetup> ReadWriteSetup(const Arguments& arguments, const ClientSetup& client) {
  const auto numbers = ReadNumbers(
      arguments, {"--producers", "--plain-producers", "--rate", "--seconds", "--value-bytes",
                  "--batch-records", "--in-flight", "--partitions", "--delivery-timeout-ms"});
  if (!numbers) return std::unexpected(numbers.error());
  const auto& given = *numbers;
  auto codec = ReadCodec(arguments, "--compression");
  if (!codec) return std::unexpected(std::move(codec).error());
  if (given[0] + given[1] == 0 || given[0] + given[1] > 1000 || given[5] == 0 || given[6] == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "1 to 1000 producers, and at least one record a batch and one request in flight");
  }
  WriteSetup setup{.producers = static_cast<std::size_t>(given[0]),
                   .plain_producers = static_cast<std::size_t>(given[1]),
                   .seconds = given[3],
                   .partitions = static_cast<std::int32_t>(given[7]),
                   .history_path = arguments.Text("--history")};
  auto& writer = setup.writer;
  writer.client = client.options;
  writer.client.missing_patience = client.options.request_timeout;  // it may have to be made
  writer.topic = arguments.Text("--topic");
  writer.run = SystemEntropy();
  writer.records_per_second =
      static_cast<double>(given[2]) / static_cast<double>(given[0] + given[1]);
  writer.value_bytes = static_cast<std::size_t>(given[4]);
  writer.batch_records = static_cast<std::size_t>(given[5]);
  writer.producer.in_flight_max = static_cast<std::size_t>(given[6]);
  writer.producer.delivery_timeout = client::Milliseconds(given[8]);
  writer.producer.codec = *codec;
  return setup;
}

// Records of a compacted topic go for later ones of their key: none of them can be called lost.
Status RefuseCompacted(Cluster& cluster, const std::string& topic) {
  const auto configs = client::DescribeTopicConfigs(cluster, topic);
  if (!configs) return {};  // what a cluster does not tell shows when its answers are checked
  for (const auto& config : *configs) {
    if (config.name != "cleanup.policy" || config.value.find("compact") == std::string::npos)
      continue;
    return Fail(ErrorCode::kInvalidArgument,
                "its records are compacted (cleanup.policy=" + config.value +
                    "), so what is missing may not be lost; name another topic",
                "topic " + topic);
  }
  return {};
}

// The topic as it is, or a new one. Where each partition ends now is where the run starts.
Result<verify::History> PrepareTopic(Cluster& cluster, const WriteSetup& setup) {
  const auto deadline = client::Now() + setup.writer.client.request_timeout;
  auto topic = cluster.DescribeTopic(setup.writer.topic);
  if (!topic && topic.error().code == ErrorCode::kNotFound) {
    const client::NewTopic wanted{.name = setup.writer.topic,
                                  .partitions = setup.partitions == 0 ? -1 : setup.partitions};
    KRONIKA_TRY(client::CreateTopic(cluster, wanted));
  }
  topic = cluster.AwaitLeaders(setup.writer.topic, deadline);
  if (!topic) return std::unexpected(std::move(topic).error());
  const auto found = static_cast<std::int32_t>(topic->partitions.size());
  if (setup.partitions != 0 && found != setup.partitions) {
    return Fail(ErrorCode::kAlreadyExists,
                "it has " + std::to_string(found) + " partitions; leave --partitions out to use it",
                "topic " + setup.writer.topic);
  }
  KRONIKA_TRY(RefuseCompacted(cluster, topic->name));
  auto starts = client::ListOffsets(cluster, topic->name, client::kEndOfLog, deadline);
  if (!starts) return std::unexpected(std::move(starts).error());
  return verify::History{.run = setup.writer.run, .topic = topic->name, .starts = *starts};
}

void ShowWriting(Progress& progress, const verify::WriteCounters& counters, std::uint64_t& before) {
  const std::uint64_t bytes = counters.bytes;
  progress.Show({{"acknowledged", std::to_string(counters.acknowledged)},
                 {"unknown", std::to_string(counters.unknown)},
                 {"mb_per_second", Decimal(static_cast<double>(bytes - before) / 1e6)},
                 {"batches_repeated", std::to_string(counters.repeated)}});
  before = bytes;
}

Status WriteRecords(WriteSetup setup) {
  Cluster cluster(setup.writer.client);
  auto head = PrepareTopic(cluster, setup);
  if (!head) return std::unexpected(std::move(head).error());
  std::error_code ignored;
  if (std::filesystem::exists(setup.history_path, ignored)) {
    std::fprintf(stderr, "kronika: the history %s is written anew; what it held is gone\n",
                 setup.history_path.c_str());
  }
  auto history = verify::HistoryFile::Create(setup.history_path, *head);
  if (!history) return std::unexpected(std::move(history).error());
  setup.writer.end = client::Now() + std::chrono::seconds(setup.seconds);
  verify::WriteCounters counters;
  const std::size_t count = setup.producers + setup.plain_producers;
  counters.writers_left = count;
  {
    const client::Crew crew(count, [&](std::size_t i) {
      verify::WriteOptions options = setup.writer;
      if (i >= setup.producers) {
        options.producer.idempotent = false;
        options.producer.repeat = false;
      }
      verify::Writer(std::move(options), **history, counters).Run();
    });
    Progress progress;
    std::uint64_t before = 0;
    while (counters.writers_left > 0) {
      client::Pause(client::Milliseconds(50));
      if (progress.due()) ShowWriting(progress, counters, before);
    }
    progress.Finish();
  }
  if ((*history)->failed()) {
    return Fail(ErrorCode::kIo, "the history could not be written whole", setup.history_path);
  }
  PrintLine(std::to_string(counters.acknowledged) + " records acknowledged, " +
            std::to_string(counters.unknown) + " without an answer to rely on, " +
            std::to_string(counters.ended_producers) + " producers ended early; history in " +
            setup.history_path);
  return {};
}

void PrintFindings(const verify::Findings& findings, Format format) {
  Table table({{"FINDING", "finding"},
               {"PARTITION", "partition", CellKind::kNumber},
               {"OFFSET", "offset", CellKind::kNumber},
               {"BROKER", "broker", CellKind::kNumber},
               {"WHAT", "what"}});
  for (const auto& each : findings.named) {
    table.Add({std::string(Name(each.kind)), std::to_string(each.partition),
               each.offset < 0 ? "" : std::to_string(each.offset), std::to_string(each.broker),
               each.text});
  }
  if (format == Format::kJson || !table.empty()) Print(format, table);
}

Result<bool> CheckRecords(const ClientSetup& setup, const std::string& path,
                          const verify::ScanOptions& options) {
  const auto history = verify::ReadHistoryFile(path);
  if (!history) return std::unexpected(history.error());
  Cluster cluster(setup.options);
  verify::Checker checker(*history);
  Progress progress;
  if (options.leaders_only) {
    std::fputs("kronika: only leaders are read; what followers hold is not looked at\n", stderr);
  }
  auto scanned = verify::ScanReplicas(
      cluster, *history, options, checker, [&](const verify::ScanProgress& at) {
        if (!progress.due()) return;
        progress.Show({{"partition", std::to_string(at.partition)},
                       {"broker", std::to_string(at.broker)},
                       {"records_read", std::to_string(at.records)}});
      });
  progress.Finish();
  if (!scanned) return std::unexpected(std::move(scanned).error());
  const auto findings = checker.Finish();
  PrintFindings(findings, setup.format);
  std::string summary = "verify: topic " + history->topic + ": " +
                        std::to_string(checker.acknowledged()) + " acknowledged, " +
                        std::to_string(checker.unknown()) + " unacknowledged, " +
                        std::to_string(checker.records_read()) + " read from all replicas";
  for (const auto& [kind, count] : findings.counts) {
    summary += ", " + std::to_string(count) + " " + std::string(Name(kind));
  }
  summary += findings.empty() ? ": right" : ": WRONG";
  std::fprintf(setup.format == Format::kJson ? stderr : stdout, "%s\n", summary.c_str());
  return findings.empty();
}

Result<verify::ScanOptions> ReadScanOptions(const Arguments& arguments) {
  auto settle = ReadNumber(arguments, "--settle-seconds", {.last = 86'400});
  if (!settle) return std::unexpected(std::move(settle).error());
  return verify::ScanOptions{.settle = std::chrono::seconds(*settle),
                             .leaders_only = arguments.Has("--leaders-only")};
}

int Check(const Arguments& arguments, const ClientSetup& setup, const std::string& path) {
  auto options = ReadScanOptions(arguments);
  if (!options) return UsageError(options.error());
  auto right = CheckRecords(setup, path, *options);
  if (!right) return OperationError(right.error());
  return *right ? kExitOk : kExitError;
}

int RunCheck(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  return Check(arguments, *setup, arguments.Text("HISTORY"));
}

int RunWrite(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto write = ReadWriteSetup(arguments, *setup);
  if (!write) return UsageError(write.error());
  if (auto written = WriteRecords(*write); !written) return OperationError(written.error());
  return kExitOk;
}

int RunBoth(const Arguments& arguments) {
  if (const int code = RunWrite(arguments); code != kExitOk) return code;
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  return Check(arguments, *setup, arguments.Text("--history"));
}

std::vector<Option> WriteOptionList() {
  return {
      {.name = "--topic", .value = "TOPIC", .help = "Made if missing", .default_value = "verify"},
      {.name = "--partitions",
       .value = "N",
       .help = "Of a new topic; 0: the cluster's default, or the topic as it is",
       .default_value = "0"},
      {.name = "--producers", .value = "N", .help = "Idempotent ones", .default_value = "4"},
      {.name = "--plain-producers",
       .value = "N",
       .help = "Ones without idempotence, which send nothing twice",
       .default_value = "0"},
      {.name = "--rate",
       .value = "N",
       .help = "Records a second of all together; 0: as fast as it goes",
       .default_value = "1000"},
      {.name = "--seconds", .value = "N", .help = "How long to write", .default_value = "10"},
      {.name = "--value-bytes", .value = "N", .help = "Of each record", .default_value = "256"},
      {.name = "--batch-records", .value = "N", .help = "In each batch", .default_value = "10"},
      {.name = "--in-flight",
       .value = "N",
       .help = "Requests to one broker without an answer",
       .default_value = "5"},
      {.name = "--compression",
       .short_name = "-z",
       .value = "CODEC",
       .help = "none, gzip, snappy, lz4 or zstd",
       .default_value = "none"},
      {.name = "--delivery-timeout-ms",
       .value = "MS",
       .help = "When to give up on a batch",
       .default_value = "60000"},
      {.name = "--history",
       .value = "FILE",
       .help = "Where to write what was invoked and acknowledged",
       .default_value = "kronika-verify.history"}};
}

std::vector<Option> CheckOptionList() {
  return {{.name = "--settle-seconds",
           .value = "N",
           .help = "How long a replica may take to come up to the end",
           .default_value = "30"},
          {.name = "--leaders-only", .help = "Do not read from followers"}};
}

std::vector<Option> Both(std::vector<Option> first, const std::vector<Option>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

CommandList VerifyCommands() {
  const Option history{
      .name = "HISTORY", .help = "The file that `verify write` made", .required = true};
  return {{.noun = "verify",
           .verb = "run",
           .help = "Write, then check",
           .options = WithClientOptions(Both(WriteOptionList(), CheckOptionList())),
           .run = &RunBoth},
          {.noun = "verify",
           .verb = "write",
           .help = "Write records and a history of what was acknowledged",
           .options = WithClientOptions(WriteOptionList()),
           .run = &RunWrite},
          {.noun = "verify",
           .verb = "check",
           .help = "Read all replicas and hold them against a history; exit code 1 if wrong",
           .options = WithClientOptions(Both({history}, CheckOptionList())),
           .run = &RunCheck}};
}

}  // namespace kronika::cmd
