// Replicas: the partitions of this broker: made, recovered and removed as the metadata image says
// and the local disk allows.
//
//   image ──delta──▶ create / remove / settings           journal + manifests ──Recover──▶ groups
//   of the last life
//
// On the worker's loop.
// 1. A replica that the loaded image places here and that the disk does not know has lost its data:
//    it is fenced and never made again (SAFETY A3).
// 2. Data is removed only on a committed removal that is newer than the replica (A14); what the
//    image does not know is kept and not served.
// 3. A folder belongs to one group at a time: a new partition of an old name opens its log when the
//    old folder is out of the way.
// 4. Of the lives of a replica that the disk holds traces of, the one with the newest incarnation
//    counts; what the store says of earlier ones came back with a power loss (A4).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/kv.h"
#include "broker/partition/compactor.h"
#include "broker/partition/disk_reserve.h"
#include "broker/partition/fenced_partition.h"
#include "broker/partition/raft_partition.h"
#include "broker/store_keys.h"
#include "metadata/broker_configs.h"
#include "metadata/observer.h"
#include "raft/group_manager.h"
#include "raft/replica_record.h"
#include "wal/journal/verdict.h"

namespace kronika::broker {

struct ReplicasEnvironment {
  Loop& loop;
  Files& files;  // of the segments
  Kv& kv;
  raft::GroupManager& groups;
  Log& log;
  BrokerId self;
  Uuid directory;
  metadata::ConfigMap topic_defaults;
  metadata::BrokerSettings settings;
  // Tells the controller that a group led here has carried out a wish; asked again until the image
  // shows it.
  std::function<void(GroupId, std::uint64_t metadata_index)> report_membership;
  // What a partition's records add up to; null for most.
  std::function<std::unique_ptr<PartitionState>(const metadata::PartitionRef& place)> make_state;
  const DiskReserve* disk = nullptr;  // none: room is not looked at
  Rng* rng = nullptr;                 // none: compaction hashes keys without a secret
  std::size_t tail_cache_bytes = 256 << 20;
  std::size_t open_files_max = 1000;
};

// What the disk holds of the last life.
struct RecoveredReplicas {
  std::map<GroupId, raft::RecoveredGroup> journal;
  std::map<GroupId, wal::Manifest> manifests;
  wal::JournalVerdict verdict;
  std::map<GroupId, FencedReplica> fenced;                       // in an earlier life
  std::vector<std::pair<std::string, std::string>> states = {};  // every pair under kStatePrefix
  // Up to here the image's records were carried out: what they placed here and is missing is lost.
  Index carried_out;
  // Of the metadata group's log. Records up to there are applied again from the image on: what they
  // placed here may have been made, and lost, in an earlier life.
  Index metadata_last;
};

class Replicas final : public Partitions, public metadata::Observer {
 public:
  explicit Replicas(ReplicasEnvironment environment);
  ~Replicas() override;

  // Once, with the image that the store held, before any OnImage. The metadata group is not
  // touched.
  void Recover(RecoveredReplicas recovered, const metadata::ImagePtr& image);
  void Stop();

  Partition* Find(const Uuid& topic, std::int32_t partition) override;
  void OnImage(const metadata::ImagePtr& image, const metadata::Delta& delta) override;

  RaftPartition* FindGroup(GroupId group);
  // Whether the image places that replica in this directory, and it is not fenced. Until a broker
  // is replaced everywhere, the groups' members are those of its lost directory: they are not here.
  bool Expects(GroupId group, Incarnation incarnation) const;
  const std::map<GroupId, FencedReplica>& fenced() const { return fenced_; }
  const PartitionCounters& counters() const { return counters_; }
  const CompactionCounters& compaction() const { return compactor_->counters(); }
  // Producers are refused: the disk is nearly full.
  bool disk_low() const { return environment_.disk && environment_.disk->low(); }
  // Some replica's creation or removal is not in the journal yet: metadata must not be checkpointed
  // past its record (SAFETY A3), or the next life would find one that the image does not know.
  bool CreationsPending() const;

 private:
  enum class Life { kNone, kFromStore, kFromJournal, kContradictory };
  Life LifeOf(const raft::RecoveredGroup* journal, const raft::ReplicaRecord* stored) const;
  Result<std::shared_ptr<StagedInstalls>> TakeJournal(raft::RecoveredGroup& journal,
                                                      raft::GroupSpec& spec, wal::Manifest& start);
  void RecoverGroup(GroupId id, raft::RecoveredGroup* journal, wal::Manifest* manifest,
                    const metadata::Image& image);
  // `succeeds_fenced`: the records of the fenced replica are still in the journal.
  void Create(const metadata::PartitionRef& place, raft::ReplicaId self, bool succeeds_fenced);
  void Remove(GroupId group);
  void ForgetData(GroupId group, const std::string& directory,
                  const std::shared_ptr<StagedInstalls>& staged = nullptr,
                  const std::vector<std::string>& state_keys = {});
  void ForgetStaged();
  // replicas_state.cc
  void TakeStates(std::vector<std::pair<std::string, std::string>> pairs);
  void ForgetUnknownStates();
  void KeepState(RaftPartition& partition, const metadata::PartitionRef& place);
  // replicas_fence.cc
  void Fence(GroupId group, const FencedReplica& replica);
  bool Succeeded(GroupId group, const FencedReplica& fenced, Incarnation newest);
  void ForgetFence(GroupId group);
  // Whether it was fenced.
  bool Unfence(GroupId group);
  // Whether what is fenced may be what the image names: no news of a later replica.
  bool StaysFenced(GroupId group, const metadata::PartitionRef& place,
                   const metadata::Image& image) const;
  void FenceSoon(GroupId group, const Error& error);
  struct Replica {
    raft::GroupSpec spec;
    wal::Manifest manifest;
    std::shared_ptr<StagedInstalls> staged;  // if an install's swap may be unfinished
  };
  void Add(Replica replica, const metadata::PartitionRef& place);
  void Place(GroupId group, const metadata::PartitionRef& place);
  void OpenWhenFree(GroupId group);
  void AccountForMissing(const metadata::Image& image, const std::set<GroupId>& removed,
                         Index carried_out);
  void RemoveUnplaced(const metadata::Image& image);
  void PursueWish(const metadata::PartitionRef& place);
  void OnTimer();
  PartitionEnvironment MakeEnvironment();
  std::unique_ptr<Compactor> MakeCompactor();

  ReplicasEnvironment environment_;
  wal::TailCache tail_cache_;
  wal::OpenFiles open_files_;
  PartitionCounters counters_;
  std::map<GroupId, RaftPartition*> partitions_;  // owned by their groups
  std::map<GroupId, FencedReplica> fenced_;
  Index metadata_last_;  // as recovered
  std::size_t removals_pending_ = 0;
  // What the store held at the start, by StateKeyPrefix, until its partition is placed.
  std::map<std::string, std::vector<std::pair<std::string, std::string>>, std::less<>> states_;
  FencedPartition fenced_partition_;
  std::set<std::string> retiring_;          // folders that their former replica still has to leave
  std::map<std::string, GroupId> folders_;  // who writes a folder, or is being removed from it
  bool awaits_image_ = false;  // some replica was placed by a record that the image has not reached
  metadata::ImagePtr image_;
  std::unique_ptr<Compactor> compactor_ = MakeCompactor();
  TimerId timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
