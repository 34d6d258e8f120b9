// The order of a broker's start and end; see daemon.h.
#include "cmd/kronika/daemon.h"

#include <unistd.h>

#include <cstring>
#include <map>

#include "cmd/kronika/build_info.h"
#include "cmd/kronika/command.h"
#include "cmd/kronika/node_file.h"
#include "raft/grpc_transport.h"

namespace kronika::cmd {
namespace {

// Together below what deploy/cluster.sh waits before it kills.
constexpr Duration kHandOverMax = std::chrono::seconds(5);
constexpr Duration kStopMax = std::chrono::seconds(5);
// A leader beats every 150 ms.
constexpr Duration kSpeaksWithin = std::chrono::milliseconds(500);
constexpr Duration kReadyInterval = std::chrono::milliseconds(20);

broker::ServerOptions ServerOptionsOf(const config::Options& options,
                                      const metadata::BrokerSettings& settings) {
  broker::ServerOptions out{
      .memory = {.bytes_max = static_cast<std::size_t>(settings.request_memory_bytes_max)},
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

wal::JournalOptions JournalOptionsOf(const config::Options& options, const Uuid& directory) {
  wal::JournalOptions out{.files = options.journal_files, .file_bytes = options.journal_file_bytes};
  std::memcpy(&out.directory_id, directory.bytes.data(), sizeof out.directory_id);
  return out;
}

// Where other brokers are before the metadata log says so: what the node file names comes before
// the founding text's addresses, which may be of long ago.
std::map<BrokerId, HostPort> FirstAddresses(const config::Options& options,
                                            const metadata::Identity& identity) {
  std::map<BrokerId, HostPort> out;
  for (const auto& contact : identity.contacts) out[contact.broker] = contact.peer;
  for (const auto& peer : options.cluster_peers) out[peer.broker] = peer.address;
  out.erase(options.node_id);
  return out;
}

std::vector<BrokerId> FirstContactsOf(const config::Options& options,
                                      const metadata::Identity& identity) {
  std::vector<BrokerId> out;
  for (const auto& [broker, address] : FirstAddresses(options, identity)) out.push_back(broker);
  return out;
}

broker::BrokerConfig BrokerConfigOf(const config::Options& options,
                                    const metadata::Identity& identity,
                                    std::uint64_t process_nonce) {
  return {.self = {.broker = options.node_id,
                   .directory = identity.directory,
                   .boot_epoch = identity.boot_epoch,
                   .listeners = options.advertised_listeners,
                   .peer = options.PeerAddress(),
                   .rack = options.rack,
                   .format_nonce = identity.format_nonce,
                   .process_nonce = process_nonce},
          .cluster = identity.cluster,
          .founders = identity.voters,
          .first_contacts = FirstContactsOf(options, identity),
          .journal = JournalOptionsOf(options, identity.directory),
          .groups = {},
          .topic_defaults = options.topic_defaults,
          .broker_defaults = options.broker_defaults,
          .tail_cache_bytes = options.tail_cache_bytes,
          .disk_reserve_bytes = options.disk_reserve_bytes};
}

}  // namespace

Daemon::Daemon(const config::Options& options, std::unique_ptr<SpdlogLog> log)
    : options_(options),
      settings_(metadata::ResolveBrokerSettings(options.broker_defaults)),
      log_(std::move(log)),
      rng_(SystemEntropy()),
      process_nonce_(metadata::DrawNonce(rng_)),
      source_(options.node_id, std::string(ThisBuild().version)) {}

Daemon::~Daemon() {
  // The broker goes before what it stands on, the server's handlers before the broker.
  server_.reset();
  broker_.reset();
  transport_.reset();
}

int Daemon::Run(Signals& signals) {
  signals.Watch(loop_, [this] { BeginStop(); });
  const Status opened = Open();
  if (opened) {
    loop_.Run();
  } else if (!stopping_) {
    Tell(opened.error());
  }
  signals.StopWatching();
  if (exit_code_ == kExitOk) log_->Info("stopped");
  return exit_code_;
}

// The directory before the ports: a second process on both is told of the directory, which is the
// cause.
Status Daemon::Open() {
  auto directory = DataDirectory::Open(options_, loop_, *log_);
  if (!directory) return std::unexpected(std::move(directory).error());
  directory_ = std::move(*directory);
  auto server = broker::Server::Open({.loop = &loop_, .log = log_.get(), .source = &source_},
                                     ServerOptionsOf(options_, settings_));
  if (!server) return std::unexpected(std::move(server).error());
  server_ = std::move(*server);
  source_.Attach(server_.get());
  KRONIKA_TRY(OpenPeers());
  MakeBroker();
  broker_->Start([this](Status started) { OnStarted(std::move(started)); });
  return {};
}

Status Daemon::OpenPeers() {
  const metadata::Identity& identity = directory_->identity;
  const raft::PeerHello self{.cluster_id = identity.cluster.ToString(),
                             .broker = options_.node_id,
                             .uuid = identity.directory,
                             .format_nonce = identity.format_nonce,
                             .boot_epoch = identity.boot_epoch,
                             .process_nonce = process_nonce_};
  auto known = [this](const metadata::DirectoryClaim& claim) {
    if (!broker_ || !broker_->started()) return Status(Fail(ErrorCode::kUnavailable, "starting"));
    return broker_->CheckPeer(claim);
  };
  auto speaks = [this](BrokerId peer) {
    return broker_->groups().HeardWithin(peer, kSpeaksWithin);
  };
  guard_ = std::make_unique<broker::PeerGuard>(self, std::move(known), std::move(speaks));
  auto transport = raft::GrpcTransport::Start(
      loop_, *log_, {.listen_address = options_.peer_listener.Describe(), .self = self},
      [this](const raft::PeerHello& peer) { return guard_->Check(peer); });
  if (!transport) return std::unexpected(std::move(transport).error());
  transport_ = std::move(*transport);
  for (const auto& [broker, address] : FirstAddresses(options_, identity))
    transport_->SetPeerAddress(broker, address.Describe());
  return {};
}

void Daemon::MakeBroker() {
  broker_ = std::make_unique<broker::Broker>(
      broker::BrokerSeams{.loop = loop_,
                          .journal_files = *directory_->journal.files,
                          .segment_files = *directory_->segments,
                          .kv = *directory_->store,
                          .transport = *transport_,
                          .rng = rng_,
                          .log = *log_},
      BrokerConfigOf(options_, directory_->identity, process_nonce_),
      broker::Broker::Hooks{.on_fatal = [this](const Error&) { EndNow(kExitFatal); },
                            .peer_address =
                                [this](BrokerId peer, const HostPort& address) {
                                  transport_->SetPeerAddress(peer, address.Describe());
                                }});
  source_.Attach(broker_.get(), directory_->journal.why);
}

void Daemon::OnStarted(Status started) {
  if (stopping_) return;
  if (!started) return GiveUp(started.error());
  log_->Info("recovered");
  ServeWhenReady();
}

// Until the metadata log says again what was committed, this broker knows no topics, and a client
// that believed it would fail records instead of asking another broker.
void Daemon::ServeWhenReady() {
  if (stopping_) return;
  if (!broker_->NotReadyReason().empty()) {
    loop_.RunAfter(kReadyInterval, [this] { ServeWhenReady(); });
    return;
  }
  if (const Status served = server_->Serve(broker_->MakeServices()); !served)
    return GiveUp(served.error());
  log_->Info("clients are listened for");
}

void Daemon::GiveUp(const Error& error) {
  Tell(error);
  loop_.Stop();
}

// The reason is the last that is read of this broker.
void Daemon::Tell(const Error& error) {
  log_->Flush();
  exit_code_ = PrintError(error);
}

void Daemon::BeginStop() {
  if (stopping_) return;
  stopping_ = true;
  log_->Info("stopping");
  source_.SetStopping();
  if (!broker_ || !broker_->started()) return EndService();
  // Clients are served meanwhile: who asks for what moved is told where it is.
  broker_->HandOverLeaderships(kHandOverMax, [this] { EndService(); });
}

void Daemon::EndService() {
  if (server_) server_->Stop();
  if (!broker_ || !broker_->started()) return loop_.Stop();
  loop_.RunAfter(kStopMax, [this] {
    log_->Warn("the last checkpoint took too long; the next start replays the journal instead");
    EndNow(kExitOk);
  });
  broker_->Stop([this](Status stopped) {
    if (!stopped) log_->Warn("the journal was not closed: {}", stopped.error().Describe());
    loop_.Stop();
  });
}

// A disk that hangs would hold destructors for ever: nothing is destroyed but the log, which writes
// its last lines.
void Daemon::EndNow(int exit_code) {
  log_.reset();
  ::_exit(exit_code);
}

}  // namespace kronika::cmd
