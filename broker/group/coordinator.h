// Coordinator: the leader's side of one partition of __consumer_offsets: decides what members are
// told and what is written.
//
//   calls, time ─────────────▶ Coordinator ──▶ Take(): records to propose, answers
//   outcome of a proposal ───▶   (the applied map is read, never written; no I/O, clock or chance)
//
// The partition's loop. One object lives for one leadership; its owner drops it when that ends, and
// answers what is open.
// 1. What is answered rests on the applied map: a join on the written generation, a sync on written
//    assignments, a leave on the written removal, a commit on the written offset (C4).
// 2. One proposal of a group is in flight; what else is asked of the group waits, in order. Commits
//    that wait side by side become one proposal.
// 3. Who is lost by time is removed by a record, then the rest has to join again (C4).
// 4. A generation number is written before anybody hears of it, so that none is used twice.
// 5. A refused proposal leaves the group as it was; who asked is told, and what time asked for is
//    tried again.
//
// Source: Kafka's group coordinator; KIP-62, KIP-134, KIP-345, KIP-394, KIP-496, KIP-211.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/classic_group.h"
#include "broker/group/group_map.h"

namespace kronika::broker {

struct DescribedGroup {
  GroupState state = GroupState::kEmpty;
  std::int32_t generation = 0;
  std::string protocol_type;
  std::string protocol;  // empty while none is agreed on
  std::vector<StoredMember> members;
  std::size_t member_count = 0;
};

// Since the start of the leadership.
struct CoordinatorCounters {
  std::uint64_t generations = 0;
  std::uint64_t expired_members = 0;
  std::uint64_t expired_offsets = 0;
  std::uint64_t commits = 0;

  CoordinatorCounters& operator+=(const CoordinatorCounters& other) {
    generations += other.generations;
    expired_members += other.expired_members;
    expired_offsets += other.expired_offsets;
    commits += other.commits;
    return *this;
  }
};

class Coordinator {
 public:
  static constexpr std::size_t kWaitingMax = 10'000;  // requests of one group

  // `applied` outlives it and holds everything that earlier leaders wrote: the members of all
  // groups are taken over, and their session timers begin at `now`.
  Coordinator(const GroupMap& applied, const GroupOptions& options, GroupTime now);

  void Join(Ticket ticket, JoinCall call, GroupTime now);
  void Sync(Ticket ticket, SyncCall call, GroupTime now);
  void Heartbeat(Ticket ticket, MemberRef from, GroupTime now);
  void Leave(Ticket ticket, LeaveCall call, GroupTime now);
  void Commit(Ticket ticket, CommitCall call, GroupTime now);
  void DeleteOffsets(Ticket ticket, DeleteOffsetsCall call, GroupTime now);
  void DeleteGroup(Ticket ticket, std::string group, GroupTime now);
  // Topics that were deleted: their offsets go.
  void ForgetTopics(const std::set<Uuid>& topics, GroupTime now);

  // A proposal is applied here (the map has it), or was refused and never will be.
  void OnApplied(std::uint64_t proposal, GroupTime now);
  void OnRefused(std::uint64_t proposal, KafkaError error, GroupTime now);
  void Tick(GroupTime now);
  // When Tick has something to do next, on the steady clock.
  std::int64_t NextDeadline() const;

  GroupOutput Take() { return std::exchange(output_, {}); }

  // Nothing: there is no such group.
  std::optional<DescribedGroup> Describe(std::string_view group) const;
  // All that are known, by name, each with the number of its members and not the members.
  std::vector<std::pair<std::string, DescribedGroup>> List() const;
  const CoordinatorCounters& counters() const { return counters_; }

 private:
  // coordinator.cc
  ClassicGroup& Get(std::string_view name);
  void Submit(std::string_view name, GroupRequest request, GroupTime now);
  void Handle(ClassicGroup& group, GroupRequest request, GroupTime now);
  void Drain(ClassicGroup& group, GroupTime now);
  void Settle(ClassicGroup& group);
  void Propose(ClassicGroup& group, InFlight in_flight, std::vector<GroupRecord> records);
  void Answer(GroupAnswer answer) { output_.answers.push_back(std::move(answer)); }
  void AnswerError(const GroupRequest& request, KafkaError error);
  void Applied(ClassicGroup& group, InFlight done, GroupTime now);
  void Arm(ClassicGroup& group, std::int64_t deadline_ms);
  void OnDeadline(ClassicGroup& group, GroupTime now);
  std::int64_t EarliestDeadline(const ClassicGroup& group) const;
  bool Absent(const ClassicGroup& group) const;
  std::optional<DescribedGroup> Facts(std::string_view group) const;

  // coordinator_join.cc
  void HandleJoin(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now);
  void JoinNew(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now);
  void JoinKnown(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now);
  void AddMember(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now);
  void JoinAgain(ClassicGroup& group, Ticket ticket, const JoinCall& call, GroupTime now);
  void ReplaceStatic(ClassicGroup& group, Ticket ticket, JoinCall call, GroupTime now);
  void Replaced(ClassicGroup& group, InFlight& done, GroupTime now);
  bool Accepts(const ClassicGroup& group, const JoinCall& call) const;
  JoinAnswer CurrentAnswer(const ClassicGroup& group, const std::string& member) const;
  void Refuse(Ticket ticket, const std::string& member, KafkaError error);
  void Prepare(ClassicGroup& group, GroupTime now);
  void MaybeComplete(ClassicGroup& group, GroupTime now);
  void Complete(ClassicGroup& group, GroupTime now);
  void BeginGeneration(ClassicGroup& group, InFlight& done, GroupTime now);
  void OnJoinDeadline(ClassicGroup& group, GroupTime now);

  // coordinator_members.cc
  void HandleSync(ClassicGroup& group, Ticket ticket, SyncCall call, GroupTime now);
  void HandleHeartbeat(ClassicGroup& group, Ticket ticket, const MemberRef& from, GroupTime now);
  void HandleLeave(ClassicGroup& group, Ticket ticket, const LeaveCall& call, GroupTime now);
  void ProposeAssignments(ClassicGroup& group, const SyncCall& call, GroupTime now);
  void Assigned(ClassicGroup& group, InFlight& done, GroupTime now);
  void FailSyncs(ClassicGroup& group, KafkaError error);
  // Takes members out; `answers` leave when that is written, if it has to be.
  void Remove(ClassicGroup& group, std::vector<std::string> members,
              std::vector<GroupAnswer> answers, GroupTime now);
  void Removed(ClassicGroup& group, InFlight& done, GroupTime now);
  void Drop(ClassicGroup& group, const std::string& member, KafkaError error);
  void RemoveExpired(ClassicGroup& group, GroupTime now);

  // coordinator_offsets.cc
  void HandleCommits(ClassicGroup& group, std::vector<GroupRequest> requests, GroupTime now);
  KafkaError CheckCommit(ClassicGroup& group, const MemberRef& from, GroupTime now) const;
  void HandleDeleteOffsets(ClassicGroup& group, Ticket ticket, const DeleteOffsetsCall& call);
  void HandleDeleteGroup(ClassicGroup& group, Ticket ticket);
  void HandleForget(ClassicGroup& group, const ForgetOffsets& call);
  void GoOnDeleting(ClassicGroup& group, std::vector<GroupAnswer> answers);
  void ExpireOffsets(GroupTime now);
  ForgetOffsets FindExpired(const std::string& name, GroupTime now) const;

  const GroupMap& applied_;
  const GroupOptions options_;
  std::map<std::string, ClassicGroup, std::less<>> groups_;  // those with soft state
  std::set<std::pair<std::int64_t, std::string>> wakes_;
  std::map<std::uint64_t, std::string> proposals_;  // in flight, with their groups
  std::uint64_t last_proposal_ = 0;
  std::int64_t next_expiry_ms_ = 0;
  GroupOutput output_;
  CoordinatorCounters counters_;
};

}  // namespace kronika::broker
