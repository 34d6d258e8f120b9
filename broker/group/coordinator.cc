// The order of things: requests, proposals, their outcomes, time.
#include "broker/group/coordinator.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

// What its records take, roughly.
std::size_t RecordBytes(const CommitCall& call) {
  std::size_t out = 0;
  for (const auto& item : call.offsets) {
    out += kRecordOverheadBytes + call.from.group.size() + item.topic.size() +
           item.offset.metadata.size();
  }
  return out;
}

}  // namespace

Coordinator::Coordinator(const GroupMap& applied, const GroupOptions& options, GroupTime now)
    : applied_(applied),
      options_(options),
      next_expiry_ms_(now.steady_ms + options.offsets_check_interval_ms) {
  for (const auto& [name, stored] : applied.groups()) {
    if (stored.members.empty()) continue;
    ClassicGroup& group =
        groups_.emplace(name, FromStored(name, stored, now.steady_ms)).first->second;
    Arm(group, EarliestDeadline(group));
  }
}

ClassicGroup& Coordinator::Get(std::string_view name) {
  const auto found = groups_.find(name);
  if (found != groups_.end()) return found->second;
  const std::string text(name);
  const StoredGroup* stored = applied_.FindGroup(name);
  return groups_.emplace(text, FromStored(text, stored ? *stored : StoredGroup{}, 0)).first->second;
}

bool Coordinator::Absent(const ClassicGroup& group) const {
  return group.members.empty() && group.pending.empty() && !applied_.Knows(group.name);
}

void Coordinator::Join(Ticket ticket, JoinCall call, GroupTime now) {
  if (call.session_timeout_ms < options_.session_timeout_min_ms ||
      call.session_timeout_ms > options_.session_timeout_max_ms)
    return Refuse(ticket, call.member, KafkaError::kInvalidSessionTimeout);
  const std::string group = call.group;
  Submit(group, {ticket, std::move(call)}, now);
}

void Coordinator::Sync(Ticket ticket, SyncCall call, GroupTime now) {
  const std::string group = call.from.group;
  Submit(group, {ticket, std::move(call)}, now);
}

void Coordinator::Heartbeat(Ticket ticket, MemberRef from, GroupTime now) {
  const std::string group = from.group;
  Submit(group, {ticket, std::move(from)}, now);
}

void Coordinator::Leave(Ticket ticket, LeaveCall call, GroupTime now) {
  const std::string group = call.group;
  Submit(group, {ticket, std::move(call)}, now);
}

void Coordinator::Commit(Ticket ticket, CommitCall call, GroupTime now) {
  const std::string group = call.from.group;
  Submit(group, {ticket, std::move(call)}, now);
}

void Coordinator::DeleteOffsets(Ticket ticket, DeleteOffsetsCall call, GroupTime now) {
  const std::string group = call.group;
  Submit(group, {ticket, std::move(call)}, now);
}

void Coordinator::DeleteGroup(Ticket ticket, std::string group, GroupTime now) {
  Submit(group, {ticket, DeleteGroupCall{group}}, now);
}

void Coordinator::Submit(std::string_view name, GroupRequest request, GroupTime now) {
  ClassicGroup& group = Get(name);
  if (group.in_flight && !KRONIKA_PLANTED("group-proposals-overlap")) {
    if (group.waiting.size() >= kWaitingMax)
      return AnswerError(request, KafkaError::kCoordinatorNotAvailable);
    group.waiting.push_back(std::move(request));
    return;
  }
  Handle(group, std::move(request), now);
  Drain(group, now);
}

void Coordinator::Handle(ClassicGroup& group, GroupRequest request, GroupTime now) {
  const Ticket ticket = request.ticket;
  if (std::holds_alternative<CommitCall>(request.call)) {
    std::vector<GroupRequest> one;
    one.push_back(std::move(request));
    return HandleCommits(group, std::move(one), now);
  }
  std::visit(Overloaded{
                 [&](JoinCall& call) { HandleJoin(group, ticket, std::move(call), now); },
                 [&](SyncCall& call) { HandleSync(group, ticket, std::move(call), now); },
                 [&](MemberRef& from) { HandleHeartbeat(group, ticket, from, now); },
                 [&](LeaveCall& call) { HandleLeave(group, ticket, call, now); },
                 [&](CommitCall&) {},
                 [&](DeleteOffsetsCall& call) { HandleDeleteOffsets(group, ticket, call); },
                 [&](DeleteGroupCall&) { HandleDeleteGroup(group, ticket); },
                 [&](ForgetOffsets& call) { HandleForget(group, call); },
             },
             request.call);
}

// What waited, until something is in flight again. Commits that wait side by side go together.
void Coordinator::Drain(ClassicGroup& group, GroupTime now) {
  while (!group.in_flight && !group.waiting.empty()) {
    std::vector<GroupRequest> commits;
    std::size_t offsets = 0;
    std::size_t bytes = 0;
    while (!group.waiting.empty() && offsets < options_.removals_per_proposal) {
      const auto* call = std::get_if<CommitCall>(&group.waiting.front().call);
      if (!call) break;
      bytes += RecordBytes(*call);
      if (!commits.empty() && bytes > options_.commit_bytes_per_proposal) break;
      offsets += call->offsets.size();
      commits.push_back(std::move(group.waiting.front()));
      group.waiting.pop_front();
    }
    if (!commits.empty()) {
      HandleCommits(group, std::move(commits), now);
      continue;
    }
    GroupRequest request = std::move(group.waiting.front());
    group.waiting.pop_front();
    Handle(group, std::move(request), now);
  }
  Settle(group);
}

// A group without soft state needs no object.
void Coordinator::Settle(ClassicGroup& group) {
  if (!group.Idle() || KRONIKA_PLANTED("session-expired-without-record")) return;
  wakes_.erase({group.wake_ms, group.name});
  groups_.erase(groups_.find(group.name));
}

void Coordinator::AnswerError(const GroupRequest& request, KafkaError error) {
  if (request.ticket == 0) return;
  std::visit(
      Overloaded{
          [&](const JoinCall& call) { Refuse(request.ticket, call.member, error); },
          [&](const SyncCall&) { Answer({request.ticket, SyncAnswer{.error = error}}); },
          [&](const LeaveCall&) { Answer({request.ticket, ManyAnswer{.error = error}}); },
          [&](const DeleteOffsetsCall&) { Answer({request.ticket, ManyAnswer{.error = error}}); },
          [&](const auto&) { Answer({request.ticket, error}); },
      },
      request.call);
}

void Coordinator::Propose(ClassicGroup& group, InFlight in_flight,
                          std::vector<GroupRecord> records) {
  KRONIKA_CHECK(!group.in_flight || KRONIKA_PLANTED("group-proposals-overlap"));
  in_flight.proposal = ++last_proposal_;
  for (auto& answer : in_flight.answers) answer.committed = true;
  proposals_.emplace(in_flight.proposal, group.name);
  output_.proposals.push_back({in_flight.proposal, group.name, std::move(records)});
  group.in_flight = std::move(in_flight);
}

void Coordinator::OnApplied(std::uint64_t proposal, GroupTime now) {
  const auto found = proposals_.find(proposal);
  if (found == proposals_.end()) return;
  ClassicGroup& group = Get(found->second);
  proposals_.erase(found);
  InFlight done = std::move(*group.in_flight);
  group.in_flight.reset();
  Applied(group, std::move(done), now);
  Drain(group, now);
}

void Coordinator::Applied(ClassicGroup& group, InFlight done, GroupTime now) {
  switch (done.kind) {
    case InFlight::Kind::kGeneration:
      BeginGeneration(group, done, now);
      break;
    case InFlight::Kind::kAssignments:
      Assigned(group, done, now);
      break;
    case InFlight::Kind::kRemoval:
      Removed(group, done, now);
      break;
    case InFlight::Kind::kReplacement:
      Replaced(group, done, now);
      break;
    case InFlight::Kind::kOffsets:
      break;
    case InFlight::Kind::kDeletion:
      if (applied_.Knows(group.name)) return GoOnDeleting(group, std::move(done.answers));
      break;
  }
  // What is gone begins anew.
  if (group.members.empty() && !applied_.FindGroup(group.name)) group.generation = 0;
  for (auto& answer : done.answers) Answer(std::move(answer));
}

// Nothing of it was written, and nothing ever will be.
void Coordinator::OnRefused(std::uint64_t proposal, KafkaError error, GroupTime now) {
  const auto found = proposals_.find(proposal);
  if (found == proposals_.end()) return;
  ClassicGroup& group = Get(found->second);
  proposals_.erase(found);
  InFlight refused = std::move(*group.in_flight);
  group.in_flight.reset();
  // Members know that code of commits alone.
  if (error == KafkaError::kInvalidCommitOffsetSize && refused.kind != InFlight::Kind::kOffsets)
    error = KafkaError::kUnknownServerError;
  for (auto& answer : refused.answers) {
    if (auto* join = std::get_if<JoinAnswer>(&answer.what)) {
      *join = {.error = error, .member = join->member};
    } else if (auto* sync = std::get_if<SyncAnswer>(&answer.what)) {
      *sync = {.error = error};
    } else if (auto* many = std::get_if<ManyAnswer>(&answer.what)) {
      *many = {.error = error};
    } else if (std::get<KafkaError>(answer.what) == KafkaError::kNone) {
      answer.what = error;
    }
    answer.committed = false;
    Answer(std::move(answer));
  }
  const std::int64_t again = now.steady_ms + options_.retry_ms;
  if (refused.kind == InFlight::Kind::kGeneration) {
    group.members.merge(refused.left_out);
    for (auto& [id, member] : group.members) {
      if (auto ticket = std::exchange(member.joining, std::nullopt)) Refuse(*ticket, id, error);
    }
    group.first_delay = false;
    group.join_deadline_ms = now.steady_ms + group.RebalanceTimeoutMs();
    if (group.members.empty()) group.join_deadline_ms = again;
    Arm(group, group.join_deadline_ms);
  } else if (refused.kind == InFlight::Kind::kAssignments) {
    FailSyncs(group, error);
    Prepare(group, now);
  } else if (refused.kind == InFlight::Kind::kRemoval) {
    // Whoever was lost by time is lost a moment later.
    for (const auto& id : refused.removed) {
      GroupMember* member = group.Find(id);
      if (!member) continue;
      member->session_deadline_ms = std::max(member->session_deadline_ms, again);
      if (!member->synced) group.sync_deadline_ms = std::max(group.sync_deadline_ms, again);
    }
    Arm(group, again);
  }
  Drain(group, now);
}

void Coordinator::Arm(ClassicGroup& group, std::int64_t deadline_ms) {
  if (deadline_ms >= group.wake_ms) return;
  wakes_.erase({group.wake_ms, group.name});
  group.wake_ms = deadline_ms;
  wakes_.emplace(deadline_ms, group.name);
}

std::int64_t Coordinator::NextDeadline() const {
  return wakes_.empty() ? next_expiry_ms_ : std::min(next_expiry_ms_, wakes_.begin()->first);
}

void Coordinator::Tick(GroupTime now) {
  while (!wakes_.empty() && wakes_.begin()->first <= now.steady_ms) {
    const std::string name = wakes_.begin()->second;
    wakes_.erase(wakes_.begin());
    const auto found = groups_.find(name);
    if (found == groups_.end()) continue;
    ClassicGroup& group = found->second;
    group.wake_ms = INT64_MAX;
    OnDeadline(group, now);
  }
  if (now.steady_ms >= next_expiry_ms_) {
    next_expiry_ms_ = now.steady_ms + options_.offsets_check_interval_ms;
    ExpireOffsets(now);
  }
}

std::int64_t Coordinator::EarliestDeadline(const ClassicGroup& group) const {
  std::int64_t out = INT64_MAX;
  if (group.state == GroupState::kPreparing) out = group.join_deadline_ms;
  for (const auto& [id, deadline] : group.pending) out = std::min(out, deadline);
  bool unsynced = false;
  for (const auto& [id, member] : group.members) {
    if (!member.syncing && (!member.joining || !member.written))
      out = std::min(out, member.session_deadline_ms);
    unsynced = unsynced || !member.synced;
  }
  const bool assigned_once =
      group.state == GroupState::kCompleting || group.state == GroupState::kStable;
  if (unsynced && assigned_once) out = std::min(out, group.sync_deadline_ms);
  return out;
}

void Coordinator::OnDeadline(ClassicGroup& group, GroupTime now) {
  if (group.in_flight) return Arm(group, now.steady_ms + options_.retry_ms / 10);
  std::erase_if(group.pending, [&](const auto& item) { return item.second <= now.steady_ms; });
  RemoveExpired(group, now);
  if (!group.in_flight) OnJoinDeadline(group, now);
  // Not before the next moment: what is due and could not be done now is tried again.
  const std::int64_t next = EarliestDeadline(group);
  if (next != INT64_MAX) Arm(group, std::max(next, now.steady_ms + 1));
  Drain(group, now);
}

// All but the members.
std::optional<DescribedGroup> Coordinator::Facts(std::string_view name) const {
  const auto soft = groups_.find(name);
  const StoredGroup* stored = applied_.FindGroup(name);
  if (soft == groups_.end() || Absent(soft->second)) {
    if (!stored && !applied_.Knows(name)) return std::nullopt;
    DescribedGroup out;
    if (stored) {
      out.generation = stored->generation;
      out.protocol_type = stored->protocol_type;
    }
    return out;
  }
  const ClassicGroup& group = soft->second;
  DescribedGroup out{
      .state = group.state, .generation = group.generation, .protocol_type = group.protocol_type};
  if (group.state == GroupState::kStable) out.protocol = group.protocol.value_or("");
  out.member_count = group.members.size();
  return out;
}

std::optional<DescribedGroup> Coordinator::Describe(std::string_view name) const {
  auto out = Facts(name);
  if (!out || out->member_count == 0) return out;
  const bool stable = out->state == GroupState::kStable;
  for (const auto& [id, member] : groups_.find(name)->second.members) {
    out->members.push_back(member.stored);
    out->members.back().subscription = stable ? MetadataFor(member, out->protocol) : "";
    if (!stable) out->members.back().assignment.clear();
  }
  return out;
}

std::vector<std::pair<std::string, DescribedGroup>> Coordinator::List() const {
  std::set<std::string_view> names;
  for (const auto& [name, group] : groups_) names.insert(name);
  for (const auto& [name, group] : applied_.groups()) names.insert(name);
  for (const auto& [name, offsets] : applied_.offsets()) names.insert(name);
  std::vector<std::pair<std::string, DescribedGroup>> out;
  for (const auto name : names) {
    if (auto group = Facts(name)) out.emplace_back(name, std::move(*group));
  }
  return out;
}

}  // namespace kronika::broker
