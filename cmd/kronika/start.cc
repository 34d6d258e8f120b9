// `kronika start`: the daemon. Reads the node file, opens ports, runs the loop until SIGTERM or SIGINT.
#include <fmt/format.h>

#include <memory>

#include "base/asio_loop.h"
#include "base/spdlog_log.h"
#include "broker/server.h"
#include "broker/topic_creator.h"
#include "cmd/kronika/build_info.h"
#include "cmd/kronika/command.h"
#include "cmd/kronika/node_file.h"
#include "cmd/kronika/signals.h"
#include "cmd/kronika/standalone.h"

namespace kronika::cmd {
namespace {

// What the admin port tells of this process.
class Daemon final : public broker::admin::Source {
 public:
  Daemon(const config::Options& options, const Standalone& self) : options_(options), self_(self) {}

  void Attach(const broker::Server* server) { server_ = server; }

  broker::admin::Readiness Ready() const override {
    if (server_ != nullptr && server_->serving()) return {.ready = true};
    return {.ready = false, .reason = "starting"};
  }
  broker::admin::BrokerStatus Describe() const override {
    const auto image = self_.Image();
    const auto* broker = image->FindBroker(options_.node_id);
    return {.broker = {.id = options_.node_id,
                       .directory = broker->directory,
                       .cluster = image->cluster,
                       .version = std::string(ThisBuild().version),
                       .state = Ready().ready ? "running" : "starting"}};
  }
  void Collect(broker::admin::MetricsText& out) const override { server_->Collect(out); }

 private:
  const config::Options& options_;
  const Standalone& self_;
  const broker::Server* server_ = nullptr;
};

broker::ServerOptions ServerOptionsOf(const config::Options& options,
                                      const metadata::BrokerSettings& settings) {
  broker::ServerOptions out{
      .admin = {.host = options.admin_listener.host, .port = options.admin_listener.port}};
  for (const auto& listener : options.listeners) {
    out.listeners.push_back(
        {.name = listener.name,
         .host = listener.address.host,
         .port = listener.address.port,
         .limits = {.frame_bytes_max = static_cast<std::size_t>(settings.request_bytes_max)},
         .idle_max = std::chrono::milliseconds(settings.connection_idle_ms_max)});
  }
  return out;
}

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
  auto made = SpdlogLog::Make({.level = options.log_level,
                               .format = options.log_format == config::LogFormat::kJson
                                             ? LogFormat::kJson
                                             : LogFormat::kText});
  if (!made) return PrintError(made.error());
  Log& log = **made;
  LogFirstLine(log, options);
  const auto settings = metadata::ResolveBrokerSettings(options.broker_defaults);
  AsioLoop loop;
  Standalone self(loop, options);
  Daemon daemon(options, self);
  broker::TopicCreator creator(loop, log, self, settings);
  auto server = broker::Server::Open({.loop = &loop, .log = &log, .source = &daemon},
                                     ServerOptionsOf(options, settings));
  if (!server) return PrintError(server.error());
  daemon.Attach(server->get());
  const broker::Services services{.broker = options.node_id,
                                  .loop = &loop,
                                  .log = &log,
                                  .metadata = &self,
                                  .leadership = &self,
                                  .partitions = &self,
                                  .admin = &self,
                                  .creator = &creator,
                                  .settings = settings,
                                  .topic_defaults = options.topic_defaults,
                                  .broker_configs = options.broker_defaults};
  if (const auto served = (*server)->Serve(services); !served) return PrintError(served.error());
  signals.Watch(loop, [&] {
    log.Info("stopping");
    (*server)->Stop();
    loop.Stop();
  });
  loop.Run();
  log.Info("stopped");
  return kExitOk;
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
