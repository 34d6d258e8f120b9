// Creation, deletion and those who work between them; see cluster_recycler.h.
#include "cmd/kronika_sim/cluster_recycler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/kafka/create_topics.h"
#include "proto/kafka/delete_topics.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr Duration kPause = milliseconds(60);
constexpr std::uint64_t kFirstWorker = 1000;  // so that names differ from those of other topics

}  // namespace

SimRecycler::SimRecycler(ClientWorld& world, std::string name)
    : world_(world), name_(std::move(name)), admin_(world, "recycler") {}

void SimRecycler::Later(Duration pause, void (SimRecycler::*next)()) {
  timer_ = world_.loop.RunAfter(pause, [this, next] { (this->*next)(); });
}

void SimRecycler::Create() {
  doing_ = "creating";
  partitions_ = 1;
  kafka::CreateTopicsRequest request;
  request.timeout_ms = 1000;
  auto& topic = request.topics.emplace_back();
  topic.name = name_;
  topic.num_partitions = partitions_;
  topic.replication_factor = 3;
  admin_.Ask<kafka::CreateTopicsRequest>(
      world_.AnyBroker(), request, world_.Version(2, 7),
      [this](Result<kafka::CreateTopicsResponse> answer) {
        const bool known = answer && answer->topics.size() == 1 &&
                           (answer->topics[0].error_code == KafkaError::kNone ||
                            answer->topics[0].error_code == KafkaError::kTopicAlreadyExists);
        Later(kPause, known ? &SimRecycler::FindId : &SimRecycler::Create);
      });
}

void SimRecycler::FindId() {
  doing_ = "looking for the new id";
  admin_.Refresh(name_, [this] {
    const bool there = admin_.topic_error() == KafkaError::kNone && !admin_.topic_id().IsZero() &&
                       !gone_.contains(admin_.topic_id());
    // Whoever answered may still show the predecessor, or the creation was not carried out.
    if (!there)
      return Later(kPause, world_.rng.Chance(0.2) ? &SimRecycler::Create : &SimRecycler::FindId);
    topic_id_ = admin_.topic_id();
    Live();
  });
}

void SimRecycler::Live() {
  doing_ = "living";
  world_.Count(gone_.empty() ? "topics created" : "topics created again");
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    ProducerPlan plan{.topic = name_, .topic_id = topic_id_, .partition = partition};
    producers_.push_back(std::make_unique<SimProducer>(world_, plan, kFirstWorker + ++workers_));
    ReaderPlan read{.topic = name_, .topic_id = topic_id_, .partition = partition};
    read.by_id = true;
    read.epoch_floor = epoch_floor_;
    if (world_.rng.Chance(0.5)) read.replica = world_.AnyBroker();
    readers_.push_back(std::make_unique<SimReader>(world_, read, kFirstWorker + workers_));
  }
  for (auto& producer : producers_) producer->Start();
  for (auto& reader : readers_) reader->Start();
  if (finishing_) return Finish();
  Later(milliseconds(300 + world_.rng.Below(3000)), &SimRecycler::Delete);
}

void SimRecycler::Delete() {
  doing_ = "deleting";
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = 1000;
  request.topics.push_back({.topic_id = topic_id_});
  admin_.Ask<kafka::DeleteTopicsRequest>(
      world_.AnyBroker(), request, 6, [this](Result<kafka::DeleteTopicsResponse> answer) {
        const bool gone = answer && answer->responses.size() == 1 &&
                          (answer->responses[0].error_code == KafkaError::kNone ||
                           answer->responses[0].error_code == KafkaError::kUnknownTopicId);
        if (!gone) return Later(kPause, &SimRecycler::Delete);
        world_.Count("topics deleted");
        for (std::int32_t partition = 0; partition < partitions_; ++partition) {
          epoch_floor_ = std::max(epoch_floor_, world_.oracle.LastEpoch({topic_id_, partition}));
        }
        StopWorkers();
        gone_.insert(std::exchange(topic_id_, Uuid{}));
        Later(milliseconds(world_.rng.Below(300)), &SimRecycler::Create);
      });
}

void SimRecycler::StopWorkers() {
  for (auto& producer : producers_) producer->GiveUp();
  for (auto& reader : readers_) reader->Stop();
  producers_.clear();
  readers_.clear();
}

void SimRecycler::Finish() {
  finishing_ = true;
  if (topic_id_.IsZero() || doing_ == std::string_view("deleting")) return;
  world_.loop.Cancel(timer_);
  for (auto& producer : producers_) producer->Finish();
}

void SimRecycler::Stop() {
  world_.loop.Cancel(timer_);
  admin_.Stop();
  StopWorkers();
}

bool SimRecycler::settled() const {
  return !topic_id_.IsZero() && doing_ == std::string_view("living") &&
         std::ranges::all_of(producers_, [](const auto& each) { return each->settled(); });
}

std::string SimRecycler::Describe() const {
  std::string out = fmt::format("\n  recycler of {}: {}, {} gone", name_, doing_, gone_.size());
  for (const auto& producer : producers_) out += "\n  " + producer->Describe();
  for (const auto& reader : readers_) out += "\n  " + reader->Describe();
  return out;
}

}  // namespace kronika::sim
