// Committed offsets: storing, removing, expiring; and the end of groups.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/group/coordinator.h"

namespace kronika::broker {

KafkaError Coordinator::CheckCommit(ClassicGroup& group, const MemberRef& from,
                                    GroupTime now) const {
  const bool outside = from.member.empty() && !from.instance;
  if (Absent(group)) return from.generation < 0 ? KafkaError::kNone : KafkaError::kGroupIdNotFound;
  if (from.generation < 0 && outside) {
    return group.members.empty() ? KafkaError::kNone : KafkaError::kUnknownMemberId;
  }
  if (const KafkaError error = CheckMember(group, from); error != KafkaError::kNone) return error;
  if (from.generation != group.generation) return KafkaError::kIllegalGeneration;
  if (group.state == GroupState::kCompleting) return KafkaError::kRebalanceInProgress;
  GroupMember& member = *group.Find(from.member);
  member.session_deadline_ms = now.steady_ms + member.stored.session_timeout_ms;
  return KafkaError::kNone;
}

namespace {

std::int64_t ExpireTimestamp(const CommitCall& call, GroupTime now) {
  if (!call.retention_ms || KRONIKA_PLANTED("commit-retention-ignored")) return -1;
  const std::int64_t kept = std::max<std::int64_t>(*call.retention_ms, 0);
  return kept > INT64_MAX - now.wall_ms ? INT64_MAX : now.wall_ms + kept;
}

}  // namespace

void Coordinator::HandleCommits(ClassicGroup& group, std::vector<GroupRequest> requests,
                                GroupTime now) {
  InFlight flight{.kind = InFlight::Kind::kOffsets, .next = {}, .answers = {}};
  std::vector<GroupRecord> records;
  for (auto& request : requests) {
    CommitCall& call = std::get<CommitCall>(request.call);
    const KafkaError error = CheckCommit(group, call.from, now);
    if (error != KafkaError::kNone || call.offsets.empty()) {
      Answer({request.ticket, error});
      continue;
    }
    ++counters_.commits;
    for (auto& item : call.offsets) {
      item.offset.commit_timestamp_ms = now.wall_ms;
      item.offset.expire_timestamp_ms = ExpireTimestamp(call, now);
      records.push_back(
          {EncodeKey(OffsetKey{group.name, item.topic, item.partition}), EncodeValue(item.offset)});
    }
    if (KRONIKA_PLANTED("commit-answered-before-durable")) {
      Answer({request.ticket, KafkaError::kNone, true});
    } else {
      flight.answers.push_back({request.ticket, KafkaError::kNone});
    }
  }
  if (!records.empty()) Propose(group, std::move(flight), std::move(records));
}

void Coordinator::HandleDeleteOffsets(ClassicGroup& group, Ticket ticket,
                                      const DeleteOffsetsCall& call) {
  ManyAnswer out;
  std::optional<std::vector<std::string>> subscribed = std::vector<std::string>{};
  if (Absent(group)) {
    out.error = KafkaError::kGroupIdNotFound;
  } else if (!group.members.empty()) {
    subscribed = SubscribedTopics(group);
    if (group.protocol_type != kConsumerType) out.error = KafkaError::kNonEmptyGroup;
  }
  if (out.error != KafkaError::kNone) return Answer({ticket, std::move(out)});
  InFlight flight{.kind = InFlight::Kind::kOffsets, .next = {}, .answers = {}};
  std::vector<GroupRecord> records;
  for (const auto& [topic, partition] : call.partitions) {
    // Consumers whose subscriptions cannot be read may use any topic.
    const bool in_use = !subscribed || std::ranges::find(*subscribed, topic) != subscribed->end();
    out.each.push_back(in_use ? KafkaError::kGroupSubscribedToTopic : KafkaError::kNone);
    const OffsetKey key{group.name, topic, partition};
    if (!in_use && applied_.FindOffset(key)) records.push_back({EncodeKey(key), std::nullopt});
  }
  if (records.empty()) return Answer({ticket, std::move(out)});
  flight.answers.push_back({ticket, std::move(out)});
  Propose(group, std::move(flight), std::move(records));
}

void Coordinator::HandleDeleteGroup(ClassicGroup& group, Ticket ticket) {
  if (Absent(group)) return Answer({ticket, KafkaError::kGroupIdNotFound});
  if (group.state != GroupState::kEmpty || !group.members.empty())
    return Answer({ticket, KafkaError::kNonEmptyGroup});
  std::vector<GroupAnswer> answers;
  answers.push_back({ticket, KafkaError::kNone});
  GoOnDeleting(group, std::move(answers));
}

// Offsets first, by parts that fit into one batch each; then the group itself.
void Coordinator::GoOnDeleting(ClassicGroup& group, std::vector<GroupAnswer> answers) {
  InFlight flight{.kind = InFlight::Kind::kDeletion, .next = {}, .answers = std::move(answers)};
  std::vector<GroupRecord> records;
  bool all = true;
  for (const auto& [topic, partitions] : applied_.OffsetsOf(group.name)) {
    for (const auto& [partition, offset] : partitions) {
      all = all && records.size() < options_.removals_per_proposal;
      if (all) records.push_back({EncodeKey(OffsetKey{group.name, topic, partition}), {}});
    }
  }
  if (all && applied_.FindGroup(group.name))
    records.push_back({EncodeKey(GroupKey{group.name}), std::nullopt});
  if (records.empty()) {  // it was only ever in this leader's memory
    for (auto& answer : flight.answers) Answer(std::move(answer));
    return;
  }
  Propose(group, std::move(flight), std::move(records));
}

void Coordinator::ForgetTopics(const std::set<Uuid>& topics, GroupTime now) {
  if (KRONIKA_PLANTED("offsets-kept-by-name")) return;
  std::vector<std::pair<std::string, ForgetOffsets>> found;
  for (const auto& [name, by_topic] : applied_.offsets()) {
    ForgetOffsets forget;
    for (const auto& [topic, partitions] : by_topic) {
      for (const auto& [partition, offset] : partitions) {
        if (topics.contains(offset.topic)) forget.keys.push_back({name, topic, partition});
      }
    }
    if (!forget.keys.empty()) found.emplace_back(name, std::move(forget));
  }
  for (auto& [name, forget] : found) Submit(name, {0, std::move(forget)}, now);
}

void Coordinator::HandleForget(ClassicGroup& group, const ForgetOffsets& call) {
  InFlight flight{.kind = InFlight::Kind::kOffsets, .next = {}, .answers = {}};
  std::vector<GroupRecord> records;
  for (const OffsetKey& key : call.keys) {
    if (records.size() >= options_.removals_per_proposal) break;  // the rest expires later
    if (applied_.FindOffset(key)) records.push_back({EncodeKey(key), std::nullopt});
  }
  std::size_t left = 0;
  for (const auto& [topic, partitions] : applied_.OffsetsOf(group.name)) left += partitions.size();
  const bool unused = group.state == GroupState::kEmpty && group.pending.empty();
  if (call.group_too && unused && left == records.size() && applied_.FindGroup(group.name))
    records.push_back({EncodeKey(GroupKey{group.name}), std::nullopt});
  counters_.expired_offsets += records.size();
  if (!records.empty()) Propose(group, std::move(flight), std::move(records));
}

void Coordinator::ExpireOffsets(GroupTime now) {
  std::set<std::string> names;
  for (const auto& [name, group] : applied_.groups()) names.insert(name);
  for (const auto& [name, offsets] : applied_.offsets()) names.insert(name);
  for (const auto& name : names) {
    ForgetOffsets expired = FindExpired(name, now);
    if (!expired.keys.empty() || expired.group_too) Submit(name, {0, std::move(expired)}, now);
  }
}

// Kafka's rules (KIP-211): of an empty group some time after its last member went, of a group that
// never had members some time after the commit, and of a consumer group what it does not subscribe
// to. Whoever committed it in an old version may have said when.
ForgetOffsets Coordinator::FindExpired(const std::string& name, GroupTime now) const {
  ForgetOffsets out;
  const StoredGroup* stored = applied_.FindGroup(name);
  const auto soft = groups_.find(name);
  const bool has_members = stored && !stored->members.empty();
  const bool stable = soft != groups_.end() && soft->second.state == GroupState::kStable;
  if (soft != groups_.end() && !stable) return out;
  std::optional<std::vector<std::string>> subscribed;
  if (has_members) {
    if (!stable) return out;
    subscribed = SubscribedTopics(soft->second);
    if (!subscribed) return out;
  }
  const bool was_group = stored && !stored->protocol_type.empty();
  for (const auto& [topic, partitions] : applied_.OffsetsOf(name)) {
    if (subscribed && std::ranges::find(*subscribed, topic) != subscribed->end()) continue;
    for (const auto& [partition, offset] : partitions) {
      const std::int64_t since = was_group && !has_members && stored->state_timestamp_ms >= 0
                                     ? stored->state_timestamp_ms
                                     : offset.commit_timestamp_ms;
      const bool over = offset.expire_timestamp_ms >= 0
                            ? now.wall_ms >= offset.expire_timestamp_ms
                            : now.wall_ms - since >= options_.offsets_retention_ms;
      if (over) out.keys.push_back({name, topic, partition});
    }
  }
  out.group_too = stored && !has_members;
  std::size_t all = 0;
  for (const auto& [topic, partitions] : applied_.OffsetsOf(name)) all += partitions.size();
  out.group_too = out.group_too && all == out.keys.size();
  return out;
}

}  // namespace kronika::broker
