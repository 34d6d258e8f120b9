#include "cmd/kronika_sim/cluster_world.h"

#include <fmt/format.h>

#include <algorithm>

namespace kronika::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr int kBrokers = 3;
}

class SimLog final : public Log {
 public:
  SimLog(const SimScheduler& scheduler, SeedArguments::Log level)
      : scheduler_(scheduler), level_(level) {}
  bool Enabled(LogLevel level) const override {
    return level_ == SeedArguments::Log::kFull ||
           (level_ == SeedArguments::Log::kShort && level >= LogLevel::kInfo);
  }
  void Write(LogLevel, std::string text) override {
    auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(scheduler_.Now().since_start).count();
    fmt::print("{:>12} us  {}\n", now, text);
  }

 private:
  const SimScheduler& scheduler_;
  const SeedArguments::Log level_;
};

ClusterWorld::ClusterWorld(std::uint64_t seed, SeedArguments::Log log)
    : rng_(seed),
      network_rng_(rng_.Next()),
      clients_rng_(rng_.Next()),
      scheduler_rng_(rng_.Next()),
      scheduler_(scheduler_rng_),
      keyed_(seed % 5 < 2),
      log_(std::make_unique<SimLog>(scheduler_, log)) {
  MakePlan();
  network_ = std::make_unique<raft::SimNetwork>(scheduler_, network_rng_);
  clients_ = std::make_unique<SimLoop>(scheduler_);
  for (int i = 0; i < kBrokers; ++i) {
    brokers_.push_back(std::make_unique<SimBroker>(scheduler_, *network_, rng_, plan_, i));
  }
  wires_ = std::make_unique<SimWires>(*clients_, clients_rng_,
                                      [this](BrokerId id) { return BrokerOf(id).port(); });
  load_ =
      std::make_unique<ClusterLoad>(ClientWorld{.loop = *clients_,
                                                .rng = clients_rng_,
                                                .wires = *wires_,
                                                .oracle = oracle_,
                                                .report = report_,
                                                .batch_bytes_max = plan_.journal.EntryBytesMax(),
                                                .brokers = kBrokers,
                                                .keyed = keyed_});
}

ClusterWorld::~ClusterWorld() {
  load_.reset();
  clients_->Kill();
  brokers_.clear();
}

void ClusterWorld::MakePlan() {
  plan_.cluster.bytes[0] = 7;
  plan_.broker_defaults = {{"group.initial.rebalance.delay.ms", "50"},
                           {"group.min.session.timeout.ms", "500"},
                           {"leader.imbalance.check.interval.seconds", "1"},
                           {"offsets.topic.num.partitions", "2"}};
  for (int i = 0; i < kBrokers; ++i) {
    Uuid directory;
    directory.bytes[0] = static_cast<std::uint8_t>(i + 1);
    plan_.founders.push_back({BrokerId{static_cast<std::int32_t>(i + 1)},
                              {"sim", static_cast<std::uint16_t>(9192 + i)},
                              directory});
  }
  const bool tiny = rng_.Chance(0.15);
  if (tiny) Count("tiny journals");
  const std::uint64_t file_bytes = std::uint64_t{tiny ? 256U : 1024U} << 10;
  plan_.journal = {.files = tiny ? 4 : static_cast<std::uint32_t>(4 + rng_.Below(3)),
                   .file_bytes = file_bytes,
                   .first_file_bytes = file_bytes};
  plan_.log = log_.get();
  plan_.violate = [this](const std::string& what) { Violation(what); };
  if (keyed_) plan_.broker_defaults["log.cleaner.backoff.ms"] = "150";
}

void ClusterWorld::Violation(const std::string& what) {
  if (report_.violation.empty()) report_.violation = what;
}

SeedReport ClusterWorld::Run() {
  for (const auto& fault : FaultNames()) report_.required.insert(fault);
  if (StartAndCreateTopics()) {
    load_->Start();
    Load();
    Heal();
    CheckRunning();
    if (!Failed()) CheckEverything();
  }
  report_.events = scheduler_.events_run();
  report_.hash = scheduler_.Digest() ^ network_->digest() ^ wires_->digest();
  report_.counts["frames delivered"] += network_->counters().delivered;
  report_.counts["frames lost"] += network_->counters().lost;
  report_.counts["frames altered"] += network_->counters().altered;
  report_.counts["client bytes delivered"] += wires_->delivered();
  report_.counts["frames repeated"] += network_->counters().repeated;
  report_.counts["lane resets"] += network_->counters().resets;
  for (auto& broker : brokers_) {
    report_.counts["leaders returned"] += broker->returned();
    if (!broker->running()) continue;
    report_.counts["checkpoints"] += broker->broker().checkpointer().counters().completed;
    report_.counts["files recycled"] += broker->broker().journal().status().files_recycled;
    const auto& compaction = broker->broker().replicas().compaction();
    report_.counts["compactions"] += compaction.passes;
    report_.counts["compactions given up"] += compaction.failed;
    report_.counts["records compacted away"] += compaction.records_removed;
    report_.counts["installs"] += broker->broker().groups().installs().counters().received;
  }
  return report_;
}

bool ClusterWorld::StartAndCreateTopics() {
  for (auto& broker : brokers_) broker->Start();
  auto ready = [this] {
    return std::all_of(brokers_.begin(), brokers_.end(), [](auto& broker) {
      return broker->running() && broker->broker().NotReadyReason().empty();
    });
  };
  if (!scheduler_.RunUntilTrue(ready, seconds(20))) {
    Violation("the cluster did not start within 20 s:" + DescribeBrokers());
    return false;
  }
  load_->CreateTopics();
  if (scheduler_.RunUntilTrue([this] { return load_->created(); }, seconds(20))) return true;
  Violation("the topics were not created within 20 s:" + DescribeBrokers());
  return false;
}

void ClusterWorld::Load() {
  std::uint64_t rounds = 4 + rng_.Below(8);
  for (std::uint64_t round = 0; round < rounds && !Failed(); ++round) {
    scheduler_.RunFor(milliseconds(200 + rng_.Below(1500)));
    CheckRunning();
    Fault();
    scheduler_.RunFor(milliseconds(100 + rng_.Below(4000)));
    CheckRunning();
    if (rng_.Chance(0.8)) HealFaults();
    if (!Failed() && rng_.Chance(0.1)) LoseDisk();
  }
}

void ClusterWorld::CheckRunning() {
  for (auto& broker : brokers_) {
    if (broker->running()) CheckPeers(*broker);
    if (!broker->ended()) continue;
    bool planned = broker->end_reason().find("I/O") != std::string::npos;
    if (!planned)
      Violation(fmt::format("broker {} ended: {}", broker->id().value, broker->end_reason()));
  }
}

// What is counted here is logged as an error: somebody must act (SAFETY B13, D-11).
void ClusterWorld::CheckPeers(SimBroker& broker) {
  for (const auto& peer : broker.broker().groups().Peers()) {
    if (peer.counters.undecodable == 0 && peer.counters.misdirected == 0) continue;
    Violation(fmt::format("broker {} had {} undecodable frames and {} misdirected messages of {}",
                          broker.id().value, peer.counters.undecodable, peer.counters.misdirected,
                          peer.id.value));
  }
}

void ClusterWorld::Heal() {
  if (Failed()) return;
  HealFaults();
  scheduler_.RunFor(seconds(1));
  HealFaults();  // whoever ended of a late fault
  load_->Finish();
  const auto at_rest = [this] { return Failed() || Converged(); };
  // Twice: what an acks=1 producer gave up waiting for may still arrive after the first time.
  if (scheduler_.RunUntilTrue(at_rest, seconds(60))) {
    scheduler_.RunFor(seconds(3));
    if (scheduler_.RunUntilTrue(at_rest, seconds(60))) return;
  }
  Violation("no convergence within 60 s of the last fault" + DescribeBrokers());
}

}  // namespace kronika::sim
