#include "broker/broker.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/store_keys.h"
#include "metadata/codec.h"
#include "raft/replica_record.h"
#include "wal/journal/room.h"

namespace kronika::broker {

struct Broker::Loaded {
  std::map<GroupId, raft::RecoveredGroup> groups;
  wal::JournalVerdict verdict;
  wal::CheckpointMark mark;
  std::map<GroupId, wal::Manifest> manifests;
  std::map<GroupId, FencedReplica> fenced;
  std::vector<std::pair<std::string, std::string>> states;
  std::optional<metadata::StoredImage> image;
  std::optional<raft::ReplicaRecord> metadata_replica;
};

// Hands each image to those who act on it, replicas first: what the rest tells clients is then true
// here.
class Broker::ImageObserver final : public metadata::Observer {
 public:
  explicit ImageObserver(Broker& broker) : broker_(broker) {}
  void OnImage(const metadata::ImagePtr& image, const metadata::Delta& delta) override {
    if (broker_.WasReplaced(*image)) return;
    if (Status self = broker_.CheckSelf(*image); !self) return broker_.Fatal(self.error());
    broker_.groups_->SetMetadataIndex(image->applied.value);
    broker_.replicas_->OnImage(image, delta);
    broker_.group_coordinator_->OnImage(delta);
    broker_.membership_->OnImage(image, delta);
    broker_.service_->OnImage();
    broker_.admin_->OnNews();
  }

 private:
  Broker& broker_;
};

Broker::Broker(BrokerSeams seams, BrokerConfig config, Hooks hooks)
    : seams_(seams),
      config_(std::move(config)),
      hooks_(std::move(hooks)),
      settings_(metadata::ResolveBrokerSettings(config_.broker_defaults)),
      disk_(seams_.loop, seams_.segment_files, seams_.log, config_.disk_reserve_bytes) {}

Broker::~Broker() {
  alive_.reset();
  checkpointer_.reset();
  if (replicas_) replicas_->Stop();
  if (groups_) groups_->Stop();
}

void Broker::Start(Done<void> done) {
  auto loaded = std::make_shared<Loaded>();
  if (Status status = Load(*loaded); !status) {
    return seams_.loop.Post(
        [done = std::move(done), status]() mutable { done(std::move(status)); });
  }
  OpenJournal(std::move(loaded), std::move(done));
}

Status Broker::Load(Loaded& loaded) {
  auto mark = seams_.kv.Get(kCheckpointKey);
  if (!mark) return std::unexpected(mark.error());
  auto decoded = DecodeMark(*mark);
  if (!decoded) return std::unexpected(decoded.error());
  loaded.mark = *decoded;
  auto pairs = seams_.kv.Scan(kPartitionPrefix);
  if (!pairs) return std::unexpected(pairs.error());
  for (const auto& [key, value] : *pairs) {
    auto manifest = wal::DecodeManifest(AsBytes(value));
    if (!manifest) return std::unexpected(manifest.error());
    loaded.manifests.emplace(manifest->group, std::move(*manifest));
  }
  auto fenced = seams_.kv.Scan(kFencedPrefix);
  if (!fenced) return std::unexpected(fenced.error());
  for (const auto& [key, value] : *fenced) {
    auto group = ParseFencedKey(key);
    if (!group) return std::unexpected(group.error());
    auto replica = DecodeFenced(value);
    if (!replica) return std::unexpected(replica.error());
    loaded.fenced.emplace(*group, std::move(*replica));
  }
  auto states = seams_.kv.Scan(kStatePrefix);
  if (!states) return std::unexpected(states.error());
  loaded.states = std::move(*states);
  auto image = metadata::StateMachine::Load(seams_.kv);
  if (!image) return std::unexpected(image.error());
  loaded.image = std::move(*image);
  if (!loaded.image) return {};
  KRONIKA_TRY(CheckSelf(*loaded.image->image));
  if (loaded.image->replica.empty()) return {};
  auto replica = raft::DecodeReplicaRecord(loaded.image->replica);
  if (!replica) return std::unexpected(replica.error());
  loaded.metadata_replica = std::move(*replica);
  return {};
}

void Broker::OpenJournal(std::shared_ptr<Loaded> loaded, Done<void> done) {
  wal::JournalBase base{.mark = loaded->mark};
  for (const auto& [group, manifest] : loaded->manifests) base.applied[group] = manifest.applied;
  if (loaded->metadata_replica)
    base.applied[kMetadataGroup] = loaded->metadata_replica->start.index;
  wal::Journal::Open({seams_.loop, seams_.journal_files, seams_.log}, config_.journal,
                     std::move(base),
                     [this, alive = std::weak_ptr(alive_), loaded,
                      done = std::move(done)](Result<wal::OpenedJournal> opened) mutable {
                       if (!alive.lock()) return;
                       if (!opened) return done(std::unexpected(opened.error()));
                       TakeJournal(std::move(loaded), std::move(*opened), std::move(done));
                     });
}

void Broker::TakeJournal(std::shared_ptr<Loaded> loaded, wal::OpenedJournal opened,
                         Done<void> done) {
  for (const auto& damage : opened.verdict.damages) seams_.log.Error("{}", damage.Describe());
  journal_ = std::move(opened.journal);
  std::map<GroupId, Error> damaged;
  loaded->groups = raft::FromJournal(std::move(opened.groups), damaged);
  loaded->verdict = std::move(opened.verdict);
  if (!damaged.empty() || loaded->verdict.Concerns(kMetadataGroup)) {
    const std::string why = damaged.empty()
                                ? "the journal lost acknowledged records of the metadata group"
                                : damaged.begin()->second.Describe();
    return done(Fail(ErrorCode::kFenced, why + "; this directory cannot be used again" +
                                             metadata::ReplaceAdvice(config_.self.broker)));
  }
  store_ = std::make_unique<raft::JournalLogStore>(*journal_);
  if (hooks_.watch_log) store_ = hooks_.watch_log(std::move(store_));
  const std::uint64_t uncommitted = wal::UncommittedBytesMax(config_.journal);
  config_.groups.uncommitted_bytes_max = uncommitted;
  // No group keeps all others from writing while its followers are away.
  config_.groups.raft.uncommitted_bytes_max =
      std::min<std::size_t>(config_.groups.raft.uncommitted_bytes_max, uncommitted / 2);
  groups_ = std::make_unique<raft::GroupManager>(
      raft::ManagerEnvironment{seams_.loop, seams_.transport, *store_, seams_.rng, seams_.log},
      config_.self.broker, config_.groups);
  // Who joins begins with nothing at all: the log's own founding record then makes the image that
  // founders began with.
  const bool joins = config_.founders.empty() && !KRONIKA_PLANTED("joiner-skips-founding");
  auto initial = joins ? std::make_shared<const metadata::Image>()
                       : metadata::FoundingImage(config_.cluster, config_.founders);
  auto machine = std::make_unique<metadata::StateMachine>(
      metadata::StateMachine::Environment{seams_.loop, seams_.kv, seams_.log}, loaded->image,
      std::move(initial));
  machine_ = machine.get();
  auto go_on = [this, loaded, machine = std::move(machine),
                done = std::move(done)](Status adopted) mutable {
    if (!adopted) return done(std::move(adopted));
    Assemble(*loaded, std::move(machine));
    done({});
  };
  // An install whose swap the last life did not reach (SAFETY A8).
  auto found = loaded->groups.find(kMetadataGroup);
  bool swap = found != loaded->groups.end() && found->second.installed &&
              found->second.installed->start.index > machine_->image()->applied;
  if (!swap) return go_on({});
  machine_->AdoptInstall(found->second.installed->start, found->second.installed->manifest,
                         std::move(go_on));
}

void Broker::Assemble(Loaded& loaded, std::unique_ptr<metadata::StateMachine> machine) {
  AddMetadataGroup(loaded, std::move(machine));
  MakeClusterParts();
  auto image = machine_->image();
  WasReplaced(*image);
  groups_->SetMetadataIndex(image->applied.value);
  const raft::Group* metadata = groups_->Find(kMetadataGroup);
  replicas_->Recover({std::move(loaded.groups), std::move(loaded.manifests),
                      std::move(loaded.verdict), std::move(loaded.fenced), std::move(loaded.states),
                      machine_->carried_out(), metadata ? metadata->status().last : image->applied},
                     image);
  groups_->SetDiskNearlyFull([this] { return disk_.nearly_full(); });
  groups_->SetPlacedHere([this](GroupId group, Incarnation incarnation) {
    return replicas_->Expects(group, incarnation);
  });
  observer_ = std::make_unique<ImageObserver>(*this);
  machine_->AddObserver(observer_.get());
  auto creations_pending = [this] {
    auto* group = groups_->Find(kMetadataGroup);
    return !group || !group->active() || replicas_->CreationsPending();
  };
  checkpointer_ = std::make_unique<Checkpointer>(
      Checkpointer::Environment{seams_.loop, seams_.kv, *journal_, *groups_, seams_.log,
                                std::move(creations_pending)},
      loaded.mark);
  for (const auto& founder : config_.founders) {
    groups_->AddPeer(founder.broker);
    if (founder.broker != config_.self.broker && hooks_.peer_address)
      hooks_.peer_address(founder.broker, founder.peer);
  }
  for (BrokerId peer : config_.first_contacts) groups_->AddPeer(peer);
  groups_->Start([this](const Error& error) { Fatal(error); });
  membership_->Start(image);
  if (waiting_machine_) joiner_->Start();
  checkpointer_->Start();
  disk_.Start();
  started_ = true;
}

void Broker::AddMetadataGroup(Loaded& loaded, std::unique_ptr<metadata::StateMachine> machine) {
  MakeController();
  raft::GroupSpec spec{.id = kMetadataGroup, .self = {config_.self.broker, Incarnation{}}};
  spec.recovered.start.membership = machine_->image()->metadata_group.FoundingMembership();
  auto found = loaded.groups.find(kMetadataGroup);
  raft::RecoveredGroup* journal = found == loaded.groups.end() ? nullptr : &found->second;
  if (loaded.metadata_replica) {
    const raft::ReplicaRecord& record = *loaded.metadata_replica;
    spec.generation = record.generation;
    spec.self = record.self;
    spec.recovered = {record.hard_state, record.start, {}};
  } else if (journal && journal->created) {
    spec.self = journal->created->self;
    spec.recovered.start.membership = journal->created->membership;
  } else if (config_.founders.empty()) {
    waiting_machine_ = std::move(machine);
    return;
  } else {
    spec.created = raft::Created{.self = spec.self, .membership = spec.recovered.start.membership};
  }
  if (journal) {
    if (journal->hard_state) spec.recovered.hard_state = *journal->hard_state;
    if (journal->installed && journal->installed->start.index > spec.recovered.start.index) {
      spec.recovered.start = journal->installed->start;
    }
    for (auto& entry : journal->entries) {
      if (entry.index > spec.recovered.start.index)
        spec.recovered.entries.push_back(std::move(entry));
    }
  }
  service_->Bind(groups_->AddGroup(std::move(spec), std::move(machine)));
}

// The replica of a broker that joins is made only when the cluster has placed it, and begins empty
// (SAFETY A4).
void Broker::JoinAs(raft::ReplicaId replica) {
  raft::GroupSpec spec{
      .id = kMetadataGroup, .self = replica, .created = raft::Created{.self = replica}};
  service_->Bind(groups_->AddGroup(std::move(spec), std::move(waiting_machine_)));
}

void Broker::MakeController() {
  service_ = std::make_unique<ControllerService>(
      ControllerEnvironment{seams_.loop, seams_.log, *machine_, settings_, config_.cluster,
                            config_.founders, config_.journal.EntryBytesMax()});
  machine_->SetStatusHandler([this](const raft::NodeStatus& status) {
    service_->OnStatus(status);
    if (admin_) admin_->OnNews();
  });
  machine_->SetOutcomeHandler([this](const raft::Entry& entry, const Status& outcome) {
    service_->OnOutcome(entry, outcome);
  });
  machine_->SetFailureHandler([this](const Error& error) { Fatal(error); });
}

void Broker::MakeClusterParts() {
  leadership_ = std::make_unique<Leadership>(
      groups_->leader_states(), [this] { return machine_->image(); },
      [this] { return ControllerId(); });
  controller_calls_ = std::make_unique<ControllerCalls>(*service_, seams_.rng);
  controller_calls_->Serve(groups_->calls());
  controller_link_ = std::make_unique<ControllerLink>(
      ControllerLink::Environment{seams_.loop, groups_->calls(),
                                  [this](CallKind kind, const Slice& payload, Done<Slice> done) {
                                    controller_calls_->Handle(kind, payload, std::move(done));
                                  },
                                  config_.self.broker, [this] { return ControllerId(); },
                                  [this](BrokerId peer) { return groups_->IsLive(peer); }});
  MakeLeaderParts();
  admin_ = std::make_unique<Admin>(Admin::Environment{seams_.loop, *controller_link_, *leadership_,
                                                      groups_->leader_states(), config_.self.broker,
                                                      *elections_});
  groups_->leader_states().SetObserver([this](const raft::LeaderState&) { admin_->OnNews(); });
  creator_ = std::make_unique<TopicCreator>(seams_.loop, seams_.log, *admin_, settings_);
  membership_ = std::make_unique<ClusterMembership>(
      ClusterMembership::Environment{seams_.loop, seams_.log, *groups_, *controller_link_,
                                     *service_, *leadership_, config_.self, hooks_.peer_address});
  Joiner::Serve(groups_->calls(), [this] { return machine_->image(); });
  joiner_ = std::make_unique<Joiner>(Joiner::Environment{
      seams_.loop, seams_.log, *groups_, config_.self.broker, config_.self.directory,
      [this](raft::ReplicaId replica) { JoinAs(replica); }});
  auto report = [this](GroupId group, std::uint64_t metadata_index) {
    metadata::Records statement{metadata::MembershipDone{group, metadata_index}};
    controller_link_->Ask(CallKind::kReportMembership,
                          Slice::CopyOf(metadata::EncodeRecords(statement)),
                          seams_.loop.Now() + std::chrono::milliseconds(200), [](Result<Slice>) {});
  };
  group_coordinator_ = std::make_unique<GroupCoordinator>(GroupCoordinator::Environment{
      seams_.loop, seams_.log, seams_.rng, [this] { return machine_->image(); },
      [this](const Uuid& topic, std::int32_t partition) {
        return replicas_->Find(topic, partition);
      },
      [this] { return groups_->StoodStill(); }, settings_});
  auto make_state = [this](const metadata::PartitionRef& place) {
    return group_coordinator_->MakeState(place);
  };
  replicas_ =
      std::make_unique<Replicas>(ReplicasEnvironment{.loop = seams_.loop,
                                                     .files = seams_.segment_files,
                                                     .kv = seams_.kv,
                                                     .groups = *groups_,
                                                     .log = seams_.log,
                                                     .self = config_.self.broker,
                                                     .directory = config_.self.directory,
                                                     .topic_defaults = config_.topic_defaults,
                                                     .settings = settings_,
                                                     .report_membership = std::move(report),
                                                     .make_state = std::move(make_state),
                                                     .disk = &disk_,
                                                     .rng = &seams_.rng,
                                                     .tail_cache_bytes = config_.tail_cache_bytes});
  watermarks_ = std::make_unique<Watermarks>(Watermarks::Environment{
      seams_.loop, groups_->calls(), config_.self.broker, *leadership_, *replicas_,
      [this] { return CommittedPartitions(CoordinatedHere()); }});
  watermarks_->Start();
}

void Broker::MakeLeaderParts() {
  auto image = [this] { return machine_->image(); };
  transfers_ = std::make_unique<LeaderTransfers>(LeaderTransfers::Environment{
      seams_.loop, *groups_, *leadership_, image, config_.self.broker,
      std::chrono::milliseconds(settings_.replica_lag_max_ms) / groups_->options().tick});
  transfers_->Serve();
  elections_ = std::make_unique<Elections>(Elections::Environment{
      seams_.loop, groups_->calls(), *leadership_, image, config_.self.broker, *transfers_});
  returns_ = std::make_unique<PreferredReturns>(PreferredReturns::Environment{
      seams_.loop, seams_.log, *groups_, *transfers_, image, config_.self.broker,
      std::chrono::seconds(settings_.leader_check_interval_s)});
  if (settings_.leader_rebalance) returns_->Start();
  groups_->SetPeerLost([this](BrokerId peer) {
    transfers_->OnPeerLost(peer);
    returns_->OnPeerLost(peer);
  });
}

std::vector<Coordinated> Broker::CoordinatedHere() const {
  std::vector<Coordinated> out;
  for (const OffsetsPartition* partition : group_coordinator_->Led()) {
    out.push_back({partition->coordinator(), &partition->map()});
  }
  return out;
}

std::vector<admin::ConsumerGroupSummary> Broker::ConsumerGroups() const {
  return SummarizeGroups(CoordinatedHere(), *watermarks_, seams_.loop.Now());
}

void Broker::Fatal(const Error& error) {
  if (std::exchange(fatal_, true)) return;
  seams_.log.Error("this broker stops: {}", error.Describe());
  seams_.loop.Post([this, alive = std::weak_ptr(alive_), error] {
    if (alive.lock() && hooks_.on_fatal) hooks_.on_fatal(error);
  });
}

void Broker::HandOverLeaderships(Duration limit, Thunk done) {
  if (!started_ || fatal_ || KRONIKA_PLANTED("stop-without-handover"))
    return seams_.loop.Post(std::move(done));
  returns_->Stop();
  hand_over_ = std::make_unique<HandOver>(
      HandOver::Environment{seams_.loop, seams_.log, *groups_, *transfers_});
  hand_over_->Begin(limit, std::move(done));
}

void Broker::Stop(Done<void> done) {
  if (!started_ || fatal_)
    return seams_.loop.Post([done = std::move(done)]() mutable { done({}); });
  checkpointer_->Run(
      Checkpointer::Purpose::kClosing,
      [this, alive = std::weak_ptr(alive_), done = std::move(done)](Status checkpointed) mutable {
        if (!alive.lock()) return;
        if (!checkpointed)
          seams_.log.Info("stopping without a last checkpoint: {}",
                          checkpointed.error().Describe());
        watermarks_->Stop();
        hand_over_.reset();
        returns_->Stop();
        transfers_->Stop();
        membership_->Stop();
        replicas_->Stop();
        groups_->Stop();
        journal_->Close(std::move(done));
      });
}

// Another directory took this one's place: whatever is held here counts no more and is kept for
// people to look at.
bool Broker::WasReplaced(const metadata::Image& image) {
  const auto* self = image.FindBroker(config_.self.broker);
  if (!self) return false;
  if (self->directory == config_.self.directory) known_ = true;
  if (!known_ || self->directory == config_.self.directory) return false;
  Fatal({ErrorCode::kFenced,
         fmt::format("broker {} was replaced: directory {} took the place of {}", self->id.value,
                     self->directory.ToString(), config_.self.directory.ToString())});
  return true;
}

// Refused if the cluster heard of a later state of this directory, or of one that was formatted
// anew: what is held here may lack what was promised since.
Status Broker::CheckSelf(const metadata::Image& image) const {
  const auto* self = image.FindBroker(config_.self.broker);
  if (!self || self->directory != config_.self.directory) return {};
  return metadata::CheckClaim(*self, metadata::ClaimOf(config_.self));
}

BrokerId Broker::ControllerId() const {
  auto* group = groups_ ? groups_->Find(kMetadataGroup) : nullptr;
  return group ? group->status().leader.broker : kNoBroker;
}

std::string Broker::NotReadyReason() const {
  if (!started_) return "recovering from disk";
  if (waiting_machine_) {
    return fmt::format("waiting to join: kronika broker replace {} --uuid {}",
                       config_.self.broker.value, config_.self.directory.ToString());
  }
  if (ControllerId() == kNoBroker) return "waiting for quorum: the metadata group has no leader";
  if (!membership_->registered()) return "not registered yet";
  if (!membership_->KnowsLeaders()) return "waiting to hear from live brokers what they lead";
  return "";
}

Status Broker::CheckPeer(const metadata::DirectoryClaim& claim) const {
  auto image = Image();
  const auto* known = image ? image->FindBroker(claim.broker) : nullptr;
  // Who joins has nothing to lose and no image to judge by; it takes a leader's word only as a
  // learner.
  const bool joins = config_.founders.empty() && image && image->format_version == 0;
  if (joins &&
      std::ranges::find(config_.first_contacts, claim.broker) != config_.first_contacts.end())
    return {};
  if (!known) {
    return Fail(ErrorCode::kFenced,
                fmt::format("broker {} is not of this cluster", claim.broker.value));
  }
  return metadata::CheckClaim(*known, claim);
}

Services Broker::MakeServices() {
  return {.broker = config_.self.broker,
          .loop = &seams_.loop,
          .log = &seams_.log,
          .metadata = leadership_.get(),
          .leadership = leadership_.get(),
          .partitions = replicas_.get(),
          .admin = admin_.get(),
          .creator = creator_.get(),
          .groups = group_coordinator_.get(),
          .settings = settings_,
          .topic_defaults = config_.topic_defaults,
          .broker_configs = config_.broker_defaults};
}

}  // namespace kronika::broker
