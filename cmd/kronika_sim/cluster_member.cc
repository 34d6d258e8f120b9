#include "cmd/kronika_sim/cluster_member.h"

#include <fmt/format.h>

#include <utility>

#include "proto/kafka/find_coordinator.h"
#include "proto/kafka/heartbeat.h"
#include "proto/kafka/leave_group.h"

namespace kronika::sim {

using kafka::KafkaError;
using std::chrono::milliseconds;

namespace {

constexpr std::int32_t kSessionMs = 1200;
constexpr std::int32_t kRebalanceMs = 900;
constexpr const char* kProtocol = "sim";

}  // namespace

SimMember::SimMember(ClientWorld& world, GroupOracle& oracle, MemberPlan plan, std::uint64_t number)
    : client_(world, fmt::format("{}m{}", plan.group, number)),
      world_(world),
      oracle_(oracle),
      plan_(std::move(plan)),
      name_(fmt::format("{}m{}", plan_.group, number)),
      join_version_(world.Version(5, 9)),
      after_find_(&SimMember::Join) {}

void SimMember::Later(Step next, Duration pause) {
  world_.loop.Cancel(timer_);
  timer_ = world_.loop.RunAfter(pause, [this, next] { (this->*next)(); });
}

void SimMember::Stop() {
  world_.loop.Cancel(timer_);
  client_.Stop();
}

void SimMember::Finish() {
  finishing_ = true;
  after_find_ = &SimMember::Fetch;
  Later(&SimMember::Find);
}

std::string SimMember::Describe() const {
  return fmt::format("member {} of {}: {}, generation {}, coordinator {}, last error {}", name_,
                     plan_.group, doing_, generation_, coordinator_.value, last_error_);
}

void SimMember::Check(const std::string& wrong) const {
  if (!wrong.empty()) world_.Violation("group " + plan_.group + ": " + wrong);
}

// Of a static member its id changes with its process: its instance stays.
const std::string& SimMember::Identity(const std::string& member) const {
  return plan_.is_static ? name_ : member;
}

void SimMember::Lost(Step retry) {
  last_error_ = "lost";
  after_find_ = retry;
  Later(&SimMember::Find, milliseconds(30 + world_.rng.Below(100)));
}

bool SimMember::Passes(KafkaError error, Step retry) {
  if (error == KafkaError::kNone) return true;
  last_error_ = kafka::Name(error);
  switch (error) {
    case KafkaError::kNotCoordinator:
    case KafkaError::kCoordinatorNotAvailable:
    case KafkaError::kCoordinatorLoadInProgress:
      after_find_ = retry;
      Later(&SimMember::Find, milliseconds(30 + world_.rng.Below(100)));
      return false;
    case KafkaError::kUnknownMemberId:
    case KafkaError::kFencedInstanceId:
      member_.clear();
      [[fallthrough]];
    default:
      generation_ = -1;
      Later(finishing_ ? &SimMember::Fetch : &SimMember::Join);
      return false;
  }
}

void SimMember::Find() {
  doing_ = "looking for the coordinator";
  kafka::FindCoordinatorRequest request;
  request.coordinator_keys.push_back(plan_.group);
  client_.Ask<kafka::FindCoordinatorRequest>(
      world_.AnyBroker(), request, world_.Version(4, 5),
      [this](Result<kafka::FindCoordinatorResponse> answer) {
        if (!answer || answer->coordinators.at(0).error_code != KafkaError::kNone)
          return Later(&SimMember::Find, milliseconds(80));
        coordinator_ = BrokerId{answer->coordinators[0].node_id};
        (this->*after_find_)();
      });
}

void SimMember::Join() {
  doing_ = "joining";
  owned_.clear();
  kafka::JoinGroupRequest request;
  request.group_id = plan_.group;
  request.session_timeout_ms = kSessionMs;
  request.rebalance_timeout_ms = kRebalanceMs;
  request.member_id = member_;
  if (plan_.is_static) request.group_instance_id = name_;
  request.protocol_type = kProtocol;
  request.protocols.push_back({kProtocol, Slice::CopyOf(name_)});
  const std::int32_t floor = oracle_.generation_floor();
  client_.Ask<kafka::JoinGroupRequest>(
      coordinator_, request, join_version_,
      [this, floor](Result<kafka::JoinGroupResponse> answer) { Joined(floor, std::move(answer)); });
}

void SimMember::Joined(std::int32_t floor, Result<kafka::JoinGroupResponse> answer) {
  if (!answer) return Lost(&SimMember::Join);
  if (answer->error_code == KafkaError::kMemberIdRequired) {
    member_ = answer->member_id;
    return Later(&SimMember::Join, milliseconds(1));
  }
  if (!Passes(answer->error_code, &SimMember::Join)) return;
  member_ = answer->member_id;
  generation_ = answer->generation_id;
  world_.Count("groups joined");
  Check(oracle_.Joined(floor, generation_, answer->leader));
  Sync(*answer);
}

void SimMember::Sync(const kafka::JoinGroupResponse& joined) {
  doing_ = "syncing";
  kafka::SyncGroupRequest request;
  request.group_id = plan_.group;
  request.generation_id = generation_;
  request.member_id = member_;
  if (plan_.is_static) request.group_instance_id = name_;
  std::vector<std::string> identities;
  for (const auto& member : joined.members)
    identities.push_back(member.group_instance_id.value_or(member.member_id));
  if (!identities.empty()) Check(oracle_.Led(generation_, identities));
  if (joined.leader == member_ && !joined.skip_assignment) {
    for (std::size_t i = 0; i < joined.members.size(); ++i) {
      std::string partitions;
      for (std::int32_t p = 0; p < plan_.partitions; ++p) {
        if (static_cast<std::size_t>(p) % joined.members.size() == i)
          partitions += std::to_string(p) + ",";
      }
      request.assignments.push_back(
          {joined.members[i].member_id,
           Slice::CopyOf(GroupOracle::MakeAssignment(generation_, identities[i], partitions))});
    }
  }
  client_.Ask<kafka::SyncGroupRequest>(
      coordinator_, request, world_.Version(3, 5), [this](Result<kafka::SyncGroupResponse> answer) {
        if (!answer) return Lost(&SimMember::Join);
        if (!Passes(answer->error_code, &SimMember::Join)) return;
        const std::string assignment(answer->assignment.text());
        Check(oracle_.Assigned(generation_, Identity(member_), assignment));
        owned_.clear();
        for (std::size_t at = assignment.rfind('/') + 1; at < assignment.size(); at += 2)
          owned_.push_back(assignment[at] - '0');
        world_.Count("assignments");
        Fetch();
      });
}

void SimMember::Live() {
  doing_ = "living";
  const std::uint64_t what = world_.rng.Below(100);
  if (what < 45) return Heartbeat();
  if (what < 85) return Commit();
  if (what < 95) return Fetch();
  if (what < 97) return Leave();
  Forget();
}

// Who was once told that it is unknown is never known again: that was decided by a record.
void SimMember::Haunt() {
  doing_ = "haunting";
  after_find_ = finishing_ ? &SimMember::Fetch : &SimMember::Join;
  if (finishing_ || hauntings_-- <= 0) return Later(&SimMember::Find);
  kafka::HeartbeatRequest request;
  request.group_id = plan_.group;
  request.generation_id = ghost_generation_;
  request.member_id = ghost_;
  client_.Ask<kafka::HeartbeatRequest>(
      coordinator_, request, 4, [this](Result<kafka::HeartbeatResponse> answer) {
        if (!answer) return Lost(&SimMember::Haunt);
        const KafkaError error = answer->error_code;
        const bool known = error == KafkaError::kNone || error == KafkaError::kIllegalGeneration ||
                           error == KafkaError::kRebalanceInProgress;
        if (known && ghost_told_)
          Check("member " + ghost_ + " was told that it is unknown, and is known again");
        ghost_told_ = ghost_told_ || error == KafkaError::kUnknownMemberId;
        world_.Count("ghosts of members");
        if (!known && error != KafkaError::kUnknownMemberId) return Lost(&SimMember::Haunt);
        Later(&SimMember::Haunt, milliseconds(100 + world_.rng.Below(300)));
      });
}

void SimMember::Heartbeat() {
  kafka::HeartbeatRequest request;
  request.group_id = plan_.group;
  request.generation_id = generation_;
  request.member_id = member_;
  if (plan_.is_static) request.group_instance_id = name_;
  client_.Ask<kafka::HeartbeatRequest>(
      coordinator_, request, world_.Version(3, 4), [this](Result<kafka::HeartbeatResponse> answer) {
        if (!answer) return Lost(&SimMember::Live);
        if (!Passes(answer->error_code, &SimMember::Live)) return;
        world_.Count("heartbeats");
        Later(&SimMember::Live, milliseconds(20 + world_.rng.Below(200)));
      });
}

void SimMember::Commit() {
  if (owned_.empty()) return Heartbeat();
  const std::int32_t partition = owned_[world_.rng.Below(owned_.size())];
  const std::int64_t offset = oracle_.NextOffset(partition);
  kafka::OffsetCommitRequest request;
  request.group_id = plan_.group;
  request.generation_id_or_member_epoch = generation_;
  request.member_id = member_;
  if (plan_.is_static) request.group_instance_id = name_;
  auto& topic = request.topics.emplace_back();
  topic.name = plan_.topic;
  topic.partitions.push_back({.partition_index = partition, .committed_offset = offset});
  client_.Ask<kafka::OffsetCommitRequest>(
      coordinator_, request, world_.Version(7, 8),
      [this, partition, offset](Result<kafka::OffsetCommitResponse> answer) {
        if (!answer) return Lost(&SimMember::Live);
        if (!Passes(answer->topics.at(0).partitions.at(0).error_code, &SimMember::Live)) return;
        oracle_.Committed(partition, offset);
        world_.Count("offsets committed");
        Later(&SimMember::Live, milliseconds(5 + world_.rng.Below(100)));
      });
}

void SimMember::Fetch() {
  doing_ = "fetching";
  kafka::OffsetFetchRequest request;
  auto& group = request.groups.emplace_back();
  group.group_id = plan_.group;
  auto& topic = group.topics->emplace_back();
  topic.name = plan_.topic;
  std::vector<std::int64_t> floors;
  for (std::int32_t p = 0; p < plan_.partitions; ++p) {
    topic.partition_indexes.push_back(p);
    floors.push_back(oracle_.offset_floor(p));
  }
  // A broker that is not the coordinator any more, and may not know, is asked, too.
  const BrokerId to = world_.rng.Chance(0.4) && !finishing_ ? world_.AnyBroker() : coordinator_;
  client_.Ask<kafka::OffsetFetchRequest>(
      to, request, 8,
      [this, floors = std::move(floors)](Result<kafka::OffsetFetchResponse> answer) {
        Fetched(floors, std::move(answer));
      });
}

void SimMember::Fetched(const std::vector<std::int64_t>& floors,
                        Result<kafka::OffsetFetchResponse> answer) {
  const Step retry = finishing_ ? &SimMember::Fetch : &SimMember::Live;
  if (!answer) return Lost(retry);
  const auto& group = answer->groups.at(0);
  if (!Passes(group.error_code, retry)) return;
  for (const auto& partition : group.topics.at(0).partitions) {
    const auto at = static_cast<std::size_t>(partition.partition_index);
    Check(oracle_.Fetched(partition.partition_index, floors.at(at), partition.committed_offset));
  }
  world_.Count("offsets fetched");
  settled_ = finishing_;
  if (!finishing_) Later(&SimMember::Live, milliseconds(5 + world_.rng.Below(100)));
}

void SimMember::Leave() {
  doing_ = "leaving";
  kafka::LeaveGroupRequest request;
  request.group_id = plan_.group;
  auto& member = request.members.emplace_back();
  member.member_id = member_;
  if (plan_.is_static) member.group_instance_id = name_;
  client_.Ask<kafka::LeaveGroupRequest>(coordinator_, request, world_.Version(3, 5),
                                        [this](Result<kafka::LeaveGroupResponse> answer) {
                                          if (!answer) return Lost(&SimMember::Join);
                                          if (!Passes(answer->error_code, &SimMember::Leave))
                                            return;
                                          world_.Count("members that left");
                                          member_.clear();
                                          Later(&SimMember::Join,
                                                milliseconds(100 + world_.rng.Below(1000)));
                                        });
}

// A static member comes back before anybody misses it, or after; another one after its session.
void SimMember::Forget() {
  doing_ = "away";
  world_.Count("members that went without a word");
  after_find_ = &SimMember::Join;
  if (plan_.haunts && !finishing_) {
    ghost_ = std::exchange(member_, {});
    ghost_generation_ = generation_;
    ghost_told_ = false;
    hauntings_ = static_cast<int>(5 + world_.rng.Below(25));
    return Later(&SimMember::Haunt, milliseconds(kSessionMs + 200));
  }
  member_.clear();
  Later(&SimMember::Find, milliseconds(100 + world_.rng.Below(2000)));
}

}  // namespace kronika::sim
