// CreateTopics and DeleteTopics as decisions; see controller.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "metadata/codec.h"
#include "metadata/controller.h"
#include "metadata/placement.h"
#include "metadata/topic_rules.h"

namespace kronika::metadata {
namespace {

// Of one request: bounds the entry, and the time that its application takes.
constexpr std::int64_t kPartitionsPerRequestMax = 10'000;
constexpr std::int32_t kDefaultFactor = 3;

class TopicPlanner {
 public:
  explicit TopicPlanner(const ControllerView& view)
      : view_(view), image_(view.image), load_(LoadOf(view.image)) {
    for (const auto id : image_.RegisteredBrokers()) {
      const bool live = std::ranges::find(view.live, id) != view.live.end();
      brokers_.push_back({.id = id, .rack = image_.FindBroker(id)->rack, .live = live});
    }
    next_group_ = image_.next_group;
  }

  TopicResult Plan(const TopicRequest& request, Records& records) {
    TopicResult result{.name = request.name, .id = request.id};
    if (auto refusal = CheckTopicName(image_, request.name))
      return Refused(result, std::move(*refusal));
    if (auto refusal = CheckAgainstPlanned(request.name))
      return Refused(result, std::move(*refusal));
    auto configs = CheckTopicConfigs(request.configs, view_.entry_bytes_max);
    if (configs.refusal) return Refused(result, std::move(*configs.refusal));
    auto refusal = request.assignment.empty() ? CheckCounts(request, result)
                                              : CheckAssignment(request, result);
    if (refusal) return Refused(result, std::move(*refusal));
    return Add(request, std::move(configs.configs), result, records);
  }

 private:
  static TopicResult Refused(TopicResult& result, Refusal refusal) {
    return {.name = result.name, .id = {}, .refusal = std::move(refusal)};
  }
  static Refusal Refuse(RefusalCode code, std::string text) {
    return {.code = code, .text = std::move(text)};
  }

  // Names that this request has already made collide like existing ones.
  std::optional<Refusal> CheckAgainstPlanned(std::string_view name) const {
    return CheckTopicName(planned_names_, name);
  }

  std::optional<Refusal> CheckCounts(const TopicRequest& request, TopicResult& result) const {
    const auto registered = static_cast<std::int32_t>(brokers_.size());
    result.partitions = request.partitions == -1 ? view_.settings.partitions : request.partitions;
    result.replication_factor = request.replication_factor;
    if (request.replication_factor == -1) {
      const auto configured = view_.settings.replication_factor;
      result.replication_factor =
          configured != 0 ? configured : std::min(kDefaultFactor, std::max(registered, 1));
    }
    if (result.partitions < 1) {
      return Refuse(RefusalCode::kInvalidPartitions, "Number of partitions must be larger than 0.");
    }
    if (result.replication_factor < 1) {
      return Refuse(RefusalCode::kInvalidReplicationFactor,
                    "Replication factor must be larger than 0.");
    }
    if (result.replication_factor > registered) {
      return Refuse(
          RefusalCode::kInvalidReplicationFactor,
          fmt::format(
              "Unable to replicate the partition {} time(s): only {} broker(s) are registered.",
              result.replication_factor, registered));
    }
    // With a majority alive the partitions can be written at once; the others join when they are
    // back.
    const auto live =
        std::ranges::count_if(brokers_, [](const PlacementBroker& broker) { return broker.live; });
    if (live >= result.replication_factor / 2 + 1) return std::nullopt;
    return Refuse(
        RefusalCode::kInvalidReplicationFactor,
        fmt::format("Unable to replicate the partition {} time(s): only {} broker(s) are alive.",
                    result.replication_factor, live));
  }

  std::optional<Refusal> CheckAssignment(const TopicRequest& request, TopicResult& result) const {
    if (request.partitions != -1 || request.replication_factor != -1) {
      return Refuse(
          RefusalCode::kInvalidRequest,
          "Both a manual assignment and a partition count or replication factor were given.");
    }
    const auto code = RefusalCode::kInvalidReplicaAssignment;
    const std::size_t factor = request.assignment.front().size();
    for (const auto& replicas : request.assignment) {
      if (replicas.empty())
        return Refuse(code, "The manual partition assignment includes an empty replica list.");
      if (replicas.size() != factor)
        return Refuse(code, "The partitions have different numbers of replicas.");
      std::set<BrokerId> distinct(replicas.begin(), replicas.end());
      if (distinct.size() != replicas.size())
        return Refuse(code, "A partition has two replicas on one broker.");
      for (const auto id : replicas) {
        if (std::ranges::find(brokers_, id, &PlacementBroker::id) != brokers_.end()) continue;
        return Refuse(
            code,
            fmt::format("The manual partition assignment includes broker {}, but no such broker is "
                        "registered.",
                        id.value));
      }
    }
    result.partitions = static_cast<std::int32_t>(request.assignment.size());
    result.replication_factor = static_cast<std::int32_t>(factor);
    return std::nullopt;
  }

  TopicResult Add(const TopicRequest& request, std::vector<ConfigValue> configs,
                  TopicResult& result, Records& records) {
    if (partitions_ + result.partitions > kPartitionsPerRequestMax) {
      return Refused(result, Refuse(RefusalCode::kPolicyViolation,
                                    fmt::format("One request may create {} partitions at most.",
                                                kPartitionsPerRequestMax)));
    }
    PlacementLoad load = load_;
    const auto placed = request.assignment.empty()
                            ? Place(brokers_, result.partitions, result.replication_factor, load)
                            : request.assignment;
    TopicCreated record{.name = request.name, .topic = request.id, .configs = std::move(configs)};
    GroupId group = next_group_;
    for (const auto& replicas : placed) {
      auto& partition =
          record.partitions.emplace_back(PartitionPlaced{.group = group, .replicas = {}});
      for (const auto id : replicas)
        partition.replicas.push_back({.broker = id, .incarnation = kPlacedHere});
      ++group.value;
    }
    const std::size_t bytes = EncodeRecords({record}).size();
    if (bytes_ + bytes > view_.entry_bytes_max) {
      return Refused(result, Refuse(RefusalCode::kPolicyViolation,
                                    "The request needs too large a metadata entry."));
    }
    bytes_ += bytes;
    partitions_ += result.partitions;
    next_group_ = group;
    load_ = std::move(load);
    planned_names_.topic_names.Set(request.name, request.id);
    records.emplace_back(std::move(record));
    return result;
  }

  const ControllerView& view_;
  const Image& image_;
  PlacementLoad load_;
  std::vector<PlacementBroker> brokers_;
  Image planned_names_;  // only its topic_names
  GroupId next_group_;
  std::int64_t partitions_ = 0;
  std::size_t bytes_ = 0;
};

TopicResult DuplicateResult(const std::string& name) {
  return {
      .name = name,
      .id = {},
      .refusal = Refusal{.code = RefusalCode::kInvalidRequest, .text = "Duplicate topic name."}};
}

}  // namespace

TopicPlan CreateTopics(const ControllerView& view, std::span<const TopicRequest> requests) {
  std::map<std::string, int> mentions;
  for (const auto& request : requests) ++mentions[request.name];
  TopicPlanner planner(view);
  TopicPlan plan;
  for (const auto& request : requests) {
    plan.results.push_back(mentions[request.name] > 1 ? DuplicateResult(request.name)
                                                      : planner.Plan(request, plan.records));
  }
  return plan;
}

TopicPlan DeleteTopics(const Image& image, std::span<const DeleteRequest> requests) {
  TopicPlan plan;
  std::set<Uuid> deleted;
  for (const auto& request : requests) {
    const bool by_name = !request.name.empty();
    const TopicPtr topic = by_name ? image.FindTopic(request.name) : image.FindTopic(request.id);
    TopicResult result{.name = request.name, .id = request.id};
    if (!topic) {
      result.refusal =
          Refusal{.code = by_name ? RefusalCode::kUnknownTopic : RefusalCode::kUnknownTopicId,
                  .text = "This server does not host this topic."};
    } else if (!deleted.insert(topic->id).second) {
      result.refusal =
          Refusal{.code = RefusalCode::kInvalidRequest, .text = "The topic is named twice."};
    } else {
      result.name = topic->name;
      result.id = topic->id;
      Term highest = request.highest_leader_epoch;
      for (const auto& partition : topic->partitions)
        highest = std::max(highest, partition->epoch_floor);
      plan.records.emplace_back(
          TopicDeleted{.topic = topic->id, .epoch_floor = highest + kEpochFloorMargin});
    }
    plan.results.push_back(std::move(result));
  }
  return plan;
}

Records AllocateProducerIds(const Image& image, BrokerId broker) {
  return {ProducerIdsAllocated{
      .broker = broker, .first = image.next_producer_id, .count = kProducerIdBlock}};
}

}  // namespace kronika::metadata
