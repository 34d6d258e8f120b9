// Topics and who works on them; see cluster_load.h.
#include "cmd/kronika_sim/cluster_load.h"

#include <algorithm>
#include <utility>

#include "proto/kafka/create_topics.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr Duration kAdminPause = milliseconds(100);
constexpr double kCrowdChance = 0.2;

}  // namespace

ClusterLoad::ClusterLoad(ClientWorld world)
    : world_(world), admin_(world_, "admin"), recycler_(world_, "d") {
  const auto partitions = static_cast<std::int32_t>(1 + world_.rng.Below(3));
  topics_.push_back({.plan = {.name = "t", .partitions = partitions}});
  if (world_.rng.Chance(0.3)) topics_[0].plan.min_insync = world_.rng.Chance(0.5) ? "1" : "3";
  topics_.push_back({.plan = {.name = "s", .replicas = 1, .min_insync = "1"}});
  if (world_.keyed) keyed_ = std::make_unique<SimKeyed>(world_, "k");
}

void ClusterLoad::CreateTopics() {
  for (std::size_t i = 0; i < topics_.size(); ++i) Create(i);
}

bool ClusterLoad::created() const {
  return std::ranges::none_of(topics_, [](const auto& topic) { return topic.id.IsZero(); });
}

void ClusterLoad::Create(std::size_t number) {
  const TopicPlan& plan = topics_[number].plan;
  kafka::CreateTopicsRequest request;
  request.timeout_ms = 1000;
  auto& topic = request.topics.emplace_back();
  topic.name = plan.name;
  topic.num_partitions = plan.partitions;
  topic.replication_factor = plan.replicas;
  topic.configs.push_back({.name = "min.insync.replicas", .value = plan.min_insync});
  admin_.Ask<kafka::CreateTopicsRequest>(
      world_.AnyBroker(), request, world_.Version(2, 7),
      [this, number](Result<kafka::CreateTopicsResponse> answer) {
        const bool known = answer && answer->topics.size() == 1 &&
                           (answer->topics[0].error_code == KafkaError::kNone ||
                            answer->topics[0].error_code == KafkaError::kTopicAlreadyExists);
        world_.loop.RunAfter(kAdminPause,
                             [this, number, known] { known ? FindId(number) : Create(number); });
      });
}

void ClusterLoad::FindId(std::size_t number) {
  admin_.Refresh(topics_[number].plan.name, [this, number] {
    if (admin_.topic_error() == KafkaError::kNone && !admin_.topic_id().IsZero()) {
      topics_[number].id = admin_.topic_id();
      return;
    }
    world_.loop.RunAfter(kAdminPause, [this, number] { FindId(number); });
  });
}

void ClusterLoad::AddProducers(const SimTopic& topic, std::int32_t partition) {
  // A batch has up to three records.
  const std::size_t large = std::min<std::size_t>(12'000, world_.batch_bytes_max / 4);
  auto add = [&](bool idempotent) {
    ProducerPlan plan{.topic = topic.plan.name,
                      .topic_id = topic.id,
                      .partition = partition,
                      .idempotent = idempotent,
                      .promised = idempotent || topic.plan.replicas == 1,
                      .value_bytes_max = world_.rng.Chance(0.3) ? large : 500u};
    producers_.push_back(
        std::make_unique<SimProducer>(world_, std::move(plan), producers_.size() + 1));
  };
  add(true);
  if (topic.plan.replicas > 1) add(true);
  add(false);
  if (partition != 0 || topic.plan.replicas == 1 || !world_.rng.Chance(kCrowdChance)) return;
  ProducerPlan crowd{.topic = topic.plan.name,
                     .topic_id = topic.id,
                     .partition = partition,
                     .idempotent = false,
                     .promised = false,
                     .value_bytes_max = 60,
                     .crowd = true};
  producers_.push_back(
      std::make_unique<SimProducer>(world_, std::move(crowd), producers_.size() + 1));
  world_.Count("crowds of producers");
}

void ClusterLoad::AddReaders(const SimTopic& topic, std::int32_t partition) {
  ReaderPlan plan{.topic = topic.plan.name, .topic_id = topic.id, .partition = partition};
  readers_.push_back(std::make_unique<SimReader>(world_, plan, readers_.size() + 1));
  probers_.push_back(std::make_unique<SimProber>(world_, plan, probers_.size() + 1));
  if (topic.plan.replicas < world_.brokers) return;
  plan.replica = world_.AnyBroker();
  readers_.push_back(std::make_unique<SimReader>(world_, plan, readers_.size() + 1));
}

void ClusterLoad::Start() {
  for (const auto& topic : topics_) {
    for (std::int32_t partition = 0; partition < topic.plan.partitions; ++partition) {
      AddProducers(topic, partition);
      AddReaders(topic, partition);
    }
  }
  for (auto& producer : producers_) producer->Start();
  for (auto& reader : readers_) reader->Start();
  for (auto& prober : probers_) prober->Start();
  recycler_.Start();
  groups_ = std::make_unique<SimGroups>(world_, topics_[0].plan.name, topics_[0].plan.partitions);
  groups_->Start();
  if (keyed_) keyed_->Start();
}

void ClusterLoad::Finish() {
  for (auto& producer : producers_) producer->Finish();
  recycler_.Finish();
  if (groups_) groups_->Finish();
  if (keyed_) keyed_->Finish();
}

void ClusterLoad::Stop() {
  admin_.Stop();
  recycler_.Stop();
  if (groups_) groups_->Stop();
  if (keyed_) keyed_->Stop();
  for (auto& producer : producers_) producer->GiveUp();
  for (auto& reader : readers_) reader->Stop();
  for (auto& prober : probers_) prober->Stop();
}

bool ClusterLoad::settled() const {
  return recycler_.settled() && (!groups_ || groups_->settled()) &&
         (!keyed_ || keyed_->settled()) &&
         std::ranges::all_of(producers_, [](const auto& producer) { return producer->settled(); });
}

std::vector<LogId> ClusterLoad::Logs() const {
  std::vector<LogId> out;
  for (const auto& topic : topics_) {
    for (std::int32_t partition = 0; partition < topic.plan.partitions; ++partition) {
      out.push_back({topic.id, partition});
    }
  }
  for (std::int32_t partition = 0; partition < recycler_.partitions(); ++partition) {
    if (!recycler_.topic_id().IsZero()) out.push_back({recycler_.topic_id(), partition});
  }
  return out;
}

bool ClusterLoad::ReadersAt(const LogId& log, std::int64_t end) const {
  const auto is_there = [&](const auto& reader) {
    const bool other =
        reader->plan().topic_id != log.topic || reader->plan().partition != log.partition;
    return other || reader->next() == end;
  };
  return std::ranges::all_of(readers_, is_there) &&
         std::ranges::all_of(recycler_.readers(), is_there);
}

std::string ClusterLoad::Describe() const {
  std::string out;
  for (const auto& producer : producers_) {
    if (!producer->settled()) out += "\n  " + producer->Describe();
  }
  for (const auto& reader : readers_) out += "\n  " + reader->Describe();
  if (groups_) out += groups_->Describe();
  if (keyed_) out += keyed_->Describe();
  return out + recycler_.Describe();
}

}  // namespace kronika::sim
