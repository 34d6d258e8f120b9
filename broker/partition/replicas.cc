#include "broker/partition/replicas.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "broker/store_keys.h"
#include "metadata/directory_claim.h"
#include "metadata/wish.h"
#include "wal/log/directory.h"
#include "wal/log/names.h"

namespace kronika::broker {
namespace {

constexpr Duration kTimerPeriod = std::chrono::milliseconds(250);

std::string FolderOf(const metadata::PartitionRef& place) {
  return wal::PartitionDirectory(place.topic->name, place.partition->number);
}

}  // namespace

Replicas::Replicas(ReplicasEnvironment environment)
    : environment_(std::move(environment)),
      tail_cache_(environment_.tail_cache_bytes),
      open_files_(environment_.loop, environment_.files, environment_.open_files_max) {
  timer_ = environment_.loop.RunAfter(kTimerPeriod, [this] { OnTimer(); });
}

Replicas::~Replicas() {
  Stop();
}

void Replicas::Stop() {
  environment_.loop.Cancel(timer_);
  for (auto& [group, partition] : partitions_) {
    partition->Close();
    environment_.groups.CloseGroup(group);
  }
  partitions_.clear();
}

PartitionEnvironment Replicas::MakeEnvironment() {
  return {environment_.loop,
          environment_.files,
          environment_.kv,
          open_files_,
          tail_cache_,
          environment_.groups.leader_states(),
          environment_.log,
          counters_,
          environment_.groups.options().tick,
          [this](GroupId group, const Error& error) { FenceSoon(group, error); },
          [this](const Error& error) { environment_.groups.StoreFailed(error); },
          std::chrono::milliseconds(environment_.settings.replica_lag_max_ms),
          environment_.settings.producer_id_expiration_ms,
          environment_.disk};
}

// ---- The last life.

void Replicas::Recover(RecoveredReplicas recovered, const metadata::ImagePtr& image) {
  image_ = image;
  metadata_last_ = recovered.metadata_last;
  TakeStates(std::move(recovered.states));
  std::set<GroupId> known, removed;
  for (const auto& [id, group] : recovered.journal) known.insert(id);
  for (const auto& [id, manifest] : recovered.manifests) known.insert(id);
  // Nothing else may be left of a replica than that it is fenced, or that damaged records were its.
  for (const auto& [id, fenced] : recovered.fenced) known.insert(id);
  for (const auto& damage : recovered.verdict.damages)
    known.insert(damage.groups.begin(), damage.groups.end());
  known.erase(kMetadataGroup);
  for (GroupId id : known) {
    auto journal = recovered.journal.find(id);
    auto manifest = recovered.manifests.find(id);
    auto* in_journal = journal == recovered.journal.end() ? nullptr : &journal->second;
    auto* in_store = manifest == recovered.manifests.end() ? nullptr : &manifest->second;
    Incarnation newest = in_store ? in_store->incarnation : Incarnation{};
    if (in_journal && in_journal->created)
      newest = std::max(newest, in_journal->created->self.incarnation);
    if (in_journal && in_journal->removed) {
      removed.insert(id);
      if (in_store) ForgetData(id, in_store->directory);
    } else if (auto fenced = recovered.fenced.find(id);
               fenced != recovered.fenced.end() && !Succeeded(id, fenced->second, newest)) {
      fenced_[id] = fenced->second;
    } else if (recovered.verdict.Concerns(id)) {
      fenced_[id] = {newest, "the journal lost records that this replica had acknowledged"};
    } else {
      RecoverGroup(id, in_journal, in_store, *image);
    }
  }
  ForgetStaged();
  ForgetUnknownStates();
  RemoveUnplaced(*image);
  AccountForMissing(*image, removed, recovered.carried_out);
  // Remembered: what showed the damage may be gone at the next start.
  for (const auto& [id, fenced] : std::map(fenced_)) Fence(id, fenced);
  std::set<GroupId> here;
  for (const auto& [id, partition] : partitions_) here.insert(id);
  for (const auto& [id, fenced] : fenced_) here.insert(id);
  wal::RemoveLeftovers(
      environment_.files, std::move(here), [this, alive = std::weak_ptr(alive_)](Status removed) {
        if (!alive.lock() || removed) return;
        environment_.log.Warn("folders put aside stay: {}", removed.error().Describe());
      });
}

// Which life the disk holds of a replica: the newer of what the store and the journal name, by
// generation, then incarnation. The store's deletes are not synced, so that a power loss may bring
// the manifest of an earlier life back beside the record that began the next one.
Replicas::Life Replicas::LifeOf(const raft::RecoveredGroup* journal,
                                const raft::ReplicaRecord* stored) const {
  if (!stored) return journal && journal->created ? Life::kFromJournal : Life::kNone;
  if (!journal || !journal->created) return Life::kFromStore;
  const raft::Created& created = *journal->created;
  const auto begun = std::pair(created.generation, created.self.incarnation);
  const auto kept = std::pair(stored->generation, stored->self.incarnation);
  if (begun < kept) return Life::kContradictory;
  return begun > kept && !KRONIKA_PLANTED("manifest-decides-before-created") ? Life::kFromJournal
                                                                             : Life::kFromStore;
}

void Replicas::RecoverGroup(GroupId id, raft::RecoveredGroup* journal, wal::Manifest* manifest,
                            const metadata::Image& image) {
  raft::GroupSpec spec{.id = id};
  wal::Manifest start;
  Result<raft::ReplicaRecord> record;
  if (manifest) record = raft::DecodeReplicaRecord(manifest->replica);
  if (!record) {
    fenced_[id] = {manifest->incarnation, record.error().Describe()};
    return;
  }
  switch (LifeOf(journal, manifest ? &*record : nullptr)) {
    case Life::kNone:
      return;  // leftovers of a replica that never existed
    case Life::kContradictory:
      fenced_[id] = {record->self.incarnation, "the journal names an earlier replica"};
      return;
    case Life::kFromStore:
      spec.generation = record->generation;
      spec.self = record->self;
      spec.recovered = {record->hard_state, record->start, {}};
      start = std::move(*manifest);
      break;
    case Life::kFromJournal: {
      if (manifest) ForgetData(id, "");
      const raft::Created& created = *journal->created;
      spec.generation = created.generation;
      spec.self = created.self;
      spec.recovered.hard_state.term = created.floor;
      spec.recovered.start.membership = created.membership;
      start.group = id;
      start.generation = created.generation;
      start.incarnation = created.self.incarnation;
      break;
    }
  }
  Result<std::shared_ptr<StagedInstalls>> staged;
  if (journal) staged = TakeJournal(*journal, spec, start);
  if (!staged) {
    fenced_[id] = {spec.self.incarnation, staged.error().Describe()};
    return;
  }
  Add({std::move(spec), std::move(start), std::move(*staged)}, image.FindGroup(id));
}

// What the journal has beyond the start of this life; the install that it begins with, if its swap
// may be unfinished.
Result<std::shared_ptr<StagedInstalls>> Replicas::TakeJournal(raft::RecoveredGroup& journal,
                                                              raft::GroupSpec& spec,
                                                              wal::Manifest& start) {
  std::shared_ptr<StagedInstalls> staged;
  if (journal.hard_state) spec.recovered.hard_state = *journal.hard_state;
  if (journal.installed && journal.installed->start.index > spec.recovered.start.index) {
    staged = std::make_shared<StagedInstalls>(environment_.kv, spec.id);
    auto installed =
        staged->Take(journal.installed->start.index, AsBytes(journal.installed->manifest));
    if (!installed) return std::unexpected(installed.error());
    spec.recovered.start = journal.installed->start;
    installed->generation = spec.generation;
    installed->incarnation = spec.self.incarnation;
    start = std::move(*installed);
  }
  for (auto& entry : journal.entries) {
    if (entry.index > spec.recovered.start.index)
      spec.recovered.entries.push_back(std::move(entry));
  }
  return staged;
}

// Staged for installs that a crash ended, or that a checkpoint has passed.
void Replicas::ForgetStaged() {
  std::set<std::string> named;
  for (const auto& [id, partition] : partitions_) named.merge(partition->staged()->keys());
  std::set<GroupId> fenced;
  for (const auto& [id, replica] : fenced_) fenced.insert(id);
  if (auto status = ForgetUnnamed(environment_.kv, named, fenced); !status)
    environment_.log.Warn("staged manifests stay: {}", status.error().Describe());
}

// An install of the metadata may have passed the removal of a replica without its being carried
// out. An image that has the record that placed the replica, and not the replica, is the confirmed
// and newer removal that A14 asks for.
void Replicas::RemoveUnplaced(const metadata::Image& image) {
  if (KRONIKA_PLANTED("missed-removals-kept")) return;
  std::vector<GroupId> gone;
  std::map<std::string, int> users;
  awaits_image_ = false;
  for (const auto& [id, partition] : partitions_) {
    ++users[partition->directory()];
    const auto* group = environment_.groups.Find(id);
    const auto place = image.FindGroup(id);
    const auto placed =
        place ? place.partition->members.ReplicaOf(environment_.self) : raft::ReplicaId{};
    if (!group || group->self() == placed) continue;
    if (group->self().incarnation.value <= image.applied.value) {
      gone.push_back(id);
    } else {
      awaits_image_ = true;
    }
  }
  for (GroupId id : gone) {
    environment_.log.Info("group {}: its replica here was removed meanwhile", id.value);
    // Its folder goes, too, unless a successor has the name already.
    const std::string directory = FindGroup(id)->directory();
    if (!directory.empty() && users[directory] == 1) folders_.try_emplace(directory, id);
    Remove(id);
  }
}

// Replicas that the image places here and the disk does not know: lost if they were made once
// (SAFETY A3), else to be made now.
void Replicas::AccountForMissing(const metadata::Image& image, const std::set<GroupId>& removed,
                                 Index carried_out) {
  if (KRONIKA_PLANTED("missing-replica-created-again")) return;
  image.groups.ForEach([&](GroupId id, const metadata::GroupPlace&) {
    const auto place = image.FindGroup(id);
    const auto self =
        place ? place.partition->members.ReplicaOf(environment_.self) : raft::ReplicaId{};
    if (!place || !metadata::PlacedIn(image, self, environment_.directory)) return;
    if (partitions_.contains(id) || fenced_.contains(id) || removed.contains(id)) return;
    if (self.incarnation.value > carried_out.value) return Create(place, self, false);
    fenced_[id] = {self.incarnation, "its data is gone from this directory"};
  });
}

// ---- The image.

void Replicas::OnImage(const metadata::ImagePtr& image, const metadata::Delta& delta) {
  image_ = image;
  for (const auto& change : delta.groups) {
    const auto& place = change.after;
    GroupId id = (place ? place : change.before).partition->group;
    raft::ReplicaId self =
        place ? place.partition->members.ReplicaOf(environment_.self) : raft::ReplicaId{};
    auto local = environment_.groups.Find(id);
    // A start replays records that are older than the replica: what they placed here was its
    // predecessor (SAFETY A14).
    if (local && local->self().incarnation.value > image->applied.value &&
        !KRONIKA_PLANTED("older-record-removes-replica"))
      continue;
    if (local && local->self() != self) {
      Remove(id);  // gone, or replaced by a newer incarnation of this broker
      local = nullptr;
    }
    if (StaysFenced(id, place, *image)) continue;
    if (!place || !self.valid() ||
        (!local && !metadata::PlacedIn(*image, self, environment_.directory))) {
      Unfence(id);
      continue;
    }
    if (!local && (!fenced_.contains(id) || !change.before ||
                   change.before.partition->members.ReplicaOf(environment_.self) != self)) {
      const bool fenced = Unfence(id);
      Create(place, self, fenced);
    } else if (local) {
      Place(id, place);
    }
    PursueWish(place);
  }
  if (awaits_image_) RemoveUnplaced(*image);
  for (const auto& change : delta.topics) {
    if (!change.after || !change.before) continue;
    auto settings = metadata::ResolveSettings(*change.after, environment_.topic_defaults);
    for (const auto& partition : change.after->partitions) {
      if (auto* replica = FindGroup(partition->group)) replica->SetSettings(settings);
    }
  }
}

void Replicas::Create(const metadata::PartitionRef& place, raft::ReplicaId self,
                      bool succeeds_fenced) {
  const metadata::Partition& partition = *place.partition;
  bool founding = partition.BootsFounding(self);
  raft::Created created{.self = self};
  if (founding) {
    created.membership = partition.members.FoundingMembership();
    created.floor = partition.epoch_floor;
  }
  raft::GroupSpec spec{.id = partition.group,
                       .self = self,
                       .created = created,
                       .succeeds = succeeds_fenced && !KRONIKA_PLANTED("fenced-records-kept")};
  spec.recovered.hard_state.term = created.floor;
  spec.recovered.start.membership = created.membership;
  wal::Manifest manifest{
      .group = partition.group, .generation = created.generation, .incarnation = self.incarnation};
  Add({std::move(spec), std::move(manifest)}, place);
}

void Replicas::Add(Replica replica, const metadata::PartitionRef& place) {
  GroupId id = replica.spec.id;
  metadata::TopicSettings settings;
  if (place) settings = metadata::ResolveSettings(*place.topic, environment_.topic_defaults);
  auto machine =
      std::make_unique<RaftPartition>(MakeEnvironment(), std::move(replica.manifest), settings);
  RaftPartition* partition = machine.get();
  if (replica.staged) partition->SwapBeforeOpening(std::move(replica.staged));
  partitions_[id] = partition;
  partition->Bind(environment_.groups.AddGroup(std::move(replica.spec), std::move(machine)));
  if (place) Place(id, place);
}

// A replica learns its name: from its creation, or from the image some time after its recovery.
void Replicas::Place(GroupId group, const metadata::PartitionRef& place) {
  RaftPartition* partition = FindGroup(group);
  if (!partition || partition->open()) return;
  if (partition->directory().empty()) partition->SetDirectory(FolderOf(place));
  partition->SetSettings(metadata::ResolveSettings(*place.topic, environment_.topic_defaults));
  KeepState(*partition, place);
  OpenWhenFree(group);
}

void Replicas::OpenWhenFree(GroupId group) {
  RaftPartition* partition = FindGroup(group);
  if (!partition || partition->open()) return;
  if (retiring_.contains(partition->directory())) return;
  auto [owner, free] = folders_.try_emplace(partition->directory(), group);
  if (free || owner->second == group) partition->OpenLog();
}

void Replicas::Remove(GroupId group) {
  RaftPartition* partition = FindGroup(group);
  if (!partition) return;
  std::string directory = partition->directory();
  auto owner = folders_.find(directory);
  if (owner == folders_.end() || owner->second != group)
    directory.clear();  // it never had the folder
  if (!directory.empty()) retiring_.insert(directory);
  auto staged = partition->staged();
  auto state_keys = partition->StateKeys();
  partition->Close();
  partitions_.erase(group);
  ++removals_pending_;
  environment_.groups.RemoveGroup(group,
                                  [this, alive = std::weak_ptr(alive_), group, directory, staged,
                                   state_keys = std::move(state_keys)](Status removed) {
                                    if (!alive.lock() || !removed)
                                      return;  // a failed journal ends the process
                                    --removals_pending_;
                                    ForgetData(group, directory, staged, state_keys);
                                  });
}

// The journal says that the replica is no more: its manifest goes, its folder is renamed, then
// emptied.
void Replicas::ForgetData(GroupId group, const std::string& directory,
                          const std::shared_ptr<StagedInstalls>& staged,
                          const std::vector<std::string>& state_keys) {
  KvBatch batch;
  batch.Delete(PartitionKey(group));
  if (staged) staged->ForgetAll(batch);
  for (const auto& key : state_keys) batch.Delete(key);
  environment_.kv.Apply(std::move(batch), Durability::kBuffered, [](Status) {});
  if (directory.empty()) return;
  retiring_.insert(directory);
  open_files_.ForgetFolder(directory);
  wal::RetireDirectory(environment_.files, directory, group,
                       [this, alive = std::weak_ptr(alive_), directory](Status) {
                         if (!alive.lock()) return;
                         folders_.erase(directory);
                         retiring_.erase(directory);
                         for (auto& [id, partition] : partitions_) {
                           if (partition->directory() == directory) OpenWhenFree(id);
                         }
                       });
}

// The metadata record is the wish, the group's own log the fact (SAFETY A13): its leader proposes,
// and reports.
void Replicas::PursueWish(const metadata::PartitionRef& place) {
  raft::Group* group = environment_.groups.Find(place.partition->group);
  const auto& wish = place.partition->members.wish;
  if (!group || !wish || !group->status().serving) return;
  auto step = metadata::NextWishStep(place.partition->members, group->node().status(),
                                     environment_.groups.LevelTicks());
  if (step.done) return environment_.report_membership(group->id(), wish->metadata_index);
  if (!step.propose) return;
  auto proposed = group->ProposeMembership(std::move(*step.propose));
  if (!proposed && proposed.error().code != ErrorCode::kBusy) {
    environment_.log.Debug("group {}: the membership change waits: {}", group->id().value,
                           proposed.error().Describe());
  }
}

void Replicas::OnTimer() {
  timer_ = environment_.loop.RunAfter(kTimerPeriod, [this] { OnTimer(); });
  for (auto& [id, partition] : partitions_) {
    partition->OnTimer();
    if (auto place = image_ ? image_->FindGroup(id) : metadata::PartitionRef{};
        place && place.partition->members.wish) {
      PursueWish(place);
    }
  }
}

bool Replicas::CreationsPending() const {
  if (removals_pending_ > 0) return true;
  return std::any_of(partitions_.begin(), partitions_.end(), [this](const auto& item) {
    auto* group = environment_.groups.Find(item.first);
    return group && !group->active();
  });
}

bool Replicas::Expects(GroupId group, Incarnation incarnation) const {
  const auto* members = image_ ? image_->FindMembers(group) : nullptr;
  if (!members || fenced_.contains(group)) return false;
  // A record that is applied again may have removed it in the last life.
  if (image_->applied < metadata_last_) return false;
  const raft::ReplicaId self = members->ReplicaOf(environment_.self);
  return self.incarnation == incarnation &&
         metadata::PlacedIn(*image_, self, environment_.directory);
}

RaftPartition* Replicas::FindGroup(GroupId group) {
  auto found = partitions_.find(group);
  return found == partitions_.end() ? nullptr : found->second;
}

Partition* Replicas::Find(const Uuid& topic, std::int32_t partition) {
  auto known = image_ ? image_->FindTopic(topic) : nullptr;
  if (!known || partition < 0 || static_cast<std::size_t>(partition) >= known->partitions.size())
    return nullptr;
  GroupId group = known->partitions[static_cast<std::size_t>(partition)]->group;
  if (fenced_.contains(group)) return &fenced_partition_;
  return FindGroup(group);
}

}  // namespace kronika::broker
