#include "broker/group/classic_group.h"

#include <set>
#include <utility>

#include "base/check.h"
#include "proto/kafka/consumer_protocol_subscription.h"
#include "proto/kafka/versioned.h"

namespace kronika::broker {
namespace {

GroupState StateOf(GroupPhase phase) {
  switch (phase) {
    case GroupPhase::kEmpty:
      return GroupState::kEmpty;
    case GroupPhase::kAssigning:
      return GroupState::kCompleting;
    case GroupPhase::kUnbalanced:
      return GroupState::kPreparing;
    case GroupPhase::kStable:
      return GroupState::kStable;
  }
  std::unreachable();
}

}  // namespace

std::string_view Name(GroupState state) {
  switch (state) {
    case GroupState::kEmpty:
      return "Empty";
    case GroupState::kPreparing:
      return "PreparingRebalance";
    case GroupState::kCompleting:
      return "CompletingRebalance";
    case GroupState::kStable:
      return "Stable";
  }
  std::unreachable();
}

std::int32_t ClassicGroup::RebalanceTimeoutMs() const {
  std::int32_t out = 0;
  for (const auto& [id, member] : members) out = std::max(out, member.stored.rebalance_timeout_ms);
  return out;
}

ClassicGroup FromStored(const std::string& name, const StoredGroup& stored, std::int64_t now_ms) {
  ClassicGroup out{.name = name,
                   .state = StateOf(stored.Phase()),
                   .generation = stored.generation,
                   .protocol_type = stored.protocol_type,
                   .protocol = stored.protocol,
                   .leader = stored.leader};
  for (const StoredMember& member : stored.members) {
    GroupMember& soft = out.members[member.id];
    soft.stored = member;
    soft.written = soft.restored = true;
    soft.synced = out.state != GroupState::kCompleting;
    soft.session_deadline_ms = now_ms + member.session_timeout_ms;
    if (stored.protocol) soft.protocols = {{*stored.protocol, member.subscription}};
    if (member.instance) out.statics[*member.instance] = member.id;
  }
  if (!out.members.empty()) {
    out.join_deadline_ms = now_ms + out.RebalanceTimeoutMs();
    out.sync_deadline_ms = now_ms + out.RebalanceTimeoutMs();
  }
  return out;
}

bool SupportsProtocols(const ClassicGroup& group, const JoinCall& call) {
  if (call.protocol_type.empty() || call.protocols.empty()) return false;
  if (group.members.empty()) return true;
  if (call.protocol_type != group.protocol_type) return false;
  return std::ranges::any_of(call.protocols, [&](const GroupProtocol& offered) {
    return std::ranges::all_of(group.members, [&](const auto& item) {
      return item.first == call.member ||
             std::ranges::any_of(item.second.protocols, [&](const GroupProtocol& protocol) {
               return protocol.name == offered.name;
             });
    });
  });
}

std::string SelectProtocol(const ClassicGroup& group) {
  std::map<std::string_view, std::size_t> have;
  for (const auto& [id, member] : group.members) {
    std::set<std::string_view> names;
    for (const auto& protocol : member.protocols) names.insert(protocol.name);
    for (auto name : names) ++have[name];
  }
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : group.members) {
    const auto wanted = std::ranges::find_if(member.protocols, [&](const auto& protocol) {
      return have[protocol.name] == group.members.size();
    });
    if (wanted != member.protocols.end()) ++votes[wanted->name];
  }
  if (votes.empty()) return {};
  return std::string(
      std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; })->first);
}

std::string MetadataFor(const GroupMember& member, std::string_view protocol) {
  const auto found = std::ranges::find(member.protocols, protocol, &GroupProtocol::name);
  return found == member.protocols.end() ? std::string() : found->metadata;
}

bool OffersTheSame(const ClassicGroup& group, const GroupMember& member, const JoinCall& call) {
  if (!member.restored) return member.protocols == call.protocols;
  const auto chosen =
      std::ranges::find(call.protocols, group.protocol.value_or(""), &GroupProtocol::name);
  return chosen != call.protocols.end() && chosen->metadata == member.stored.subscription;
}

KafkaError CheckMember(const ClassicGroup& group, const MemberRef& from) {
  if (from.instance) {
    const auto holder = group.statics.find(*from.instance);
    if (holder == group.statics.end()) return KafkaError::kUnknownMemberId;
    if (holder->second != from.member) return KafkaError::kFencedInstanceId;
  }
  return group.members.contains(from.member) ? KafkaError::kNone : KafkaError::kUnknownMemberId;
}

std::optional<std::vector<std::string>> SubscribedTopics(const ClassicGroup& group) {
  if (group.protocol_type != kConsumerType) return std::nullopt;
  std::set<std::string> topics;
  for (const auto& [id, member] : group.members) {
    for (const auto& protocol : member.protocols) {
      const auto subscription = kafka::DecodeVersionedOrLater<kafka::ConsumerProtocolSubscription>(
          Slice::CopyOf(protocol.metadata));
      if (!subscription) return std::nullopt;
      topics.insert(subscription->topics.begin(), subscription->topics.end());
    }
  }
  return std::vector<std::string>(topics.begin(), topics.end());
}

}  // namespace kronika::broker
