// `kronika topic consume`; see topic_records.h.
//
// 1. Records of one partition are printed in their order; partitions take turns.
// 2. Without -f it ends at the end offsets that it found when it began.
#include <cstdio>
#include <limits>

#include "cmd/client/admin.h"
#include "cmd/client/fetcher.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/health_view.h"
#include "cmd/kronika/record_printer.h"
#include "cmd/kronika/topic_records.h"
#include "cmd/kronika/wait_notice.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using Offsets = std::map<std::int32_t, std::int64_t>;

struct ConsumeSetup {
  std::string topic;
  std::optional<std::int32_t> partition;
  std::string from;  // "start", "end", a number, or "-N" records before the end
  std::uint64_t records_max = std::numeric_limits<std::uint64_t>::max();
  bool follow = false;
  RecordPrinter printer;
};

Result<ConsumeSetup> ReadConsumeSetup(const Arguments& arguments, Format format) {
  ConsumeSetup out{
      .topic = arguments.Text("TOPIC"),
      .from = arguments.Text("--offset"),
      .follow = arguments.Has("--follow"),
      .printer = {.format = format, .key_separator = arguments.Text("--key-separator")}};
  if (arguments.Has("--partition")) {
    auto partition = ReadNumber(arguments, "--partition", {.last = INT32_MAX});
    if (!partition) return std::unexpected(std::move(partition).error());
    out.partition = static_cast<std::int32_t>(*partition);
  }
  if (arguments.Has("--num")) {
    auto records = ReadNumber(arguments, "--num", {.first = 1});
    if (!records) return std::unexpected(std::move(records).error());
    out.records_max = static_cast<std::uint64_t>(*records);
  }
  if (out.from != "start" && out.from != "end") {
    auto offset = ReadNumber(arguments, "--offset", {.first = INT64_MIN});
    if (!offset) return std::unexpected(std::move(offset).error());
  }
  return out;
}

Result<Offsets> StartingOffsets(const ConsumeSetup& setup, Offsets starts, const Offsets& ends) {
  if (setup.from == "end") starts = ends;
  for (auto& [partition, offset] : starts) {
    if (setup.from == "start" || setup.from == "end") continue;
    const std::int64_t number = std::stoll(setup.from);
    offset = number >= 0 ? number : std::max(offset, ends.at(partition) + number);
  }
  if (!setup.partition) return starts;
  if (!starts.contains(*setup.partition)) {
    return Fail(ErrorCode::kInvalidArgument,
                "the topic has only " + std::to_string(starts.size()) + " partitions",
                "--partition");
  }
  return Offsets{{*setup.partition, starts.at(*setup.partition)}};
}

bool Ended(const client::TopicReader& reader, const Offsets& ends) {
  for (const auto& [partition, position] : reader.positions()) {
    if (position < ends.at(partition)) return false;
  }
  return true;
}

// Who follows waits for a leader as long as it takes, others for `patience`.
Status Read(client::TopicReader& reader, const ConsumeSetup& setup, const Offsets& ends,
            client::Milliseconds patience) {
  std::uint64_t printed = 0;
  while (printed < setup.records_max && (setup.follow || !Ended(reader, ends))) {
    KRONIKA_TRY(reader.Round([&](std::int32_t partition, const auto&, const auto& record) {
      if (printed >= setup.records_max) return;
      if (!setup.follow && record.offset >= ends.at(partition)) return;
      ++printed;
      setup.printer.Print(partition, record);
    }));
    if (RecordPrinter::OutputIsGone()) break;
    if (setup.follow) continue;
    if (auto stuck = reader.StuckFor(patience)) return std::unexpected(std::move(*stuck));
  }
  return {};
}

}  // namespace

int RunTopicConsume(const Arguments& arguments) {
  if (arguments.Has("--group")) return RunTopicConsumeAsMember(arguments);
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto consume = ReadConsumeSetup(arguments, setup->format);
  if (!consume) return UsageError(consume.error());
  setup->options.waits = WaitNotice();
  const auto failed = [&](const Error& error) {
    return TopicError(setup->options, consume->topic, error);
  };
  Cluster cluster(setup->options);
  const auto deadline = client::Now() + setup->options.request_timeout;
  auto starts = client::ListOffsets(cluster, consume->topic, client::kStartOfLog, deadline);
  if (!starts) return failed(starts.error());
  const auto ends = client::ListOffsets(cluster, consume->topic, client::kEndOfLog, deadline);
  if (!ends) return failed(ends.error());
  auto positions = StartingOffsets(*consume, *starts, *ends);
  if (!positions) return UsageError(positions.error());
  client::TopicReader reader(cluster, consume->topic, std::move(*positions));
  if (auto read = Read(reader, *consume, *ends, PatienceOf(setup->options)); !read) {
    return failed(read.error());
  }
  return kExitOk;
}

std::vector<Option> ConsumeOptions(const Option& topic) {
  return {topic,
          {.name = "--partition", .value = "N", .help = "Only this partition"},
          {.name = "--offset",
           .short_name = "-o",
           .value = "WHERE",
           .help = "start, end, an offset, or -N: N offsets before the end",
           .default_value = "start"},
          {.name = "--num", .short_name = "-n", .value = "N", .help = "End after N records"},
          {.name = "--follow", .short_name = "-f", .help = "Wait for new records at the end"},
          {.name = "--key-separator",
           .short_name = "-K",
           .value = "TEXT",
           .help = "Print each record's key and this before its value"},
          {.name = "--group",
           .short_name = "-g",
           .value = "GROUP",
           .help = "Read as a member of this consumer group and commit what was printed; --offset "
                   "start or end is for partitions without a committed offset"},
          {.name = "--assignor",
           .value = "range|sticky",
           .help = "How the group shares the partitions; may be given again, the first that all "
                   "members have is taken",
           .repeated = true},
          {.name = "--instance-id",
           .value = "ID",
           .help = "A static member: keeps its partitions when it is restarted in time"},
          {.name = "--session-timeout-ms",
           .value = "MS",
           .help = "A member that is silent for longer is out of the group",
           .default_value = "45000"}};
}

}  // namespace kronika::cmd
