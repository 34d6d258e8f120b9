// Daemon: one broker as a process: ports, data directory, peers, clients, and an orderly end.
//
//   admin port ─▶ data directory (lock, identity, store) ─▶ peer port ─▶ Broker::Start ─▶ Kafka
//   listeners
//
// Main thread, which becomes the broker's loop. Invariants:
// 1. Start-up waits for this broker's own disk only, never for another broker (decision D14).
// 2. When the broker can no longer trust its disk the process ends at once, with nothing waited for
//    but the log.
#pragma once

#include <memory>

#include "base/asio_loop.h"
#include "base/rng.h"
#include "base/spdlog_log.h"
#include "broker/broker.h"
#include "broker/broker_source.h"
#include "broker/peer_guard.h"
#include "broker/server.h"
#include "cmd/kronika/data_directory.h"
#include "cmd/kronika/signals.h"

namespace kronika::cmd {

class Daemon {
 public:
  Daemon(const config::Options& options, std::unique_ptr<SpdlogLog> log);
  ~Daemon();

  // Until the process is asked to end or cannot go on; the exit code.
  int Run(Signals& signals);

 private:
  Status Open();
  Status OpenPeers();
  void MakeBroker();
  void OnStarted(Status started);
  void ServeWhenReady();
  // Hands leaderships over, ends the service of clients, then the broker.
  void BeginStop();
  void EndService();
  void GiveUp(const Error& error);
  void Tell(const Error& error);
  [[noreturn]] void EndNow(int exit_code);

  const config::Options options_;
  const metadata::BrokerSettings settings_;
  std::unique_ptr<SpdlogLog> log_;
  AsioLoop loop_;
  SeededRng rng_;
  const std::uint64_t process_nonce_;
  broker::BrokerSource source_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<broker::PeerGuard> guard_;
  std::unique_ptr<raft::GrpcTransport> transport_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<broker::Server> server_;
  bool stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace kronika::cmd
