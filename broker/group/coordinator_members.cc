// Members of a generation: assignments, signs of life, and how members go.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/group/coordinator.h"

namespace kronika::broker {

void Coordinator::HandleSync(ClassicGroup& group, Ticket ticket, SyncCall call, GroupTime now) {
  const auto refuse = [&](KafkaError error) { Answer({ticket, SyncAnswer{.error = error}}); };
  if (const KafkaError error = CheckMember(group, call.from); error != KafkaError::kNone)
    return refuse(error);
  if (call.from.generation != group.generation) return refuse(KafkaError::kIllegalGeneration);
  if ((call.protocol_type && *call.protocol_type != group.protocol_type) ||
      (call.protocol && call.protocol != group.protocol))
    return refuse(KafkaError::kInconsistentGroupProtocol);
  GroupMember& member = *group.Find(call.from.member);
  switch (group.state) {
    case GroupState::kEmpty:
      return refuse(KafkaError::kUnknownMemberId);
    case GroupState::kPreparing:
      return refuse(KafkaError::kRebalanceInProgress);
    case GroupState::kStable:
      member.synced = true;
      member.session_deadline_ms = now.steady_ms + member.stored.session_timeout_ms;
      return Answer({ticket, SyncAnswer{.protocol_type = group.protocol_type,
                                        .protocol = group.protocol,
                                        .assignment = member.stored.assignment}});
    case GroupState::kCompleting:
      break;
  }
  if (member.syncing) Answer({*member.syncing, SyncAnswer{.error = KafkaError::kUnknownMemberId}});
  member.syncing = ticket;
  member.synced = true;
  if (group.leader == call.from.member) ProposeAssignments(group, call, now);
}

void Coordinator::ProposeAssignments(ClassicGroup& group, const SyncCall& call, GroupTime now) {
  // Made for members that have gone since: part of the work would be nobody's.
  const bool stale = std::ranges::any_of(
      call.assignments, [&](const auto& item) { return !group.members.contains(item.first); });
  const StoredGroup* stored = applied_.FindGroup(group.name);
  if (stale || !stored) return Prepare(group, now);
  InFlight flight{.kind = InFlight::Kind::kAssignments, .next = *stored, .answers = {}};
  flight.next.state_timestamp_ms = now.wall_ms;
  for (StoredMember& member : flight.next.members) {
    member.assignment.clear();
    for (const auto& [id, assignment] : call.assignments) {
      if (id == member.id) member.assignment = assignment;
    }
  }
  std::vector<GroupRecord> records{{EncodeKey(GroupKey{group.name}), EncodeValue(flight.next)}};
  Propose(group, std::move(flight), std::move(records));
}

void Coordinator::Assigned(ClassicGroup& group, InFlight& done, GroupTime now) {
  group.state = GroupState::kStable;
  for (const StoredMember& stored : done.next.members) {
    GroupMember* member = group.Find(stored.id);
    if (!member) continue;
    member->stored.assignment = stored.assignment;
    const auto ticket = std::exchange(member->syncing, std::nullopt);
    if (!ticket) continue;
    member->session_deadline_ms = now.steady_ms + member->stored.session_timeout_ms;
    done.answers.push_back({*ticket,
                            SyncAnswer{.protocol_type = group.protocol_type,
                                       .protocol = group.protocol,
                                       .assignment = stored.assignment},
                            true});
  }
}

void Coordinator::FailSyncs(ClassicGroup& group, KafkaError error) {
  for (auto& [id, member] : group.members) {
    if (auto ticket = std::exchange(member.syncing, std::nullopt))
      Answer({*ticket, SyncAnswer{.error = error}});
  }
}

void Coordinator::HandleHeartbeat(ClassicGroup& group, Ticket ticket, const MemberRef& from,
                                  GroupTime now) {
  KafkaError error = CheckMember(group, from);
  if (error == KafkaError::kNone && from.generation != group.generation)
    error = KafkaError::kIllegalGeneration;
  if (error == KafkaError::kNone) {
    GroupMember& member = *group.Find(from.member);
    member.session_deadline_ms = now.steady_ms + member.stored.session_timeout_ms;
    if (group.state == GroupState::kPreparing) error = KafkaError::kRebalanceInProgress;
  }
  Answer({ticket, error});
}

void Coordinator::HandleLeave(ClassicGroup& group, Ticket ticket, const LeaveCall& call,
                              GroupTime now) {
  ManyAnswer out;
  std::vector<std::string> gone;
  for (const LeavingMember& leaving : call.members) {
    KafkaError error = KafkaError::kNone;
    std::string id = leaving.member;
    if (leaving.instance && id.empty()) {
      // An administrator names static members by their instances alone.
      const auto holder = group.statics.find(*leaving.instance);
      if (holder == group.statics.end()) {
        error = KafkaError::kUnknownMemberId;
      } else {
        id = holder->second;
      }
    } else if (!leaving.instance && group.pending.erase(id) > 0) {
      out.each.push_back(KafkaError::kNone);
      continue;
    } else {
      error = CheckMember(group, {group.name, group.generation, id, leaving.instance});
    }
    out.each.push_back(error);
    if (error == KafkaError::kNone && std::ranges::find(gone, id) == gone.end())
      gone.push_back(std::move(id));
  }
  std::vector<GroupAnswer> answers;
  answers.push_back({ticket, std::move(out)});
  if (gone.empty()) {
    Answer(std::move(answers.front()));
    return MaybeComplete(group, now);
  }
  Remove(group, std::move(gone), std::move(answers), now);
}

void Coordinator::RemoveExpired(ClassicGroup& group, GroupTime now) {
  std::vector<std::string> gone;
  const bool late = now.steady_ms >= group.sync_deadline_ms &&
                    (group.state == GroupState::kCompleting || group.state == GroupState::kStable);
  for (const auto& [id, member] : group.members) {
    // Who waits for the others to join is not asked for signs of life, unless it waits for ever.
    const bool excused = (member.joining && member.written) || member.syncing;
    const bool expired = !excused && member.session_deadline_ms <= now.steady_ms;
    if (expired || (late && !member.synced)) gone.push_back(id);
  }
  if (gone.empty()) return;
  counters_.expired_members += gone.size();
  Remove(group, std::move(gone), {}, now);
}

void Coordinator::Remove(ClassicGroup& group, std::vector<std::string> members,
                         std::vector<GroupAnswer> answers, GroupTime now) {
  const StoredGroup* stored = applied_.FindGroup(group.name);
  const bool written = stored && std::ranges::any_of(members, [&](const auto& id) {
                         return group.members[id].written;
                       });
  InFlight flight{.kind = InFlight::Kind::kRemoval,
                  .next = stored ? *stored : StoredGroup{},
                  .answers = std::move(answers),
                  .removed = std::move(members)};
  if (!written) {
    Removed(group, flight, now);
    for (auto& answer : flight.answers) Answer(std::move(answer));
    return;
  }
  StoredGroup& next = flight.next;
  std::erase_if(next.members, [&](const StoredMember& member) {
    return !group.members.contains(member.id) ||
           std::ranges::find(flight.removed, member.id) != flight.removed.end();
  });
  next.state_timestamp_ms = StoredGroup::kUnfinished;
  if (next.members.empty()) {
    ++next.generation;
    next.protocol.reset();
    next.leader.reset();
    next.state_timestamp_ms = now.wall_ms;
  } else if (next.leader &&
             std::ranges::find(flight.removed, *next.leader) != flight.removed.end()) {
    next.leader.reset();
  }
  // The planted bug: who was lost by time is lost in this leader's memory alone.
  if (KRONIKA_PLANTED("session-expired-without-record") && flight.answers.empty())
    return Removed(group, flight, now);
  std::vector<GroupRecord> records{{EncodeKey(GroupKey{group.name}), EncodeValue(next)}};
  Propose(group, std::move(flight), std::move(records));
}

void Coordinator::Drop(ClassicGroup& group, const std::string& id, KafkaError error) {
  const auto found = group.members.find(id);
  if (found == group.members.end()) return;
  const GroupMember& member = found->second;
  if (member.joining) Refuse(*member.joining, id, error);
  if (member.syncing) Answer({*member.syncing, SyncAnswer{.error = error}});
  if (member.stored.instance) {
    const auto holder = group.statics.find(*member.stored.instance);
    if (holder != group.statics.end() && holder->second == id) group.statics.erase(holder);
  }
  if (group.leader == id) group.leader.reset();
  group.members.erase(found);
}

void Coordinator::Removed(ClassicGroup& group, InFlight& done, GroupTime now) {
  for (const auto& id : done.removed) Drop(group, id, KafkaError::kUnknownMemberId);
  if (done.proposal != 0) group.generation = std::max(group.generation, done.next.generation);
  if (group.members.empty()) {
    group.state = GroupState::kEmpty;
    group.protocol.reset();
    return;
  }
  if (group.state == GroupState::kPreparing) return MaybeComplete(group, now);
  // The planted bug: the others are not told, and what the leaver had is nobody's.
  const bool told = done.answers.empty() || !KRONIKA_PLANTED("leave-without-rebalance");
  if (group.state != GroupState::kEmpty && told) Prepare(group, now);
}

}  // namespace kronika::broker
