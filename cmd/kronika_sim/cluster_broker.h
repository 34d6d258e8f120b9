// One simulated broker: its disk and store, which survive its deaths, and one life at a time of the
// process on them.
//
// One thread, one scheduler. Kill() is kill -9: what was handed to the operating system stays.
// Crash() is power loss.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/fake_disk.h"
#include "base/fake_files.h"
#include "base/fake_kv.h"
#include "base/sim_loop.h"
#include "broker/broker.h"
#include "cmd/kronika_sim/cluster_wire.h"
#include "raft/fake_transport.h"

namespace kronika::sim {

struct ClusterPlan {
  Uuid cluster;
  std::vector<metadata::FoundingVoter> founders;
  wal::JournalOptions journal;
  metadata::ConfigMap broker_defaults;
  Log* log = nullptr;
  std::function<void(const std::string&)> violate;
};

class SimBroker {
 public:
  SimBroker(SimScheduler& scheduler, raft::SimNetwork& network, Rng& rng, const ClusterPlan& plan,
            std::size_t number);
  ~SimBroker();

  void Start();
  void Kill();
  void Crash(const CrashOptions& options);
  // As the daemon does when it is asked to end: others lead first, then a last checkpoint. While it
  // runs; stopped() tells when only the end of the process is left.
  void BeginStop();
  bool stopped() const { return stopped_; }
  // The data directory is gone; what is started next has another, formatted to join.
  void LoseDisk(const Uuid& directory);
  void Pause() { loop_->Pause(); }
  void Resume() { loop_->Resume(); }

  bool alive() const { return loop_ != nullptr; }
  bool paused() const { return loop_ && loop_->paused(); }
  // Alive and through its start-up.
  bool running() const { return alive() && broker_ && broker_->started() && !ended_; }
  // The process ended by itself (a failed journal); what it said.
  bool ended() const { return ended_; }
  const std::string& end_reason() const { return end_reason_; }
  // Where clients reach it; null: it does not listen (yet, or any more).
  SimPort* port() { return listens_ ? port_.get() : nullptr; }
  BrokerId id() const { return id_; }
  broker::Broker& broker() { return *broker_; }
  SimLoop& loop() { return *loop_; }
  FakeDisk& disk() { return disk_; }
  FakeKvStore& store() { return store_; }
  std::size_t unsynced_batches() const { return store_.unsynced_batches(); }
  // The store names a checkpoint that the journal has no record of yet. While it runs.
  bool checkpoint_marked();
  // How many full installs lie staged on its disk.
  std::size_t staged_folders() const;
  // Leaderships that went back to preferred replicas from here, over all lives.
  std::uint64_t returned() const;
  std::uint64_t lives() const { return boot_epoch_; }

 private:
  void EndLife();
  void ServeWhenReady();

  SimScheduler& scheduler_;
  raft::SimNetwork& network_;
  const ClusterPlan& plan_;
  const BrokerId id_;
  Uuid directory_;
  bool joins_ = false;  // its directory names no founders
  SeededRng disk_rng_;
  FakeDisk disk_;
  FakeKvStore store_;
  std::uint64_t boot_epoch_ = 0;

  // One life, in the order of their making.
  std::unique_ptr<SeededRng> rng_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<FakeFiles> journal_files_;
  std::unique_ptr<FakeFiles> segment_files_;
  std::unique_ptr<FakeKv> kv_;
  std::unique_ptr<raft::Transport> transport_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<SimPort> port_;
  Rng& seeds_;
  bool ended_ = false;
  bool stopping_ = false;
  bool listens_ = false;  // a port that is closed keeps its dispatcher, and takes no client
  bool stopped_ = false;
  std::uint64_t returned_before_ = 0;  // in earlier lives
  std::string end_reason_;
};

}  // namespace kronika::sim
