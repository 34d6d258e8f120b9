// Joining, and the phase in which all members do.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "broker/group/coordinator.h"

namespace kronika::broker {
namespace {

StoredMember ToStored(const JoinCall& call, const std::string& id) {
  return {.id = id,
          .instance = call.instance,
          .client_id = call.client_id,
          .client_host = call.client_host,
          .rebalance_timeout_ms = call.rebalance_timeout_ms,
          .session_timeout_ms = call.session_timeout_ms,
          .subscription = {},
          .assignment = {}};
}

}  // namespace

void Coordinator::Refuse(Ticket ticket, const std::string& member, KafkaError error) {
  Answer({ticket, JoinAnswer{.error = error, .member = member}});
}

void Coordinator::HandleJoin(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now) {
  const bool known = !call.member.empty();
  if (known && Absent(group)) return Refuse(ticket, call.member, KafkaError::kUnknownMemberId);
  if (!Accepts(group, call)) {
    group.pending.erase(call.member);
    return Refuse(ticket, call.member, KafkaError::kGroupMaxSizeReached);
  }
  if (!SupportsProtocols(group, call))
    return Refuse(ticket, call.member, KafkaError::kInconsistentGroupProtocol);
  if (known) {
    JoinKnown(group, ticket, std::move(call), now);
  } else {
    JoinNew(group, ticket, std::move(call), now);
  }
}

bool Coordinator::Accepts(const ClassicGroup& group, const JoinCall& call) const {
  const auto max = static_cast<std::size_t>(options_.members_max);
  const auto found = group.members.find(call.member);
  const bool member =
      found != group.members.end() || (call.instance && group.statics.contains(*call.instance));
  switch (group.state) {
    case GroupState::kEmpty:
      return true;
    case GroupState::kPreparing:
      return (found != group.members.end() && found->second.joining) || group.JoiningCount() < max;
    case GroupState::kCompleting:
    case GroupState::kStable:
      return member || group.members.size() < max;
  }
  std::unreachable();
}

void Coordinator::JoinNew(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now) {
  if (call.instance) {
    if (group.statics.contains(*call.instance) && !KRONIKA_PLANTED("member-kept-twice"))
      return ReplaceStatic(group, ticket, std::move(call), now);
  } else if (call.id_required) {
    const std::int64_t deadline = now.steady_ms + call.session_timeout_ms;
    group.pending[call.new_member] = deadline;
    Arm(group, deadline);
    return Refuse(ticket, call.new_member, KafkaError::kMemberIdRequired);
  }
  call.member = call.new_member;
  AddMember(group, ticket, std::move(call), now);
}

void Coordinator::JoinKnown(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now) {
  if (group.pending.contains(call.member)) {
    // Only a dynamic member has such an id.
    if (call.instance) return Refuse(ticket, call.member, KafkaError::kUnknownMemberId);
    group.pending.erase(call.member);
    return AddMember(group, ticket, std::move(call), now);
  }
  const KafkaError error =
      CheckMember(group, {group.name, group.generation, call.member, call.instance});
  if (error != KafkaError::kNone) return Refuse(ticket, call.member, error);
  GroupMember& member = *group.Find(call.member);
  const bool same = OffersTheSame(group, member, call);
  const bool leads = group.leader == call.member;
  if (group.state == GroupState::kCompleting
          ? same
          : group.state == GroupState::kStable && same && !leads) {
    member.session_deadline_ms = now.steady_ms + member.stored.session_timeout_ms;
    Answer({ticket, CurrentAnswer(group, call.member)});
    return;
  }
  JoinAgain(group, ticket, call, now);
}

JoinAnswer Coordinator::CurrentAnswer(const ClassicGroup& group, const std::string& id) const {
  JoinAnswer out{.member = id,
                 .generation = group.generation,
                 .protocol_type = group.protocol_type,
                 .protocol = group.protocol,
                 .leader = group.leader.value_or("")};
  if (group.leader != id) return out;
  for (const auto& [other, member] : group.members) {
    out.members.push_back(
        {other, member.stored.instance, MetadataFor(member, group.protocol.value_or(""))});
  }
  return out;
}

void Coordinator::AddMember(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now) {
  if (group.members.empty()) {
    group.protocol_type = call.protocol_type;
    group.leader.reset();
  }
  if (!group.leader) group.leader = call.member;
  if (call.instance) group.statics[*call.instance] = call.member;
  GroupMember& member = group.members[call.member];
  member.stored = ToStored(call, call.member);
  member.synced = true;
  member.session_deadline_ms = now.steady_ms + options_.new_member_timeout_ms;
  member.protocols = std::move(call.protocols);
  member.joining = ticket;
  if (group.state == GroupState::kPreparing && group.first_delay && group.generation == 0)
    group.joined_in_delay = true;
  Arm(group, member.session_deadline_ms);
  if (group.state == GroupState::kPreparing) return MaybeComplete(group, now);
  Prepare(group, now);
}

void Coordinator::JoinAgain(ClassicGroup& group, Ticket ticket, const JoinCall& call,
                            GroupTime now) {
  GroupMember& member = *group.Find(call.member);
  // Asked once more before it was answered: the first request is nobody's any more.
  if (member.joining) Refuse(*member.joining, call.member, KafkaError::kUnknownMemberId);
  const std::string assignment = std::move(member.stored.assignment);
  member.stored = ToStored(call, call.member);
  member.stored.assignment = assignment;
  member.protocols = call.protocols;
  member.restored = false;
  member.joining = ticket;
  if (group.state == GroupState::kPreparing) return MaybeComplete(group, now);
  Prepare(group, now);
}

// The same instance under a new id: the old id is fenced. In a stable group whose protocol stays,
// the others notice nothing (KIP-345).
void Coordinator::ReplaceStatic(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now) {
  const std::string old = group.statics[*call.instance];
  GroupMember next = group.members[old];
  call.member = call.new_member;
  const std::string assignment = next.stored.assignment;
  next.stored = ToStored(call, call.member);
  next.stored.assignment = assignment;
  next.protocols = call.protocols;
  next.restored = false;
  next.session_deadline_ms = now.steady_ms + call.session_timeout_ms;
  if (group.state == GroupState::kStable && group.Find(old)->written) {
    ClassicGroup after = group;
    after.members[old] = next;
    const StoredGroup* stored = applied_.FindGroup(group.name);
    if (stored && SelectProtocol(after) == group.protocol) {
      InFlight flight{.kind = InFlight::Kind::kReplacement,
                      .next = *stored,
                      .answers = {},
                      .replaced = old,
                      .replacement = call.member,
                      .join = call};
      std::erase_if(flight.next.members, [&](const auto& member) { return member.id == old; });
      next.stored.subscription = MetadataFor(next, *group.protocol);
      flight.next.members.push_back(next.stored);
      if (flight.next.leader == old) flight.next.leader = call.member;
      JoinAnswer answer{.member = call.member};
      flight.answers.push_back({ticket, std::move(answer)});
      std::vector<GroupRecord> records{{EncodeKey(GroupKey{group.name}), EncodeValue(flight.next)}};
      return Propose(group, std::move(flight), std::move(records));
    }
  }
  if (next.joining) Refuse(*next.joining, old, KafkaError::kFencedInstanceId);
  if (next.syncing) Answer({*next.syncing, SyncAnswer{.error = KafkaError::kFencedInstanceId}});
  next.joining = ticket;
  next.syncing.reset();
  next.written = false;
  const std::int64_t deadline = next.session_deadline_ms;
  group.members.erase(old);
  group.members[call.member] = std::move(next);
  group.statics[*call.instance] = call.member;
  if (group.leader == old) group.leader = call.member;
  Arm(group, deadline);
  if (group.state == GroupState::kPreparing) return MaybeComplete(group, now);
  Prepare(group, now);
}

void Coordinator::Replaced(ClassicGroup& group, InFlight& done, GroupTime now) {
  const JoinCall& call = *done.join;
  const bool led = group.leader == done.replaced;
  auto node = group.members.extract(done.replaced);
  GroupMember& member = group.members[done.replacement];
  const std::string assignment = node ? node.mapped().stored.assignment : "";
  member.stored = ToStored(call, done.replacement);
  member.stored.assignment = assignment;
  member.protocols = call.protocols;
  member.synced = member.written = true;
  member.session_deadline_ms = now.steady_ms + call.session_timeout_ms;
  group.statics[*call.instance] = done.replacement;
  if (led) group.leader = done.replacement;
  Arm(group, member.session_deadline_ms);
  JoinAnswer& answer = std::get<JoinAnswer>(done.answers.front().what);
  answer = CurrentAnswer(group, done.replacement);
  if (!led) return;
  if (call.may_skip_assignment) {
    answer.skip_assignment = true;
  } else {
    // An older client must not begin to assign: it is told that somebody else leads.
    answer.leader = done.replaced;
    answer.members.clear();
  }
}

void Coordinator::Prepare(ClassicGroup& group, GroupTime now) {
  const bool first = group.state == GroupState::kEmpty;
  if (group.state == GroupState::kCompleting) FailSyncs(group, KafkaError::kRebalanceInProgress);
  group.state = GroupState::kPreparing;
  group.first_delay = first;
  group.joined_in_delay = false;
  if (first) {
    const std::int64_t delay = options_.initial_rebalance_delay_ms;
    group.join_deadline_ms = now.steady_ms + delay;
    group.delay_left_ms = std::max<std::int64_t>(group.RebalanceTimeoutMs() - delay, 0);
    if (delay == 0) return Complete(group, now);
  } else {
    group.join_deadline_ms = now.steady_ms + group.RebalanceTimeoutMs();
  }
  Arm(group, group.join_deadline_ms);
  MaybeComplete(group, now);
}

void Coordinator::MaybeComplete(ClassicGroup& group, GroupTime now) {
  if (group.state != GroupState::kPreparing || group.first_delay || group.in_flight) return;
  if (group.JoiningCount() == group.members.size() && group.pending.empty()) Complete(group, now);
}

void Coordinator::OnJoinDeadline(ClassicGroup& group, GroupTime now) {
  if (group.state != GroupState::kPreparing) return;
  if (now.steady_ms < group.join_deadline_ms) return MaybeComplete(group, now);
  if (group.first_delay && group.joined_in_delay && group.delay_left_ms > 0) {
    const std::int64_t delay =
        std::min<std::int64_t>(options_.initial_rebalance_delay_ms, group.delay_left_ms);
    group.joined_in_delay = false;
    group.delay_left_ms -= delay;
    group.join_deadline_ms = now.steady_ms + delay;
    return;
  }
  Complete(group, now);
}

// Who did not join is left out, but for static members, whose session decides.
void Coordinator::Complete(ClassicGroup& group, GroupTime now) {
  std::map<std::string, GroupMember, std::less<>> left_out;
  for (auto at = group.members.begin(); at != group.members.end();) {
    const auto member = at++;
    if (member->second.joining || member->second.stored.instance) continue;
    left_out.insert(group.members.extract(member));
  }
  if (!group.members.empty() && group.JoiningCount() == 0) {
    group.members.merge(left_out);
    group.join_deadline_ms = now.steady_ms + group.RebalanceTimeoutMs();
    return Arm(group, group.join_deadline_ms);
  }
  InFlight flight{.kind = InFlight::Kind::kGeneration,
                  .next = {.protocol_type = group.protocol_type,
                           .generation = group.generation + 1,
                           .protocol = {},
                           .leader = {},
                           .state_timestamp_ms = now.wall_ms,
                           .members = {}},
                  .answers = {},
                  .left_out = std::move(left_out)};
  if (KRONIKA_PLANTED("generation-reused") && group.generation > 0)
    flight.next.generation = group.generation;
  if (!group.members.empty()) {
    const GroupMember* leader = group.leader ? group.Find(*group.leader) : nullptr;
    if (!leader || !leader->joining) {
      group.leader = std::ranges::find_if(group.members, [](const auto& item) {
                       return item.second.joining.has_value();
                     })->first;
    }
    flight.next.protocol = SelectProtocol(group);
    flight.next.leader = group.leader;
    flight.next.state_timestamp_ms = StoredGroup::kUnfinished;
    for (const auto& [id, member] : group.members) {
      StoredMember& to = flight.next.members.emplace_back(member.stored);
      to.subscription = MetadataFor(member, *flight.next.protocol);
      to.assignment.clear();
    }
  }
  std::vector<GroupRecord> records{{EncodeKey(GroupKey{group.name}), EncodeValue(flight.next)}};
  Propose(group, std::move(flight), std::move(records));
}

// The generation is written: now its members may hear of it.
void Coordinator::BeginGeneration(ClassicGroup& group, InFlight& done, GroupTime now) {
  ++counters_.generations;
  group.generation = done.next.generation;
  group.protocol = done.next.protocol;
  group.leader = done.next.leader;
  group.first_delay = false;
  if (group.members.empty()) {
    group.state = GroupState::kEmpty;
    return;
  }
  group.state = GroupState::kCompleting;
  group.sync_deadline_ms = now.steady_ms + group.RebalanceTimeoutMs();
  Arm(group, group.sync_deadline_ms);
  for (auto& [id, member] : group.members) {
    member.written = true;
    member.synced = false;
    member.stored.assignment.clear();
    member.session_deadline_ms = now.steady_ms + member.stored.session_timeout_ms;
    Arm(group, member.session_deadline_ms);
    if (auto ticket = std::exchange(member.joining, std::nullopt))
      done.answers.push_back({*ticket, CurrentAnswer(group, id), true});
  }
}

}  // namespace kronika::broker
