// What the members of a consumer group tell each other, as bytes; see assignors.h.
#include <algorithm>

#include "cmd/client/assignors.h"
#include "proto/kafka/consumer_protocol_assignment.h"
#include "proto/kafka/consumer_protocol_subscription.h"
#include "proto/kafka/versioned.h"

namespace kronika::client {
namespace {

constexpr std::int16_t kSubscriptionVersion = 3;
// Without fields of later versions: every consumer reads it.
constexpr std::int16_t kAssignmentVersion = 0;

template <class Topics>
void Add(Topics& topics, const TopicPartition& each) {
  if (topics.empty() || topics.back().topic != each.topic) topics.emplace_back().topic = each.topic;
  topics.back().partitions.push_back(each.partition);
}

template <class Topics>
std::vector<TopicPartition> Flat(const Topics& topics) {
  std::vector<TopicPartition> out;
  for (const auto& topic : topics) {
    for (const auto partition : topic.partitions) {
      out.push_back({std::string(topic.topic), partition});
    }
  }
  std::ranges::sort(out);
  return out;
}

// User data of Kafka's sticky assignor: an array of (topic, partitions), then the generation.
void ReadStickyData(const Slice& bytes, Subscriber& member) {
  struct Topic {
    std::string_view topic;
    std::vector<std::int32_t> partitions;
  };
  kafka::Reader in(bytes);
  std::vector<Topic> topics;
  in.Array(topics, {}, [](kafka::Reader& from, Topic& topic) {
    topic.topic = from.Text(false);
    from.Array(topic.partitions, {},
               [](kafka::Reader& each, std::int32_t& out) { out = each.Int<std::int32_t>(); });
  });
  // Its first version had no generation.
  const std::int32_t generation = in.left() == 0 ? -1 : in.Int<std::int32_t>();
  if (!in.ok()) return;
  member.owned = Flat(topics);
  member.owned_generation = generation;
}

template <class Output>
void WriteStickyData(Output& out, const kafka::ConsumerProtocolSubscription& from) {
  out.Size(from.owned_partitions.size(), false);
  for (const auto& topic : from.owned_partitions) {
    out.Text(topic.topic, false);
    out.Size(topic.partitions.size(), false);
    for (const auto partition : topic.partitions) out.Int(partition);
  }
  out.Int(from.generation_id);
}

Slice StickyData(const kafka::ConsumerProtocolSubscription& from) {
  kafka::SizeCounter size;
  WriteStickyData(size, from);
  kafka::Writer out(size.total());
  WriteStickyData(out, from);
  return Flatten(out.Finish());
}

}  // namespace

Slice EncodeSubscription(Assignor assignor, const Subscriber& member) {
  kafka::ConsumerProtocolSubscription out;
  out.topics.assign(member.topics.begin(), member.topics.end());
  if (assignor == Assignor::kSticky && !member.owned.empty()) {
    for (const auto& each : member.owned) Add(out.owned_partitions, each);
    out.generation_id = member.owned_generation;
    out.user_data = StickyData(out);
    // All was given up before joining, as every eager member does; what it had is user data only.
    out.owned_partitions.clear();
  }
  return kafka::EncodeVersioned(out, kSubscriptionVersion);
}

Result<Subscriber> DecodeSubscription(const Slice& bytes) {
  const auto read = kafka::DecodeVersionedOrLater<kafka::ConsumerProtocolSubscription>(bytes);
  if (!read) return std::unexpected(read.error());
  Subscriber member;
  member.topics.assign(read->topics.begin(), read->topics.end());
  member.owned = Flat(read->owned_partitions);
  member.owned_generation = read->generation_id;
  if (read->user_data && member.owned.empty()) ReadStickyData(*read->user_data, member);
  return member;
}

Slice EncodeAssignment(const std::vector<TopicPartition>& partitions) {
  kafka::ConsumerProtocolAssignment out;
  for (const auto& each : partitions) Add(out.assigned_partitions, each);
  return kafka::EncodeVersioned(out, kAssignmentVersion);
}

Result<std::vector<TopicPartition>> DecodeAssignment(const Slice& bytes) {
  if (bytes.size() == 0) return std::vector<TopicPartition>{};
  const auto read = kafka::DecodeVersionedOrLater<kafka::ConsumerProtocolAssignment>(bytes);
  if (!read) return std::unexpected(read.error());
  return Flat(read->assigned_partitions);
}

}  // namespace kronika::client
