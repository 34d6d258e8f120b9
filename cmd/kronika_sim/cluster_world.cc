#include "cmd/kronika_sim/cluster_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/kronika_sim/cluster_producer.h"

namespace kronika::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr std::size_t kBrokers = 3;
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
      scheduler_rng_(rng_.Next()),
      scheduler_(scheduler_rng_),
      log_(std::make_unique<SimLog>(scheduler_, log)) {
  MakePlan();
  network_ = std::make_unique<raft::SimNetwork>(scheduler_, network_rng_);
  clients_ = std::make_unique<SimLoop>(scheduler_);
  for (std::size_t i = 0; i < kBrokers; ++i) {
    brokers_.push_back(std::make_unique<SimBroker>(scheduler_, *network_, rng_, plan_, i));
  }
}

ClusterWorld::~ClusterWorld() {
  clients_->Kill();
  brokers_.clear();
}

void ClusterWorld::MakePlan() {
  plan_.cluster.bytes[0] = 7;
  for (std::size_t i = 0; i < kBrokers; ++i) {
    Uuid directory;
    directory.bytes[0] = static_cast<std::uint8_t>(i + 1);
    plan_.founders.push_back({BrokerId{static_cast<std::int32_t>(i + 1)},
                              {"sim", static_cast<std::uint16_t>(9192 + i)},
                              directory});
  }
  plan_.journal = {.files = 4, .file_bytes = 256 << 10, .first_file_bytes = 256 << 10};
  plan_.log = log_.get();
}

void ClusterWorld::Violation(const std::string& what) {
  if (report_.violation.empty()) report_.violation = what;
}

SimBroker* ClusterWorld::AnyRunning() {
  std::vector<SimBroker*> running;
  for (auto& broker : brokers_) {
    if (broker->running() && !broker->paused()) running.push_back(broker.get());
  }
  return running.empty() ? nullptr : running[rng_.Below(running.size())];
}

SeedReport ClusterWorld::Run() {
  if (StartAndCreateTopic()) {
    StartProducers();
    Load();
    Heal();
    if (!Failed()) CheckEverything();
  }
  report_.events = scheduler_.events_run();
  report_.hash = scheduler_.Digest() ^ network_->digest();
  report_.counts["frames delivered"] += network_->counters().delivered;
  report_.counts["frames lost"] += network_->counters().lost;
  report_.counts["lane resets"] += network_->counters().resets;
  for (auto& broker : brokers_) {
    if (!broker->running()) continue;
    report_.counts["checkpoints"] += broker->broker().checkpointer().counters().completed;
    report_.counts["files recycled"] += broker->broker().journal().status().files_recycled;
    report_.counts["installs"] += broker->broker().groups().installs().counters().received;
  }
  return report_;
}

bool ClusterWorld::StartAndCreateTopic() {
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
  partitions_ = static_cast<std::int32_t>(1 + rng_.Below(3));
  std::optional<broker::TopicOutcome> outcome;
  auto& broker = *brokers_[rng_.Below(kBrokers)];
  broker.broker().MakeServices().admin->CreateTopics(
      {.topics = {{.name = "t",
                   .partitions = partitions_,
                   .replication_factor = 3,
                   .configs = {{"min.insync.replicas", "2"}}}},
       .deadline = scheduler_.Now() + seconds(10)},
      [&](std::vector<broker::TopicOutcome> outcomes) { outcome = outcomes.front(); });
  scheduler_.RunUntilTrue([&] { return outcome.has_value(); }, seconds(15));
  if (!outcome || outcome->error != broker::KafkaError::kNone) {
    Violation("the topic was not created: " + (outcome ? outcome->text : std::string("no answer")));
    return false;
  }
  topic_ = outcome->id;
  return true;
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

void ClusterWorld::Fault() {
  SimBroker& victim = *brokers_[rng_.Below(kBrokers)];
  BrokerId other{static_cast<std::int32_t>(1 + rng_.Below(kBrokers))};
  switch (rng_.Below(8)) {
    case 0:
      Count("kill");
      return victim.Kill();
    case 1:
      Count("power loss of one");
      return victim.Crash({.tear_blocks = rng_.Chance(0.5)});
    case 2:
      Count("power loss of all");
      for (auto& broker : brokers_) broker->Crash({});
      return;
    case 3:
      if (!victim.alive()) return;
      Count("pause");
      return victim.Pause();
    case 4:
      if (other == victim.id()) return;
      Count("one-way cut");
      return network_->Cut(victim.id(), other);
    case 5:
      Count("isolation");
      for (auto& broker : brokers_) {
        if (broker->id() == victim.id()) continue;
        network_->Cut(victim.id(), broker->id());
        network_->Cut(broker->id(), victim.id());
      }
      return;
    case 6:
      Count("loss");
      network_->options.loss = 0.02;
      return;
    default:
      Count("failed sync");
      victim.disk().Inject(
          {.call = DiskFault::Call::kSync, .path_part = "journal", .skip = rng_.Below(20)});
  }
}

void ClusterWorld::HealFaults() {
  network_->HealAll();
  network_->options.loss = 0;
  for (auto& broker : brokers_) {
    broker->disk().ClearFaults();
    if (broker->paused()) broker->Resume();
    if (broker->alive() && !broker->ended()) continue;
    if (broker->alive()) broker->Kill();
    broker->Start();
  }
}

void ClusterWorld::CheckRunning() {
  for (auto& broker : brokers_) {
    if (!broker->ended()) continue;
    bool planned = broker->end_reason().find("I/O") != std::string::npos;
    if (!planned)
      Violation(fmt::format("broker {} ended: {}", broker->id().value, broker->end_reason()));
  }
}

void ClusterWorld::Heal() {
  if (Failed()) return;
  HealFaults();
  scheduler_.RunFor(seconds(1));
  HealFaults();  // whoever ended of a late fault
  producing_ = false;
  if (scheduler_.RunUntilTrue([this] { return Failed() || Converged(); }, seconds(60))) return;
  std::string state = DescribeBrokers();
  for (auto& producer : producers_) {
    if (!producer->settled)
      state += fmt::format("\n  producer {} waits for {}", producer->id, producer->value);
  }
  Violation("no convergence within 60 s of the last fault" + state);
}

std::string ClusterWorld::DescribeBrokers() {
  std::string state;
  for (auto& broker : brokers_) {
    if (!broker->running()) {
      state +=
          fmt::format("\n  broker {} does not run: {}", broker->id().value, broker->end_reason());
      continue;
    }
    broker->broker().groups().ForEach([&](raft::Group& group) {
      state += fmt::format("\n  broker {} group {}: {}", broker->id().value, group.id().value,
                           group.status().Describe());
    });
    if (auto why = broker->broker().NotReadyReason(); !why.empty()) {
      state += fmt::format("\n  broker {} is not ready: {}", broker->id().value, why);
    }
    for (const auto& [id, why] : broker->broker().replicas().fenced()) {
      state += fmt::format("\n  broker {} group {} fenced: {}", broker->id().value, id.value, why);
    }
  }
  return state;
}

// Everybody serves, every producer was answered, and all replicas of a partition are level.
bool ClusterWorld::Converged() {
  for (auto& producer : producers_) {
    if (!producer->settled) return false;
  }
  for (auto& broker : brokers_) {
    if (!broker->running() || !broker->broker().NotReadyReason().empty()) return false;
    if (!broker->broker().replicas().fenced().empty()) return false;
    if (!broker->broker().Image()->FindTopic(topic_)) return false;
  }
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    std::int64_t high_watermark = -1;
    for (auto& broker : brokers_) {
      auto* replica = broker->broker().replicas().Find(topic_, partition);
      if (!replica || !replica->Status().readable) return false;
      std::int64_t mine = replica->Status().high_watermark;
      if (high_watermark >= 0 && mine != high_watermark) return false;
      high_watermark = mine;
    }
  }
  return true;
}

void ClusterWorld::CheckEverything() {
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    std::optional<std::vector<OracleRecord>> first;
    for (auto& broker : brokers_) {
      auto records = ReadReplica(*broker, partition);
      auto where = fmt::format("partition {} on broker {}: ", partition, broker->id().value);
      if (!records) return Violation(where + "cannot be read");
      if (auto wrong = oracle_.CheckReplica(partition, *records); !wrong.empty())
        return Violation(where + wrong);
      if (!first) first = records;
      if (*first != *records) return Violation(where + "differs from broker 1");
    }
  }
}

}  // namespace kronika::sim
