// Whether a simulated cluster has come to rest, and whether every replica holds what was promised.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/kronika_sim/cluster_records.h"
#include "cmd/kronika_sim/cluster_world.h"

namespace kronika::sim {

std::optional<std::vector<OracleRecord>> ClusterWorld::ReadReplica(SimBroker& broker,
                                                                   const LogId& log) {
  std::vector<OracleRecord> records;
  for (;;) {
    auto* replica = broker.broker().replicas().Find(log.topic, log.partition);
    if (!replica) return std::nullopt;
    const auto next = static_cast<std::int64_t>(records.size());
    std::optional<broker::ReadResult> read;
    replica->Read({.offset = next, .bytes_max = 256 << 10, .first_batch_whole = true},
                  [&](broker::ReadResult result) { read = std::move(result); });
    if (!scheduler_.RunUntilTrue([&] { return read.has_value(); }, std::chrono::seconds(10)))
      return std::nullopt;
    if (read->error != broker::KafkaError::kNone) return std::nullopt;
    if (read->records.empty()) return records;
    if (!ParseRecords(read->records, next, records)) return std::nullopt;
  }
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
    for (const auto& [id, fenced] : broker->broker().replicas().fenced()) {
      state += fmt::format("\n  broker {} group {} fenced: {}", broker->id().value, id.value,
                           fenced.why);
    }
  }
  for (const auto& log : load_->Logs()) {
    state += fmt::format("\n  {}-{}:", log.topic.ToString(), log.partition);
    for (auto& broker : brokers_) {
      auto* replica =
          broker->running() ? broker->broker().replicas().Find(log.topic, log.partition) : nullptr;
      if (!replica) continue;
      const auto status = replica->Status();
      state += fmt::format(" broker {} at {}{}", broker->id().value, status.high_watermark,
                           status.readable ? "" : " (unreadable)");
    }
  }
  return state + load_->Describe();
}

// All replicas of a log are level, and its readers have come to its end.
bool ClusterWorld::LogConverged(const LogId& log) {
  std::int64_t high_watermark = -1;
  for (auto& broker : brokers_) {
    if (!broker->broker().Image()->FindTopic(log.topic)) return false;
    auto* replica = broker->broker().replicas().Find(log.topic, log.partition);
    if (!replica) continue;
    if (!replica->Status().readable) return false;
    const std::int64_t mine = replica->Status().high_watermark;
    if (high_watermark >= 0 && mine != high_watermark) return false;
    high_watermark = mine;
  }
  return high_watermark >= 0 && load_->ReadersAt(log, high_watermark);
}

// Everybody serves, and every producer was answered.
bool ClusterWorld::Converged() {
  if (!load_->settled()) return false;
  for (auto& broker : brokers_) {
    if (!broker->running() || !broker->broker().NotReadyReason().empty()) return false;
    if (!broker->broker().replicas().fenced().empty()) return false;
  }
  if (load_->keyed() && !LogConverged(load_->keyed()->log())) return false;
  return std::ranges::all_of(load_->Logs(), [this](const LogId& log) { return LogConverged(log); });
}

// On exactly the replicas that the image places.
void ClusterWorld::CheckLog(const LogId& log) {
  std::optional<std::vector<OracleRecord>> first;
  for (auto& broker : brokers_) {
    const auto where = fmt::format("{}-{} on broker {}: ", log.topic.ToString(), log.partition,
                                   broker->id().value);
    const auto topic = broker->broker().Image()->FindTopic(log.topic);
    if (!topic) return Violation(where + "the topic is unknown");
    const auto& place = topic->partitions[static_cast<std::size_t>(log.partition)];
    if (!place->members.ReplicaOf(broker->id()).valid()) continue;
    auto records = ReadReplica(*broker, log);
    if (!records) return Violation(where + "cannot be read");
    if (auto wrong = oracle_.CheckReplica(log, *records); !wrong.empty())
      return Violation(where + wrong);
    if (!first) first = records;
    if (*first == *records) continue;
    std::size_t at = 0;
    while (at < first->size() && at < records->size() && (*first)[at] == (*records)[at]) ++at;
    return Violation(where + fmt::format("differs from the first replica from offset {} on; it has "
                                         "{} records, the other {}",
                                         at, records->size(), first->size()));
  }
  if (!first) Violation(fmt::format("nobody has {}-{}", log.topic.ToString(), log.partition));
}

// All that one replica of the compacted topic holds: not dense, and not the same on every replica.
std::string ClusterWorld::CheckKeyed(SimBroker& broker) {
  const SimKeyed& keyed = *load_->keyed();
  std::vector<KeyedWrite> records;
  for (std::int64_t next = 0;;) {
    auto* replica = broker.broker().replicas().Find(keyed.log().topic, 0);
    if (!replica) return "there is no replica";
    std::optional<broker::ReadResult> read;
    replica->Read({.offset = next, .bytes_max = 256 << 10, .first_batch_whole = true},
                  [&](broker::ReadResult result) { read = std::move(result); });
    if (!scheduler_.RunUntilTrue([&] { return read.has_value(); }, std::chrono::seconds(10)) ||
        read->error != broker::KafkaError::kNone)
      return fmt::format("it cannot be read at {}", next);
    if (next == read->high_watermark) break;
    const std::int64_t before = next;
    if (!ParseKeyed(read->records, next, records)) return fmt::format("malformed from {} on", next);
    if (next == before) return fmt::format("nothing at {} below {}", next, read->high_watermark);
  }
  report_.counts["keyed records left"] += records.size();
  return keyed.CheckReplica(records, scheduler_.Now());
}

// Folders of replaced and removed replicas do not stay.
void ClusterWorld::CheckFolders() {
  for (auto& broker : brokers_) {
    auto none_put_aside = [&] {
      return std::ranges::none_of(broker->disk().Names(), [](const std::string& name) {
        return name.find("-delete/") != std::string::npos;
      });
    };
    if (!scheduler_.RunUntilTrue(none_put_aside, std::chrono::seconds(10)))
      return Violation(fmt::format("broker {} keeps a folder put aside", broker->id().value));
  }
}

void ClusterWorld::CheckEverything() {
  for (const auto& log : load_->Logs()) {
    if (!Failed()) CheckLog(log);
  }
  for (auto& broker : brokers_) {
    if (Failed() || !load_->keyed()) break;
    if (auto wrong = CheckKeyed(*broker); !wrong.empty())
      Violation(fmt::format("compacted topic on broker {}: {}", broker->id().value, wrong));
  }
  if (!Failed()) CheckFolders();  // last: it may have to wait, and what is converged moves on
}

}  // namespace kronika::sim
