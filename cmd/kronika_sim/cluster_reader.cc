// Fetches and their checks; see cluster_reader.h.
#include "cmd/kronika_sim/cluster_reader.h"

#include <fmt/format.h>

#include <utility>

#include "cmd/kronika_sim/cluster_records.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr Duration kRetryPause = milliseconds(50);
constexpr std::int16_t kFirstVersion = 4;
constexpr std::int16_t kAnyReplicaFirstVersion = 11;
constexpr std::int16_t kTopicIdsFirstVersion = 13;
constexpr std::int16_t kLastVersion = 17;

struct FetchAsked {
  std::int64_t offset = 0;
  std::int32_t epoch = -1;
  std::int32_t wait_ms = 0;
  std::int32_t bytes_min = 1;
  std::int32_t bytes_max = 1 << 20;
};

std::int16_t FirstVersion(const ReaderPlan& plan) {
  if (plan.by_id) return kTopicIdsFirstVersion;
  return plan.replica == kNoBroker ? kFirstVersion : kAnyReplicaFirstVersion;
}

kafka::FetchRequest MakeFetch(const ReaderPlan& plan, const FetchAsked& asked) {
  kafka::FetchRequest request;
  request.max_wait_ms = asked.wait_ms;
  request.min_bytes = asked.bytes_min;
  request.max_bytes = asked.bytes_max;
  auto& topic = request.topics.emplace_back();
  topic.topic = plan.topic;
  topic.topic_id = plan.topic_id;
  auto& partition = topic.partitions.emplace_back();
  partition.partition = plan.partition;
  partition.current_leader_epoch = asked.epoch;
  partition.fetch_offset = asked.offset;
  partition.partition_max_bytes = asked.bytes_max;
  return request;
}

const kafka::FetchResponsePartition* OnlyPartition(const kafka::FetchResponse& answer) {
  if (answer.responses.size() != 1 || answer.responses[0].partitions.size() != 1) return nullptr;
  return &answer.responses[0].partitions[0];
}

}  // namespace

SimReader::SimReader(ClientWorld& world, ReaderPlan plan, std::uint64_t number)
    : client_(world, fmt::format("reader-{}", number)),
      plan_(std::move(plan)),
      version_(world.Version(FirstVersion(plan_), kLastVersion)) {}

void SimReader::Stop() {
  client_.world().loop.Cancel(timer_);
  client_.Stop();
}

void SimReader::RetryLater() {
  timer_ = client_.world().loop.RunAfter(
      kRetryPause, [this] { client_.Refresh(plan_.topic, [this] { Fetch(); }); });
}

void SimReader::Fetch() {
  auto& world = client_.world();
  const KnownLeader leader = client_.Leader(plan_.partition);
  const BrokerId from = plan_.replica == kNoBroker ? leader.broker : plan_.replica;
  if (from.value < 1) return RetryLater();
  FetchAsked asked{.offset = next_,
                   .wait_ms = static_cast<std::int32_t>(world.rng.Below(600)),
                   .bytes_min = world.rng.Chance(0.3) ? 2000 : 1,
                   .bytes_max = static_cast<std::int32_t>(1 + world.rng.Below(60'000))};
  if (from == leader.broker && world.rng.Chance(0.3)) asked.epoch = leader.epoch;
  const std::uint64_t link = client_.Connect(from);
  client_.Ask<kafka::FetchRequest>(from, MakeFetch(plan_, asked), version_,
                                   [this, from, link](Result<kafka::FetchResponse> answer) {
                                     Answered(from, link, std::move(answer));
                                   });
}

void SimReader::Answered(BrokerId from, std::uint64_t link, Result<kafka::FetchResponse> answer) {
  auto& world = client_.world();
  if (!answer) {
    last_failure_ = answer.error().Describe();
    return RetryLater();
  }
  const auto* partition = OnlyPartition(*answer);
  if (partition == nullptr) return world.Violation("a Fetch answer without its partition");
  if (partition->error_code != KafkaError::kNone) {
    last_failure_ = kafka::Name(partition->error_code);
    world.Count("fetch " + last_failure_);
    return RetryLater();
  }
  std::string wrong;
  if (link == high_watermark_link_ && partition->high_watermark < high_watermark_) {
    wrong = fmt::format("the high watermark went from {} to {}", high_watermark_,
                        partition->high_watermark);
  }
  high_watermark_link_ = link;
  high_watermark_ = partition->high_watermark;
  if (wrong.empty()) wrong = Take(*partition);
  if (!wrong.empty()) {
    return world.Violation(fmt::format("{}-{} read from broker {}: {}", plan_.topic,
                                       plan_.partition, from.value, wrong));
  }
  Fetch();
}

std::string SimReader::Take(const kafka::FetchResponsePartition& partition) {
  auto& world = client_.world();
  std::vector<OracleRecord> records;
  if (partition.records && !ParseRecords(*partition.records, next_, records))
    return fmt::format("malformed batches from {} on", next_);
  if (records.empty() && partition.high_watermark > next_)
    return fmt::format("an empty answer at {} below {}", next_, partition.high_watermark);
  for (const auto& record : records) {
    if (record.offset != next_)
      return fmt::format("offset {} follows {}", record.offset, next_ - 1);
    if (record.offset >= partition.high_watermark)
      return fmt::format("{} is shown beyond {}", record.offset, partition.high_watermark);
    if (record.epoch <= plan_.epoch_floor) {
      return fmt::format("{} has leader epoch {} after a deleted topic of the name had {}",
                         record.offset, record.epoch, plan_.epoch_floor);
    }
    if (auto wrong = world.oracle.Shown({plan_.topic_id, plan_.partition}, record); !wrong.empty())
      return wrong;
    ++next_;
  }
  if (!records.empty()) world.Count("fetches with records");
  return "";
}

std::string SimReader::Describe() const {
  return fmt::format("reader of {}-{} at {}, from {}; last failure: {}", plan_.topic,
                     plan_.partition, next_,
                     plan_.replica == kNoBroker ? std::string("the leader")
                                                : fmt::format("broker {}", plan_.replica.value),
                     last_failure_);
}

SimProber::SimProber(ClientWorld& world, ReaderPlan plan, std::uint64_t number)
    : client_(world, fmt::format("prober-{}", number)), plan_(std::move(plan)) {}

void SimProber::Stop() {
  client_.world().loop.Cancel(timer_);
  client_.Stop();
}

void SimProber::AskLater() {
  auto& world = client_.world();
  timer_ = world.loop.RunAfter(milliseconds(20 + world.rng.Below(300)),
                               [this] { client_.Refresh(plan_.topic, [this] { AskEnd(); }); });
}

void SimProber::AskEnd() {
  auto& world = client_.world();
  // Sometimes somebody who may have been the leader once.
  const BrokerId named = client_.Leader(plan_.partition).broker;
  const BrokerId leader = world.rng.Chance(0.2) ? world.AnyBroker() : named;
  if (leader.value < 1) return AskLater();
  kafka::ListOffsetsRequest request;
  request.replica_id = -1;
  request.timeout_ms = 1000;
  auto& topic = request.topics.emplace_back();
  topic.name = plan_.topic;
  topic.partitions.push_back({.partition_index = plan_.partition, .timestamp = -1});
  const std::int64_t floor = world.oracle.End({plan_.topic_id, plan_.partition});
  client_.Ask<kafka::ListOffsetsRequest>(
      leader, request, world.Version(4, 10),
      [this, leader, floor](Result<kafka::ListOffsetsResponse> answer) {
        TakeEnd(leader, floor, std::move(answer));
      });
}

void SimProber::TakeEnd(BrokerId leader, std::int64_t floor,
                        Result<kafka::ListOffsetsResponse> answer) {
  auto& world = client_.world();
  if (!answer) return AskLater();
  if (answer->topics.size() != 1 || answer->topics[0].partitions.size() != 1)
    return world.Violation("a ListOffsets answer without its partition");
  const auto& partition = answer->topics[0].partitions[0];
  if (partition.error_code != KafkaError::kNone) {
    world.Count("ends refused");
    return AskLater();
  }
  world.Count("ends told");
  if (partition.offset < floor) {
    return world.Violation(fmt::format(
        "{}-{}: broker {} says that the log ends at {} after {} was acknowledged or shown",
        plan_.topic, plan_.partition, leader.value, partition.offset, floor - 1));
  }
  if (floor == 0) return AskLater();
  const auto back = static_cast<std::int64_t>(
      world.rng.Chance(0.5) ? 0 : world.rng.Below(static_cast<std::uint64_t>(floor)));
  AskRecord(leader, partition.leader_epoch, floor - 1 - back);
}

void SimProber::AskRecord(BrokerId leader, std::int32_t epoch, std::int64_t offset) {
  const FetchAsked asked{.offset = offset, .epoch = epoch, .bytes_max = 1};
  client_.Ask<kafka::FetchRequest>(leader, MakeFetch(plan_, asked),
                                   client_.world().Version(9, kLastVersion),
                                   [this, offset](Result<kafka::FetchResponse> answer) {
                                     TakeRecord(offset, std::move(answer));
                                   });
}

void SimProber::TakeRecord(std::int64_t offset, Result<kafka::FetchResponse> answer) {
  auto& world = client_.world();
  if (!answer) return AskLater();
  const auto* partition = OnlyPartition(*answer);
  if (partition == nullptr) return world.Violation("a Fetch answer without its partition");
  if (partition->error_code != KafkaError::kNone) return AskLater();
  std::vector<OracleRecord> records;
  const bool parsed = partition->records && ParseRecords(*partition->records, offset, records);
  if (!parsed || records.empty() || records.front().offset != offset) {
    return world.Violation(fmt::format("{}-{}: a leader that named an end behind it has no {}",
                                       plan_.topic, plan_.partition, offset));
  }
  world.Count("records probed");
  const auto wrong = world.oracle.Shown({plan_.topic_id, plan_.partition}, records.front());
  if (!wrong.empty())
    return world.Violation(fmt::format("{}-{}: {}", plan_.topic, plan_.partition, wrong));
  AskLater();
}

}  // namespace kronika::sim
