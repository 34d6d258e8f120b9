// `kronika start`: reads the node file and runs the daemon until SIGTERM or SIGINT.
#include <fmt/format.h>

#include <memory>

#include "cmd/kronika/build_info.h"
#include "cmd/kronika/command.h"
#include "cmd/kronika/daemon.h"
#include "cmd/kronika/node_file.h"
#include "cmd/kronika/signals.h"

namespace kronika::cmd {
namespace {

void LogFirstLine(Log& log, const config::Options& options) {
  const BuildInfo& build = ThisBuild();
  std::string listeners;
  for (const auto& listener : options.listeners) {
    listeners +=
        (listeners.empty() ? "" : ",") + listener.name + "://" + listener.address.Describe();
  }
  log.Info(
      "kronika {} commit {} built {}; broker {}; listeners {}; admin {}; data {}; durability {}; "
      "security {}",
      build.version, build.commit, build.time, options.node_id.value, listeners,
      options.admin_listener.Describe(), options.data_dir, options.durability,
      options.allow_insecure ? "none, on every address (allow_insecure)"
                             : "none, this machine only");
}

int RunDaemon(const config::Options& options, Signals& signals) {
  auto log = SpdlogLog::Make({.level = options.log_level,
                              .format = options.log_format == config::LogFormat::kJson
                                            ? LogFormat::kJson
                                            : LogFormat::kText});
  if (!log) return PrintError(log.error());
  LogFirstLine(**log, options);
  Daemon daemon(options, std::move(*log));
  return daemon.Run(signals);
}

int Start(const Arguments& arguments) {
  // Before any thread exists, so that all of them inherit the blocked signals.
  Signals signals;
  const auto options = LoadNodeFile(arguments);
  if (!options) {
    PrintError(options.error());
    return kExitUsage;
  }
  return RunDaemon(*options, signals);
}

}  // namespace

CommandList StartCommands() {
  return {{.noun = "start",
           .help = "Run a broker until SIGTERM or SIGINT",
           .options = NodeFileOptions(),
           .run = &Start}};
}

}  // namespace kronika::cmd
