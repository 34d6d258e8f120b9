// `kronika format`: founds a cluster. One call prints the founding text; each broker's directory is
// formatted from it.
//
// Main thread, before anything runs. Source: safety rule A12 (founding is an act). A formatted
// directory is never overwritten; formatting it again from the same text is success.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/lock_file.h"
#include "base/rng.h"
#include "base/thread_files.h"
#include "cmd/kronika/command.h"
#include "cmd/kronika/data_directory.h"
#include "cmd/kronika/node_file.h"
#include "cmd/kronika/output.h"
#include "metadata/identity_file.h"

namespace kronika::cmd {
namespace {

int UsageError(std::string_view text) {
  std::fprintf(stderr, "kronika: %.*s\n", static_cast<int>(text.size()), text.data());
  return kExitUsage;
}

// "1@HOST:PORT,2@HOST:PORT"
Result<std::vector<metadata::FoundingBroker>> ParseBrokers(const std::string& text) {
  config::Options scratch;
  for (const auto& option : config::OptionTable()) {
    if (option.name == "cluster_peers") KRONIKA_TRY(option.set(scratch, text));
  }
  std::vector<metadata::FoundingBroker> out;
  for (auto& peer : scratch.cluster_peers)
    out.push_back({.broker = peer.broker, .peer = std::move(peer.address)});
  return out;
}

int PrintText(const std::string& brokers) {
  auto parsed = ParseBrokers(brokers);
  if (!parsed) return UsageError("--brokers: " + parsed.error().Describe());
  SeededRng rng(SystemEntropy());
  const auto text = metadata::Found(std::move(*parsed), rng);
  if (!text) return UsageError("--brokers: " + text.error().Describe());
  std::fputs(metadata::PrintFoundingText(*text).c_str(), stdout);
  return kExitOk;
}

Result<metadata::FoundingText> ReadText(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return Fail(ErrorCode::kNotFound, "the founding text cannot be opened", path);
    text << file.rdbuf();
    if (!file) return Fail(ErrorCode::kIo, "the founding text cannot be read", path);
  }
  return metadata::ParseFoundingText(text.str());
}

// A fresh directory for a broker that lost its own: of the same cluster, under a UUID that nobody
// knows yet.
metadata::Identity SuccessorFrom(const metadata::FoundingText& text, BrokerId broker, Rng& rng) {
  return metadata::JoinerIdentity(text, broker, metadata::DrawUuid(rng));
}

// The directory's UUID.
Result<Uuid> FormatFrom(const config::Options& options, const std::string& path, bool replaces) {
  const auto text = ReadText(path);
  if (!text) return std::unexpected(text.error());
  SeededRng rng(SystemEntropy());
  auto identity = replaces ? Result<metadata::Identity>(SuccessorFrom(*text, options.node_id, rng))
                           : metadata::IdentityFrom(*text, options.node_id);
  if (!identity) return std::unexpected(identity.error());
  identity->format_nonce = metadata::DrawNonce(rng);
  AsioLoop loop;
  auto files = ThreadFiles::Make({.root = options.data_dir}, loop);
  if (!files) return std::unexpected(std::move(files).error());
  const std::string lock_path = fmt::format("{}/{}", options.data_dir, metadata::kDirectoryLock);
  const bool was_locked_before = std::filesystem::exists(lock_path);
  auto lock = LockFile::Acquire(lock_path);
  if (!lock) return std::unexpected(std::move(lock).error());
  const Status formatted = Await<void>(
      loop, [&](auto done) { metadata::FormatDirectory(**files, *identity, std::move(done)); });
  // A directory that is somebody else's stays as it was.
  if (!formatted && !was_locked_before) std::filesystem::remove(lock_path);
  if (!formatted) return std::unexpected(formatted.error());
  return identity->directory;
}

void PrintForPeople(const config::Options& options, const Uuid& directory, bool replaces) {
  const auto broker = options.node_id.value;
  PrintLine(fmt::format("formatted {} for broker {}", options.data_dir, broker));
  PrintLine("directory " + directory.ToString());
  if (!replaces) return;
  PrintLine(
      fmt::format("next: start it, and tell the cluster once: kronika broker replace {} "
                  "--uuid {} --admin HOST:PORT",
                  broker, directory.ToString()));
}

void PrintForPrograms(const config::Options& options, const Uuid& directory) {
  Table table({{"DATA DIR", "data_dir"},
               {"BROKER", "broker", CellKind::kNumber},
               {"DIRECTORY", "directory"}});
  table.Add({options.data_dir, std::to_string(options.node_id.value), directory.ToString()});
  Print(Format::kJson, table);
}

int RunFormat(const Arguments& arguments) {
  const bool founds = arguments.Has("--brokers");
  if (founds == arguments.Has("--from") || founds == arguments.Has("--config")) {
    return UsageError(
        "give either --brokers, to print the founding text of a new cluster, or --config and "
        "--from, to format a broker's directory from it");
  }
  const auto format = ParseFormat(arguments.Text("--format"));
  if (!format) return UsageError(format.error().Describe());
  if (founds) return PrintText(arguments.Text("--brokers"));
  const auto options = LoadNodeFile(arguments);
  if (!options) {
    PrintError(options.error());
    return kExitUsage;
  }
  const bool replaces = arguments.Has("--replace");
  if (replaces && arguments.Text("--replace") != std::to_string(options->node_id.value)) {
    return UsageError(fmt::format("--replace: the node file is broker {}'s, not broker {}'s",
                                  options->node_id.value, arguments.Text("--replace")));
  }
  const auto formatted = FormatFrom(*options, arguments.Text("--from"), replaces);
  if (!formatted) return PrintError(formatted.error());
  if (*format == Format::kJson) {
    PrintForPrograms(*options, *formatted);
  } else {
    PrintForPeople(*options, *formatted, replaces);
  }
  return kExitOk;
}

std::vector<Option> FormatOptions() {
  std::vector<Option> out = NodeFileOptions();
  for (auto& option : out) option.required = false;
  out.push_back({.name = "--brokers",
                 .value = "ID@HOST:PORT,...",
                 .help = "Print the founding text of a new cluster of these brokers, by their peer "
                         "listeners"});
  out.push_back({.name = "--from",
                 .value = "FILE",
                 .help = "Format the data directory of --config from this founding text; - reads "
                         "the standard input"});
  out.push_back({.name = "--replace",
                 .value = "ID",
                 .help = "The broker lost its disk: format an empty directory that takes its place "
                         "once `kronika broker replace` was run"});
  out.push_back({.name = "--format",
                 .value = "table|json",
                 .help = "How it is said what was formatted",
                 .default_value = "table"});
  return out;
}

}  // namespace

CommandList FormatCommands() {
  return {{.noun = "format",
           .help = "Found a cluster: print its founding text, or format a data directory from it",
           .options = FormatOptions(),
           .run = &RunFormat}};
}

}  // namespace kronika::cmd
