#include "broker/group/records.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "proto/kafka/group_metadata_key.h"
#include "proto/kafka/group_metadata_value.h"
#include "proto/kafka/offset_commit_key.h"
#include "proto/kafka/offset_commit_value.h"
#include "proto/kafka/versioned.h"

namespace kronika::broker {
namespace {

constexpr std::int16_t kOffsetVersion = 4;
constexpr std::int16_t kGroupVersion = 3;
// Kafka wrote offsets under two record types; their keys are alike.
constexpr std::int16_t kOldOffsetType = 0;

std::optional<std::string_view> View(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::string_view(*text);
}

template <class Text>
std::optional<std::string> Own(const std::optional<Text>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace

GroupPhase StoredGroup::Phase() const {
  if (members.empty()) return GroupPhase::kEmpty;
  if (state_timestamp_ms != kUnfinished) return GroupPhase::kStable;
  const bool assigned =
      std::ranges::any_of(members, [](const auto& member) { return !member.assignment.empty(); });
  // Without a leader nobody can assign anything.
  return assigned || !leader ? GroupPhase::kUnbalanced : GroupPhase::kAssigning;
}

std::string EncodeKey(const GroupKey& key) {
  kafka::GroupMetadataKey out;
  out.group = key.group;
  return std::string(kafka::EncodeKey(out).text());
}

std::string EncodeKey(const OffsetKey& key) {
  kafka::OffsetCommitKey out;
  out.group = key.group;
  out.topic = key.topic;
  out.partition = key.partition;
  return std::string(kafka::EncodeKey(out).text());
}

std::string EncodeValue(const StoredGroup& group) {
  kafka::GroupMetadataValue out;
  out.protocol_type = group.protocol_type;
  out.generation = group.generation;
  out.protocol = View(group.protocol);
  out.leader = View(group.leader);
  out.current_state_timestamp = group.state_timestamp_ms;
  for (const StoredMember& member : group.members) {
    auto& to = out.members.emplace_back();
    to.member_id = member.id;
    to.group_instance_id = View(member.instance);
    to.client_id = member.client_id;
    to.client_host = member.client_host;
    to.rebalance_timeout = member.rebalance_timeout_ms;
    to.session_timeout = member.session_timeout_ms;
    to.subscription = Slice::CopyOf(member.subscription);
    to.assignment = Slice::CopyOf(member.assignment);
  }
  return std::string(kafka::EncodeVersioned(out, kGroupVersion).text());
}

std::string EncodeValue(const StoredOffset& offset) {
  kafka::OffsetCommitValue out;
  out.offset = offset.offset;
  out.leader_epoch = offset.leader_epoch;
  out.metadata = offset.metadata;
  out.commit_timestamp = offset.commit_timestamp_ms;
  out.expires_at = offset.expire_timestamp_ms;
  out.topic_id = offset.topic;
  out.metadata_index = static_cast<std::int64_t>(offset.metadata_index.value);
  return std::string(kafka::EncodeVersioned(out, kOffsetVersion).text());
}

Result<AnyKey> DecodeKey(Bytes key) {
  const Slice bytes = Slice::CopyOf(key);
  const auto type = kafka::LeadingNumber(bytes);
  if (!type) return std::unexpected(type.error());
  if (*type == kafka::GroupMetadataKey::kRecordType) {
    auto group = kafka::DecodeKey<kafka::GroupMetadataKey>(bytes);
    if (!group) return std::unexpected(std::move(group).error());
    return GroupKey{std::string(group->group)};
  }
  if (*type != kOldOffsetType && *type != kafka::OffsetCommitKey::kRecordType) {
    return Fail(ErrorCode::kUnsupported, fmt::format("record type {} is not of groups", *type));
  }
  auto offset = kafka::OffsetCommitKey::Decode(bytes.Sub(2, bytes.size() - 2),
                                               kafka::OffsetCommitKey::kVersionLast);
  if (!offset) return std::unexpected(std::move(offset).error());
  return OffsetKey{std::string(offset->group), std::string(offset->topic), offset->partition};
}

Result<StoredGroup> DecodeGroup(Bytes value) {
  auto in = kafka::DecodeVersioned<kafka::GroupMetadataValue>(Slice::CopyOf(value));
  if (!in) return std::unexpected(std::move(in).error());
  StoredGroup out{.protocol_type = std::string(in->protocol_type),
                  .generation = in->generation,
                  .protocol = Own(in->protocol),
                  .leader = Own(in->leader),
                  .state_timestamp_ms = in->current_state_timestamp,
                  .members = {}};
  for (const auto& member : in->members) {
    out.members.push_back({.id = std::string(member.member_id),
                           .instance = Own(member.group_instance_id),
                           .client_id = std::string(member.client_id),
                           .client_host = std::string(member.client_host),
                           .rebalance_timeout_ms = member.rebalance_timeout,
                           .session_timeout_ms = member.session_timeout,
                           .subscription = std::string(member.subscription.text()),
                           .assignment = std::string(member.assignment.text())});
  }
  std::ranges::sort(out.members, {}, &StoredMember::id);
  return out;
}

Result<StoredOffset> DecodeOffset(Bytes value) {
  auto in = kafka::DecodeVersioned<kafka::OffsetCommitValue>(Slice::CopyOf(value));
  if (!in) return std::unexpected(std::move(in).error());
  return StoredOffset{.offset = in->offset,
                      .leader_epoch = in->leader_epoch,
                      .metadata = std::string(in->metadata),
                      .commit_timestamp_ms = in->commit_timestamp,
                      .expire_timestamp_ms = std::max(in->expires_at, in->expire_timestamp),
                      .topic = in->topic_id,
                      .metadata_index = Index{static_cast<std::uint64_t>(in->metadata_index)}};
}

std::string Describe(const StoredGroup& group) {
  constexpr std::string_view kPhases[] = {"empty", "assigning", "unbalanced", "stable"};
  std::string out =
      fmt::format("{} generation={}", kPhases[static_cast<int>(group.Phase())], group.generation);
  if (!group.protocol_type.empty()) out += " type=" + group.protocol_type;
  if (group.protocol) out += " protocol=" + *group.protocol;
  if (group.leader) out += " leader=" + *group.leader;
  for (const StoredMember& member : group.members) {
    out += " [" + member.id;
    if (member.instance) out += " instance=" + *member.instance;
    out += " " + member.subscription;
    if (!member.assignment.empty()) out += " -> " + member.assignment;
    out += "]";
  }
  return out;
}

std::string Describe(const StoredOffset& offset) {
  std::string out = std::to_string(offset.offset);
  if (offset.leader_epoch >= 0) out += fmt::format(" epoch={}", offset.leader_epoch);
  if (!offset.metadata.empty()) out += " metadata=" + offset.metadata;
  if (offset.expire_timestamp_ms >= 0)
    out += fmt::format(" expires={}", offset.expire_timestamp_ms);
  return out;
}

}  // namespace kronika::broker
