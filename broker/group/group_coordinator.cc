#include "broker/group/group_coordinator.h"

#include <fmt/core.h>

#include <limits>

#include "broker/api/java_hash.h"
#include "broker/api/utf8.h"
#include "broker/topic_creator.h"
#include "proto/kafka/wire.h"

namespace kronika::broker {

GroupOptions ToGroupOptions(const metadata::BrokerSettings& settings) {
  constexpr std::int64_t kMinuteMs = 60'000;
  GroupOptions out;
  out.initial_rebalance_delay_ms = settings.group_initial_rebalance_delay_ms;
  out.session_timeout_min_ms = settings.group_session_timeout_min_ms;
  out.session_timeout_max_ms = settings.group_session_timeout_max_ms;
  out.members_max = settings.group_members_max;
  out.offsets_retention_ms = settings.offsets_retention_minutes * kMinuteMs;
  out.offsets_check_interval_ms = settings.offsets_check_interval_ms;
  return out;
}

std::unique_ptr<PartitionState> GroupCoordinator::MakeState(const metadata::PartitionRef& place) {
  if (place.topic->name != kOffsetsTopic) return nullptr;
  const Place where{place.topic->id, place.partition->number};
  auto state = std::make_unique<OffsetsPartition>(
      OffsetsEnvironment{
          environment_.loop, environment_.log, ToGroupOptions(environment_.settings),
          [this, where] { return environment_.partition(where.first, where.second); },
          environment_.stood_still},
      [this, alive = std::weak_ptr(alive_), where](OffsetsPartition* closed) {
        if (!alive.lock()) return;
        const auto found = partitions_.find(where);
        if (found != partitions_.end() && found->second == closed) partitions_.erase(found);
      });
  partitions_[where] = state.get();
  return state;
}

void GroupCoordinator::OnImage(const metadata::Delta& delta) {
  std::set<Uuid> gone;
  for (const auto& change : delta.topics) {
    if (change.before && !change.after) gone.insert(change.before->id);
  }
  if (gone.empty()) return;
  const auto partitions = partitions_;
  for (const auto& [place, partition] : partitions) partition->ForgetTopics(gone);
}

OffsetsPartition* GroupCoordinator::Find(std::string_view group, KafkaError& error) const {
  error = KafkaError::kNotCoordinator;
  const auto topic = environment_.image()->FindTopic(kOffsetsTopic);
  if (!topic || topic->partitions.empty()) return nullptr;
  const auto found = partitions_.find(
      {topic->id, PartitionOfText(group, static_cast<std::int32_t>(topic->partitions.size()))});
  return found == partitions_.end() ? nullptr : found->second;
}

void GroupCoordinator::Call(std::string_view group, OffsetsPartition::Ask ask, GroupDone done) {
  KafkaError error = KafkaError::kNone;
  OffsetsPartition* partition = Find(group, error);
  if (!partition) return done({0, error});
  partition->Call(std::move(ask), Duration::zero(), std::move(done));
}

void GroupCoordinator::CallInTime(std::string_view group, OffsetsPartition::Ask ask,
                                  GroupDone done) {
  KafkaError error = KafkaError::kNone;
  OffsetsPartition* partition = Find(group, error);
  if (!partition) return done({0, error});
  partition->Call(std::move(ask),
                  std::chrono::milliseconds(environment_.settings.offsets_commit_timeout_ms),
                  std::move(done));
}

void GroupCoordinator::Confirmed(std::string_view group, OffsetsPartition::Read read) {
  KafkaError error = KafkaError::kNone;
  OffsetsPartition* partition = Find(group, error);
  if (!partition) return read(error, nullptr, nullptr);
  partition->Confirmed(std::move(read));
}

std::vector<OffsetsPartition*> GroupCoordinator::Led() const {
  std::vector<OffsetsPartition*> out;
  for (const auto& [place, partition] : partitions_) {
    if (partition->coordinator()) out.push_back(partition);
  }
  return out;
}

CoordinatorCounters GroupCoordinator::counters() const {
  CoordinatorCounters out;
  for (const auto& [place, partition] : partitions_) out += partition->counters();
  return out;
}

bool GroupCoordinator::Loading() const {
  for (const auto& [place, partition] : partitions_) {
    if (partition->Availability() == KafkaError::kCoordinatorLoadInProgress) return true;
  }
  return false;
}

std::string GroupCoordinator::NewMemberId(std::string_view prefix) {
  constexpr std::size_t kSuffixBytes = 37;
  // A text that is too long would be cut where it is written, and the members were one.
  prefix = prefix.substr(0, kafka::kTextBytesMax - kSuffixBytes);
  while (!IsUtf8(prefix)) prefix.remove_suffix(1);  // three times at most
  const std::uint64_t high = environment_.rng.Next(), low = environment_.rng.Next();
  return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", prefix, high >> 32,
                     (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & 0xffffffffffff);
}

}  // namespace kronika::broker
