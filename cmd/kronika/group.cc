// `kronika group`: lists, describes and deletes consumer groups. Their offsets: group_offsets.cc.
//
// Main thread.
#include <unistd.h>

#include <cstdio>

#include "cmd/client/consumer_groups.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/group_offsets.h"
#include "cmd/kronika/group_report.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using client::Coordinator;

constexpr client::Milliseconds kWatchEvery{1'000};

// Runs `show` once, or with --watch until the process is ended: an error is then printed and does
// not end it.
template <class Show>
int OnceOrWatch(const Arguments& arguments, Format format, Show show) {
  const bool watch = arguments.Has("--watch");
  const bool terminal = format == Format::kTable && isatty(STDOUT_FILENO) == 1;
  for (;;) {
    if (watch && terminal) std::fputs("\033[H\033[2J", stdout);
    Status shown = show();
    if (!watch) return shown ? kExitOk : OperationError(shown.error());
    if (!shown) OperationError(shown.error());
    if (format == Format::kTable) PrintLine("");
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return kExitOk;
    client::Pause(kWatchEvery);
  }
}

int List(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  const client::GroupFilter filter{.states = arguments.List("--state"),
                                   .types = arguments.List("--type")};
  Cluster cluster(setup->options);
  return OnceOrWatch(arguments, setup->format, [&]() -> Status {
    auto groups = client::ListGroups(cluster, filter);
    if (!groups) return std::unexpected(std::move(groups).error());
    Table table({{"GROUP", "group"},
                 {"STATE", "state"},
                 {"TYPE", "type"},
                 {"PROTOCOL-TYPE", "protocol_type"},
                 {"COORDINATOR", "coordinator", CellKind::kNumber}});
    for (const auto& each : *groups) {
      table.Add({each.group, each.state, each.type, each.protocol_type,
                 std::to_string(each.coordinator)});
    }
    Print(setup->format, table);
    return {};
  });
}

int Describe(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  Coordinator coordinator(cluster, arguments.Text("GROUP"));
  return OnceOrWatch(arguments, setup->format, [&]() -> Status {
    auto report = ReportGroup(coordinator, client::Now() + setup->options.request_timeout);
    if (!report) return std::unexpected(std::move(report).error());
    Print(setup->format, *report);
    return {};
  });
}

// What speaks against deleting the group, without deleting it.
Status WouldDelete(Coordinator& coordinator, client::Moment deadline) {
  auto info = client::DescribeGroup(coordinator, deadline);
  if (!info) return std::unexpected(std::move(info).error());
  const std::string where = "consumer group " + coordinator.group();
  if (info->state == "Dead") {
    return std::unexpected(client::FromKafka(kafka::KafkaError::kGroupIdNotFound, where));
  }
  if (info->members.empty()) return {};
  return std::unexpected(client::FromKafka(kafka::KafkaError::kNonEmptyGroup, where));
}

int Delete(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  const bool dry_run = arguments.Has("--dry-run");
  Cluster cluster(setup->options);
  Table table({{"GROUP", "group"}, {"RESULT", "result"}});
  bool good = true;
  for (const auto& group : arguments.List("GROUP")) {
    Coordinator coordinator(cluster, group);
    const auto deadline = client::Now() + setup->options.request_timeout;
    const Status done =
        dry_run ? WouldDelete(coordinator, deadline) : client::DeleteGroup(coordinator, deadline);
    good = good && done;
    table.Add({group, !done ? done.error().text : dry_run ? "would be deleted" : "deleted"});
  }
  Print(setup->format, table);
  return good ? kExitOk : kExitError;
}

constexpr Option kGroup{.name = "GROUP", .help = "The group's id", .required = true};
constexpr Option kWatch{.name = "--watch",
                        .short_name = "-w",
                        .help = "Again every second; with --format json a line each time"};

}  // namespace

CommandList GroupCommands() {
  return {{.noun = "group",
           .verb = "list",
           .help = "List consumer groups",
           .options = WithClientOptions({{.name = "--state",
                                          .value = "STATE",
                                          .help = "Only groups in this state; may be given again",
                                          .repeated = true},
                                         {.name = "--type",
                                          .value = "TYPE",
                                          .help = "Only groups of this type; may be given again",
                                          .repeated = true},
                                         kWatch}),
           .run = &List},
          {.noun = "group",
           .verb = "describe",
           .help = "Show a group's state, its members, and the lag of each partition",
           .options = WithClientOptions({kGroup, kWatch}),
           .run = &Describe},
          {.noun = "group",
           .verb = "reset-offsets",
           .help = "Move the committed offsets of a group without members",
           .options = WithClientOptions(ResetOptions(kGroup)),
           .run = &RunGroupReset},
          {.noun = "group",
           .verb = "delete",
           .help = "Delete groups that have no members, and their offsets",
           .options = WithClientOptions(
               {{.name = "GROUP", .help = "The groups' ids", .required = true, .repeated = true},
                {.name = "--dry-run", .help = "Only say what would be done"}}),
           .run = &Delete},
          {.noun = "group",
           .verb = "delete-offsets",
           .help = "Delete a group's committed offsets of topics that it does not read",
           .options = WithClientOptions(DeleteOffsetsOptions(kGroup)),
           .run = &RunGroupDeleteOffsets}};
}

}  // namespace kronika::cmd
