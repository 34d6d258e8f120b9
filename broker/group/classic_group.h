// ClassicGroup: what a group's coordinator keeps in mind beside what is written: who is joining,
// who waits for assignments, until when each member has to be heard of.
//
//   Empty ──join──▶ Preparing ──all have joined, or time──▶ Completing ──assignments──▶ Stable
//     ▲                 ▲  generation + 1 is written           │                          │
//     └─last one left───┴──── join, leave, expiry ─────────────┴──────────────────────────┘
//
// Pure; owned by a Coordinator. Soft state: it is gone with the leadership, and a new leader makes
// it anew from the applied map, with all session timers started again (safety rule C4).
// Source: Kafka's classic group protocol.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/group/calls.h"
#include "broker/group/group_options.h"
#include "broker/group/stored.h"

namespace kronika::broker {

enum class GroupState : std::uint8_t { kEmpty, kPreparing, kCompleting, kStable };
// As clients are told.
std::string_view Name(GroupState state);

struct GroupMember {
  StoredMember stored;                   // its assignment as last written
  std::vector<GroupProtocol> protocols;  // after a take-over only the one that was chosen
  std::int64_t session_deadline_ms = 0;
  std::optional<Ticket> joining;
  std::optional<Ticket> syncing;
  bool synced = false;    // of this generation, or its time to has not begun
  bool written = false;   // part of the group's last record
  bool restored = false;  // known by its record alone: what else it offers is not known
};

// Offsets that the coordinator removes by itself.
struct ForgetOffsets {
  std::vector<OffsetKey> keys;
  bool group_too = false;  // if nothing of it is left then
};
struct DeleteGroupCall {
  std::string group;
};

struct GroupRequest {
  Ticket ticket = 0;  // 0: nobody waits
  std::variant<JoinCall, SyncCall, MemberRef, LeaveCall, CommitCall, DeleteOffsetsCall,
               DeleteGroupCall, ForgetOffsets>
      call;
};

// A record that is on its way, and what happens when it is applied.
struct InFlight {
  enum class Kind : std::uint8_t {
    kGeneration,  // the next generation, or an empty group
    kAssignments,
    kRemoval,      // of members
    kReplacement,  // of a static member by its successor
    kOffsets,
    kDeletion,  // of the group
  };
  Kind kind = Kind::kOffsets;
  std::uint64_t proposal = 0;
  StoredGroup next;                  // not of kOffsets
  std::vector<GroupAnswer> answers;  // when it is applied
  std::vector<std::string> removed;  // kRemoval: member ids
  // kGeneration: who did not join again.
  std::map<std::string, GroupMember, std::less<>> left_out;
  std::string replaced, replacement;  // kReplacement: member ids
  std::optional<JoinCall> join;       // kReplacement
};

struct ClassicGroup {
  std::string name;
  GroupState state = GroupState::kEmpty;
  std::int32_t generation = 0;
  std::string protocol_type;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  std::map<std::string, GroupMember, std::less<>> members;
  std::map<std::string, std::string, std::less<>> statics;   // instance → member id
  std::map<std::string, std::int64_t, std::less<>> pending;  // ids handed out, with their deadlines
  // Preparing: until when members may join.
  std::int64_t join_deadline_ms = 0;
  bool first_delay = false;  // of an empty group: nobody completes it early
  bool joined_in_delay = false;
  std::int64_t delay_left_ms = 0;
  // Completing and Stable: members that did not sync by then are removed.
  std::int64_t sync_deadline_ms = 0;
  std::optional<InFlight> in_flight;
  std::deque<GroupRequest> waiting;
  std::int64_t wake_ms = INT64_MAX;  // no deadline lies before it

  GroupMember* Find(std::string_view member) {
    const auto found = members.find(member);
    return found == members.end() ? nullptr : &found->second;
  }
  std::size_t JoiningCount() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(members, [](const auto& m) { return m.second.joining.has_value(); }));
  }
  std::int32_t RebalanceTimeoutMs() const;
  // Nothing that a record or a new look at the map would not say.
  bool Idle() const {
    return state == GroupState::kEmpty && members.empty() && pending.empty() && !in_flight &&
           waiting.empty();
  }
};

// A group as its last record has it, taken over at `now_ms`.
ClassicGroup FromStored(const std::string& name, const StoredGroup& stored, std::int64_t now_ms);

// Whether a member with these protocols can be in the group.
bool SupportsProtocols(const ClassicGroup& group, const JoinCall& call);
// The protocol that most members want most of those that all of them have; there is one.
std::string SelectProtocol(const ClassicGroup& group);
// What `member` offers for `protocol`; empty if it does not.
std::string MetadataFor(const GroupMember& member, std::string_view protocol);

// Whether a member that joins again offers what it offered.
bool OffersTheSame(const ClassicGroup& group, const GroupMember& member, const JoinCall& call);

// Whether the member may speak for itself: kNone, kUnknownMemberId, kFencedInstanceId.
KafkaError CheckMember(const ClassicGroup& group, const MemberRef& from);

// Of the groups whose members' metadata are subscriptions.
inline constexpr std::string_view kConsumerType = "consumer";

// The topics that members of a consumer group subscribe to; none: they cannot be told.
std::optional<std::vector<std::string>> SubscribedTopics(const ClassicGroup& group);

}  // namespace kronika::broker
