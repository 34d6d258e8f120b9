// Moving and deleting a consumer group's offsets; see group_offsets.h.
//
// 1. A group with members is left alone: they would go on where they are and commit over it.
// 2. A new offset lies between the start and the end of its partition's log.
#include "cmd/kronika/group_offsets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "cmd/client/admin.h"
#include "cmd/client/consumer_groups.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/time_text.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using client::CommittedOffsets;
using client::Coordinator;
using client::TopicPartition;
using Offsets = std::map<std::int32_t, std::int64_t>;

enum class To { kEarliest, kLatest, kCurrent, kOffset, kShift, kTime };
struct Target {
  To to = To::kEarliest;
  std::int64_t number = 0;  // of kOffset, kShift and kTime (milliseconds since 1970)
};

constexpr std::array<std::pair<std::string_view, To>, 7> kTargets = {{
    {"--to-earliest", To::kEarliest},
    {"--to-latest", To::kLatest},
    {"--to-current", To::kCurrent},
    {"--to-offset", To::kOffset},
    {"--shift-by", To::kShift},
    {"--to-datetime", To::kTime},
    {"--by-duration", To::kTime},
}};

Result<std::int64_t> NumberOf(const Arguments& arguments, std::string_view option) {
  if (option == "--to-offset") return ReadNumber(arguments, option, {});
  if (option == "--shift-by") return ReadNumber(arguments, option, {.first = INT64_MIN});
  if (option == "--to-datetime") return ParseDateTime(arguments.Text(option));
  if (option == "--by-duration") {
    auto duration = ParseDuration(arguments.Text(option));
    if (duration) *duration = client::WallMilliseconds() - *duration;
    return duration;
  }
  return 0;
}

Result<Target> ReadTarget(const Arguments& arguments) {
  std::optional<Target> target;
  for (const auto& [option, to] : kTargets) {
    if (!arguments.Has(option)) continue;
    if (target) {
      return Fail(ErrorCode::kInvalidArgument, "there is more than one place to reset to",
                  std::string(option));
    }
    auto number = NumberOf(arguments, option);
    if (!number) return std::unexpected(std::move(number).error());
    target = Target{.to = to, .number = *number};
  }
  if (!target) {
    std::string all;
    for (const auto& [option, to] : kTargets) all += " " + std::string(option);
    return Fail(ErrorCode::kInvalidArgument, "where to? One of" + all);
  }
  return *target;
}

// "TOPIC" or "TOPIC:0,2"; without numbers all partitions.
struct TopicChoice {
  std::string topic;
  std::vector<std::int32_t> partitions;
};

Result<TopicChoice> ParseChoice(std::string_view text) {
  const auto colon = text.find(':');
  TopicChoice out{.topic = std::string(text.substr(0, colon))};
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  bool good = !out.topic.empty() && (colon == std::string_view::npos || !rest.empty());
  while (good && !rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(','));
    std::int32_t partition = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), partition);
    good = error == std::errc() && end == word.data() + word.size() && partition >= 0;
    out.partitions.push_back(partition);
    rest = word.size() == rest.size() ? "" : rest.substr(word.size() + 1);
  }
  if (good) return out;
  return Fail(ErrorCode::kInvalidArgument,
              "'" + std::string(text) + "' is not TOPIC or TOPIC:PARTITION,...", "--topic");
}

Result<std::vector<TopicChoice>> ReadChoices(const Arguments& arguments) {
  std::vector<TopicChoice> out;
  for (const auto& text : arguments.List("--topic")) {
    auto choice = ParseChoice(text);
    if (!choice) return std::unexpected(std::move(choice).error());
    out.push_back(std::move(*choice));
  }
  return out;
}

// The partitions that are meant, with the ends of their logs.
struct Logs {
  std::map<std::string, Offsets> starts;
  std::map<std::string, Offsets> ends;
  std::vector<TopicPartition> chosen;
};

Result<Logs> LogsOf(Cluster& cluster, const std::vector<TopicChoice>& choices,
                    client::Moment deadline) {
  Logs logs;
  for (const auto& choice : choices) {
    auto starts = client::ListOffsets(cluster, choice.topic, client::kStartOfLog, deadline);
    if (!starts) return std::unexpected(std::move(starts).error());
    auto ends = client::ListOffsets(cluster, choice.topic, client::kEndOfLog, deadline);
    if (!ends) return std::unexpected(std::move(ends).error());
    for (const auto partition : choice.partitions) {
      if (starts->contains(partition) && ends->contains(partition)) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  "the topic has only " + std::to_string(starts->size()) + " partitions",
                  TopicPartition{choice.topic, partition}.Describe());
    }
    for (const auto& [partition, start] : *starts) {
      const auto& wanted = choice.partitions;
      const bool all = wanted.empty();
      if (!ends->contains(partition)) continue;
      if (all || std::ranges::find(wanted, partition) != wanted.end()) {
        logs.chosen.push_back({choice.topic, partition});
      }
    }
    logs.starts[choice.topic] = std::move(*starts);
    logs.ends[choice.topic] = std::move(*ends);
  }
  std::ranges::sort(logs.chosen);
  logs.chosen.erase(std::ranges::unique(logs.chosen).begin(), logs.chosen.end());
  return logs;
}

struct Move {
  TopicPartition where;
  std::optional<std::int64_t> from;
  std::int64_t to = 0;
};

// Of partitions whose log has nothing at or after the time, the end is meant.
Result<Offsets> AtTime(Cluster& cluster, const std::string& topic, std::int64_t time,
                       const Offsets& ends, client::Moment deadline) {
  auto found = client::ListOffsets(cluster, topic, std::max<std::int64_t>(0, time), deadline);
  if (!found) return found;
  for (auto& [partition, offset] : *found) {
    const auto end = ends.find(partition);
    if (offset < 0 && end != ends.end()) offset = end->second;
  }
  return found;
}

Result<std::vector<Move>> PlanMoves(Cluster& cluster, const Logs& logs, const Target& target,
                                    const CommittedOffsets& committed, client::Moment deadline) {
  std::vector<Move> moves;
  std::map<std::string, Offsets> at_time;
  for (const auto& each : logs.chosen) {
    const std::int64_t start = logs.starts.at(each.topic).at(each.partition);
    const std::int64_t end = logs.ends.at(each.topic).at(each.partition);
    Move move{.where = each};
    if (const auto found = committed.find(each); found != committed.end()) {
      move.from = found->second.offset;
    }
    if (target.to == To::kTime && !at_time.contains(each.topic)) {
      auto found = AtTime(cluster, each.topic, target.number, logs.ends.at(each.topic), deadline);
      if (!found) return std::unexpected(std::move(found).error());
      at_time[each.topic] = std::move(*found);
    }
    switch (target.to) {
      case To::kEarliest:
        move.to = start;
        break;
      case To::kLatest:
        move.to = end;
        break;
      case To::kCurrent:
        move.to = move.from.value_or(end);
        break;
      case To::kOffset:
        move.to = target.number;
        break;
      case To::kShift:
        if (!move.from) {
          return Fail(ErrorCode::kInvalidArgument,
                      "nothing is committed, so nothing can be shifted", each.Describe());
        }
        if (__builtin_add_overflow(*move.from, target.number, &move.to)) {
          move.to = target.number > 0 ? end : start;
        }
        break;
      case To::kTime:
        move.to = at_time[each.topic].contains(each.partition) ? at_time[each.topic][each.partition]
                                                               : end;
        break;
    }
    move.to = std::clamp(move.to, start, std::max(start, end));
    moves.push_back(std::move(move));
  }
  return moves;
}

// Prints what is done to each partition, and of what was refused the reason.
int PrintResults(Format format, const std::vector<Move>& moves,
                 const client::PartitionErrors& errors) {
  Table table({{"TOPIC", "topic"},
               {"PARTITION", "partition", CellKind::kNumber},
               {"COMMITTED", "committed_offset", CellKind::kNumber},
               {"NEW", "new_offset", CellKind::kNumber},
               {"ERROR", "error"}});
  for (const auto& each : moves) {
    const auto error = errors.find(each.where);
    table.Add({each.where.topic, std::to_string(each.where.partition),
               each.from ? std::to_string(*each.from) : "", std::to_string(each.to),
               error == errors.end() ? "" : std::string(kafka::Name(error->second))});
  }
  Print(format, table);
  return errors.empty() ? kExitOk : kExitError;
}

Status RequireNoMembers(Coordinator& coordinator, client::Moment deadline) {
  auto info = client::DescribeGroup(coordinator, deadline);
  if (!info) return std::unexpected(std::move(info).error());
  if (info->state == "Empty" || info->state == "Dead") return {};
  return Fail(ErrorCode::kInvalidArgument,
              "the group is " + info->state + ": its " + std::to_string(info->members.size()) +
                  " members have to stop first",
              "consumer group " + coordinator.group());
}

// With --all-topics, those that the group has committed offsets of.
Result<std::vector<TopicChoice>> Choices(std::vector<TopicChoice> named, bool all,
                                         const CommittedOffsets& committed) {
  if (!all) return named;
  named.clear();
  for (const auto& [where, offset] : committed) {
    if (named.empty() || named.back().topic != where.topic) {
      named.push_back({.topic = where.topic, .partitions = {}});
    }
    named.back().partitions.push_back(where.partition);
  }
  if (!named.empty()) return named;
  return Fail(ErrorCode::kNotFound, "the group has no committed offsets; name a --topic");
}

Result<client::PartitionErrors> Execute(Coordinator& coordinator, const std::vector<Move>& moves,
                                        client::Moment deadline) {
  CommittedOffsets offsets;
  for (const auto& each : moves) offsets[each.where] = {.offset = each.to};
  return client::CommitOffsets(coordinator, {}, offsets, deadline);
}

struct Reset {
  Target target;
  std::vector<TopicChoice> choices;
};

Result<Reset> ReadReset(const Arguments& arguments) {
  auto target = ReadTarget(arguments);
  if (!target) return std::unexpected(std::move(target).error());
  auto choices = ReadChoices(arguments);
  if (!choices) return std::unexpected(std::move(choices).error());
  if (choices->empty() != arguments.Has("--all-topics")) {
    return Fail(ErrorCode::kInvalidArgument, "either --topic or --all-topics is needed");
  }
  return Reset{.target = *target, .choices = std::move(*choices)};
}

}  // namespace

int RunGroupReset(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto reset = ReadReset(arguments);
  if (!reset) return UsageError(reset.error());
  Cluster cluster(setup->options);
  Coordinator coordinator(cluster, arguments.Text("GROUP"));
  const auto deadline = client::Now() + setup->options.request_timeout;
  const bool dry_run = arguments.Has("--dry-run");
  if (auto free = RequireNoMembers(coordinator, deadline); !free) {
    if (!dry_run || free.error().code != ErrorCode::kInvalidArgument) {
      return OperationError(free.error());
    }
    std::fprintf(stderr, "kronika: %s\n", free.error().Describe().c_str());
  }
  auto committed = client::FetchCommitted(coordinator, {}, deadline);
  if (!committed) return OperationError(committed.error());
  auto choices = Choices(std::move(reset->choices), arguments.Has("--all-topics"), *committed);
  if (!choices) return OperationError(choices.error());
  auto logs = LogsOf(cluster, *choices, deadline);
  if (!logs) return OperationError(logs.error());
  auto moves = PlanMoves(cluster, *logs, reset->target, *committed, deadline);
  if (!moves) return OperationError(moves.error());
  if (dry_run) return PrintResults(setup->format, *moves, {});
  auto errors = Execute(coordinator, *moves, deadline);
  if (!errors) return OperationError(errors.error());
  return PrintResults(setup->format, *moves, *errors);
}

int RunGroupDeleteOffsets(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto choices = ReadChoices(arguments);
  if (!choices) return UsageError(choices.error());
  Cluster cluster(setup->options);
  Coordinator coordinator(cluster, arguments.Text("GROUP"));
  const auto deadline = client::Now() + setup->options.request_timeout;
  auto committed = client::FetchCommitted(coordinator, {}, deadline);
  if (!committed) return OperationError(committed.error());
  std::vector<TopicPartition> doomed;
  for (const auto& [where, offset] : *committed) {
    for (const auto& choice : *choices) {
      const auto& wanted = choice.partitions;
      if (choice.topic == where.topic &&
          (wanted.empty() || std::ranges::find(wanted, where.partition) != wanted.end())) {
        doomed.push_back(where);
        break;
      }
    }
  }
  if (doomed.empty()) {
    return OperationError({ErrorCode::kNotFound, "it has no committed offset there",
                           "consumer group " + coordinator.group()});
  }
  client::PartitionErrors errors;
  if (!arguments.Has("--dry-run")) {
    auto deleted = client::DeleteOffsets(coordinator, doomed, deadline);
    if (!deleted) return OperationError(deleted.error());
    errors = std::move(*deleted);
  }
  Table table({{"TOPIC", "topic"},
               {"PARTITION", "partition", CellKind::kNumber},
               {"COMMITTED", "committed_offset", CellKind::kNumber},
               {"ERROR", "error"}});
  for (const auto& each : doomed) {
    const auto error = errors.find(each);
    table.Add({each.topic, std::to_string(each.partition),
               std::to_string(committed->at(each).offset),
               error == errors.end() ? "" : std::string(kafka::Name(error->second))});
  }
  Print(setup->format, table);
  return errors.empty() ? kExitOk : kExitError;
}

std::vector<Option> ResetOptions(const Option& group) {
  return {group,
          {.name = "--topic",
           .value = "TOPIC[:P,...]",
           .help = "A topic, or only these partitions of it; may be given again",
           .repeated = true},
          {.name = "--all-topics", .help = "Every partition with a committed offset"},
          {.name = "--to-earliest", .help = "To the start of the log"},
          {.name = "--to-latest", .help = "To the end of the log"},
          {.name = "--to-current", .help = "To the committed offset; to the end without one"},
          {.name = "--to-offset", .value = "N", .help = "To this offset"},
          {.name = "--shift-by", .value = "N", .help = "N records on, or back if negative"},
          {.name = "--to-datetime",
           .value = "TIME",
           .help = "To the first record from then on: 2026-11-21T17:05:00Z"},
          {.name = "--by-duration",
           .value = "TIME",
           .help = "To the first record of the last 90s, 2h, 7d, P1DT2H"},
          {.name = "--dry-run", .help = "Only say what would be done"}};
}

std::vector<Option> DeleteOffsetsOptions(const Option& group) {
  return {group,
          {.name = "--topic",
           .value = "TOPIC[:P,...]",
           .help = "A topic, or only these partitions of it; may be given again",
           .required = true,
           .repeated = true},
          {.name = "--dry-run", .help = "Only say what would be done"}};
}

}  // namespace kronika::cmd
