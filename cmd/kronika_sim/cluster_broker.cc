#include "cmd/kronika_sim/cluster_broker.h"

#include <set>

#include "broker/store_keys.h"
#include "cmd/kronika_sim/cluster_promises.h"

namespace kronika::sim {

SimBroker::SimBroker(SimScheduler& scheduler, raft::SimNetwork& network, Rng& rng,
                     const ClusterPlan& plan, std::size_t number)
    : scheduler_(scheduler),
      network_(network),
      plan_(plan),
      id_(plan.founders[number].broker),
      directory_(plan.founders[number].directory),
      disk_rng_(rng.Next()),
      disk_(disk_rng_),
      store_(disk_rng_),
      seeds_(rng) {}

SimBroker::~SimBroker() {
  EndLife();
}

void SimBroker::Start() {
  EndLife();
  ended_ = false;
  stopping_ = false;
  stopped_ = false;
  rng_ = std::make_unique<SeededRng>(seeds_.Next());
  loop_ = std::make_unique<SimLoop>(scheduler_);
  journal_files_ = std::make_unique<FakeFiles>(disk_, *loop_);
  segment_files_ = std::make_unique<FakeFiles>(disk_, *loop_);
  kv_ = std::make_unique<FakeKv>(store_, *loop_);
  ++boot_epoch_;
  auto promises = std::make_shared<DurablePromises>(plan_.violate);
  transport_ =
      std::make_unique<PromiseTransport>(id_, network_.Attach(id_, *loop_, boot_epoch_), promises);
  broker::BrokerConfig config{
      .self = {.broker = id_,
               .directory = directory_,
               .boot_epoch = boot_epoch_,
               .listeners = {{"PLAINTEXT", {"sim", static_cast<std::uint16_t>(9091 + id_.value)}}},
               .peer = {"sim", static_cast<std::uint16_t>(9191 + id_.value)}},
      .cluster = plan_.cluster,
      .founders = joins_ ? std::vector<metadata::FoundingVoter>{} : plan_.founders,
      .journal = plan_.journal,
      .broker_defaults = plan_.broker_defaults,
      .tail_cache_bytes = 1 << 20};
  for (const auto& founder : plan_.founders) {
    if (joins_) config.first_contacts.push_back(founder.broker);
  }
  config.groups.raft.tail_bytes_max = 64 << 10;
  auto ended = [this](const Error& error) {
    ended_ = true;
    end_reason_ = error.Describe();
  };
  broker_ = std::make_unique<broker::Broker>(
      broker::BrokerSeams{*loop_, *journal_files_, *segment_files_, *kv_, *transport_, *rng_,
                          *plan_.log},
      std::move(config),
      broker::Broker::Hooks{.on_fatal = ended,
                            .peer_address = [](BrokerId, const HostPort&) {},
                            .watch_log =
                                [promises](std::unique_ptr<raft::LogStore> store) {
                                  return std::make_unique<PromiseStore>(std::move(store), promises);
                                }});
  broker_->Start([this, ended](Status started) {
    if (!started) return ended(started.error());
    ServeWhenReady();
  });
}

// As the daemon does.
void SimBroker::ServeWhenReady() {
  if (ended_ || stopping_) return;
  if (broker_->NotReadyReason().empty()) {
    port_ = std::make_unique<SimPort>(*loop_, broker_->MakeServices());
    listens_ = true;
    return;
  }
  loop_->RunAfter(std::chrono::milliseconds(20), [this] { ServeWhenReady(); });
}

void SimBroker::BeginStop() {
  stopping_ = true;
  broker_->HandOverLeaderships(std::chrono::seconds(5), [this] {
    listens_ = false;
    if (port_) port_->Die();
    broker_->Stop([this](Status) { stopped_ = true; });
  });
}

std::uint64_t SimBroker::returned() const {
  const bool counts = broker_ && broker_->started();
  const auto why = std::to_underlying(broker::TransferReason::kReturn);
  return returned_before_ + (counts ? broker_->transfers().counters().completed[why] : 0);
}

void SimBroker::EndLife() {
  if (!loop_) return;
  listens_ = false;
  returned_before_ = returned();
  loop_->Kill();
  if (port_) port_->Die();
  transport_.reset();
  broker_.reset();
  port_.reset();
  kv_.reset();
  segment_files_.reset();
  journal_files_.reset();
  loop_.reset();
  rng_.reset();
}

bool SimBroker::checkpoint_marked() {
  const auto found = store_.pairs().find(broker::kCheckpointKey);
  if (found == store_.pairs().end()) return false;
  const auto mark = broker::DecodeMark(found->second);
  return mark && mark->id > broker_->journal().status().checkpoint_id;
}

std::size_t SimBroker::staged_folders() const {
  std::set<std::string> folders;
  for (const auto& name : disk_.Names()) {
    const auto slash = name.find('/');
    if (slash != std::string::npos && name.substr(0, slash).ends_with("-install"))
      folders.insert(name.substr(0, slash));
  }
  return folders.size();
}

void SimBroker::Kill() {
  disk_.Kill();
  store_.Kill();
  EndLife();
}

void SimBroker::LoseDisk(const Uuid& directory) {
  EndLife();
  std::destroy_at(&disk_);
  std::construct_at(&disk_, disk_rng_);
  std::destroy_at(&store_);
  std::construct_at(&store_, disk_rng_);
  directory_ = directory;
  joins_ = true;
  boot_epoch_ = 0;
}

void SimBroker::Crash(const CrashOptions& options) {
  disk_.Crash(options);
  store_.Crash();
  EndLife();
}

}  // namespace kronika::sim
