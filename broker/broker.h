// Broker: everything of one broker but sockets, gRPC, RocksDB files and the real clock: what the
// daemon runs and what the simulator runs three of.
//
//   Loop Files Kv Transport Rng ──▶ journal ─▶ groups ─▶ metadata image ─▶ replicas ─▶ services for
//   the Kafka handlers
//
// On one loop.
// 1. Start() waits for this broker's own disk, never for another broker (decision D14).
// 2. Recovery follows SAFETY §E: store, journal, metadata group, replicas.
// 3. A failed journal ends it: on_fatal is called once, nothing is acknowledged any more, and the
//    owner ends the process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/kv.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/rng.h"
#include "broker/checkpointer.h"
#include "broker/cluster/admin.h"
#include "broker/cluster/controller_calls.h"
#include "broker/cluster/controller_link.h"
#include "broker/cluster/controller_service.h"
#include "broker/cluster/hand_over.h"
#include "broker/cluster/joiner.h"
#include "broker/cluster/leadership.h"
#include "broker/cluster/membership.h"
#include "broker/cluster/preferred_returns.h"
#include "broker/cluster/watermarks.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/report.h"
#include "broker/partition/replicas.h"
#include "broker/topic_creator.h"
#include "metadata/directory_claim.h"
#include "metadata/state_machine.h"
#include "raft/group_manager.h"
#include "raft/journal_log_store.h"
#include "wal/journal/journal.h"

namespace kronika::broker {

struct BrokerSeams {
  Loop& loop;
  Files& journal_files;
  Files& segment_files;
  Kv& kv;
  raft::Transport& transport;
  Rng& rng;
  Log& log;
};

struct BrokerConfig {
  metadata::BrokerRegistered self;  // id, directory, boot epoch, listeners, peer address, rack
  Uuid cluster;
  std::vector<metadata::FoundingVoter> founders;  // empty: this broker joins an existing cluster
  std::vector<BrokerId>
      first_contacts;  // whom a broker that joins listens to before it has an image
  wal::JournalOptions journal;
  raft::ManagerOptions groups;
  metadata::ConfigMap topic_defaults;
  metadata::ConfigMap broker_defaults;
  std::size_t tail_cache_bytes = 256 << 20;
  std::uint64_t disk_reserve_bytes = 0;  // broker/partition/disk_reserve.h
};

class Broker {
 public:
  struct Hooks {
    std::function<void(const Error&)> on_fatal;
    std::function<void(BrokerId, const HostPort&)> peer_address;
    // Puts a watcher between the groups and their log store; null: none. For simulations.
    std::function<std::unique_ptr<raft::LogStore>(std::unique_ptr<raft::LogStore>)> watch_log;
  };

  Broker(BrokerSeams seams, BrokerConfig config, Hooks hooks);
  ~Broker();

  // Opens the journal and brings back what the disk holds. kFenced: this directory must not be used
  // again.
  void Start(Done<void> done);
  // Before Stop, while clients are still served: others lead what was led here, within `limit` as
  // far as they can.
  void HandOverLeaderships(Duration limit, Thunk done);
  // Checkpoints, so that the next start has little to replay, and closes the journal.
  void Stop(Done<void> done);

  bool started() const { return groups_ != nullptr && started_; }
  // Why clients are not served yet; empty: they are.
  std::string NotReadyReason() const;
  // Whether a broker that says hello is who the image knows (D-8).
  Status CheckPeer(const metadata::DirectoryClaim& claim) const;

  // After Start.
  Services MakeServices();
  raft::GroupManager& groups() { return *groups_; }
  Replicas& replicas() { return *replicas_; }
  GroupCoordinator& group_coordinator() { return *group_coordinator_; }
  std::vector<admin::ConsumerGroupSummary> ConsumerGroups() const;
  Loop& loop() { return seams_.loop; }
  ControllerLink& controller() { return *controller_link_; }
  wal::Journal& journal() { return *journal_; }
  Checkpointer& checkpointer() { return *checkpointer_; }
  metadata::ImagePtr Image() const { return machine_ ? machine_->image() : nullptr; }
  const LeaderTransfers& transfers() const { return *transfers_; }
  const Leadership& leadership() const { return *leadership_; }
  const BrokerConfig& config() const { return config_; }
  BrokerId ControllerId() const;

 private:
  struct Loaded;
  class ImageObserver;
  Status Load(Loaded& loaded);
  void OpenJournal(std::shared_ptr<Loaded> loaded, Done<void> done);
  void TakeJournal(std::shared_ptr<Loaded> loaded, wal::OpenedJournal opened, Done<void> done);
  void Assemble(Loaded& loaded, std::unique_ptr<metadata::StateMachine> machine);
  void AddMetadataGroup(Loaded& loaded, std::unique_ptr<metadata::StateMachine> machine);
  void MakeController();
  void JoinAs(raft::ReplicaId replica);
  bool WasReplaced(const metadata::Image& image);
  Status CheckSelf(const metadata::Image& image) const;
  void MakeClusterParts();
  void MakeLeaderParts();
  std::vector<Coordinated> CoordinatedHere() const;
  void Fatal(const Error& error);

  BrokerSeams seams_;
  BrokerConfig config_;
  Hooks hooks_;
  metadata::BrokerSettings settings_;
  bool started_ = false;
  bool fatal_ = false;
  bool known_ = false;  // an image named this directory

  std::unique_ptr<wal::Journal> journal_;
  std::unique_ptr<raft::LogStore> store_;
  std::unique_ptr<raft::GroupManager> groups_;
  metadata::StateMachine* machine_ =
      nullptr;  // owned by the metadata group, or by the next line until there is one
  std::unique_ptr<metadata::StateMachine> waiting_machine_;
  std::unique_ptr<Leadership> leadership_;
  std::unique_ptr<ControllerService> service_;
  std::unique_ptr<ControllerCalls> controller_calls_;
  std::unique_ptr<ControllerLink> controller_link_;
  std::unique_ptr<LeaderTransfers> transfers_;
  std::unique_ptr<Elections> elections_;
  std::unique_ptr<PreferredReturns> returns_;
  std::unique_ptr<HandOver> hand_over_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<TopicCreator> creator_;
  std::unique_ptr<ClusterMembership> membership_;
  std::unique_ptr<Joiner> joiner_;
  DiskReserve disk_;
  std::unique_ptr<GroupCoordinator> group_coordinator_;
  std::unique_ptr<Replicas> replicas_;
  std::unique_ptr<Watermarks> watermarks_;
  std::unique_ptr<ImageObserver> observer_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
