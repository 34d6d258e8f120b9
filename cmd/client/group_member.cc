// A member of a consumer group; see group_member.h.
#include "cmd/client/group_member.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/kafka/heartbeat.h"
#include "proto/kafka/join_group.h"
#include "proto/kafka/leave_group.h"
#include "proto/kafka/sync_group.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

constexpr std::string_view kProtocolType = "consumer";
constexpr Milliseconds kBeatEvery{3'000};
constexpr Milliseconds kAskStopEvery{200};

// Of errors that are not the group's own, only a connection's are worth another attempt.
bool MayHeal(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kTimedOut ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kCorruption;
}

}  // namespace

void GroupMember::ForgetPlace() {
  if (!assignment_.empty()) {
    owned_ = std::move(assignment_);
    owned_generation_ = generation_;
  }
  assignment_.clear();
  generation_ = -1;
}

template <class Request>
Result<typename Request::Response> GroupMember::CallPatiently(const Request& request) {
  auto connection = coordinator_.Connect(Deadline());
  if (!connection) return std::unexpected(std::move(connection).error());
  auto version = (*connection)->VersionOf(Request::kApiKey, {0, 127});
  if (!version) return std::unexpected(std::move(version).error());
  KRONIKA_TRY((*connection)->Send(request, *version, Deadline()));
  const Moment deadline = Deadline() + options_.rebalance_timeout;
  const std::array<int, 1> descriptor = {(*connection)->descriptor()};
  while (AwaitReadable(descriptor, std::min(deadline, Now() + kAskStopEvery)).empty()) {
    if (stop_()) return Fail(ErrorCode::kShutdown, "stopped while the group rebalances");
    if (Left(deadline) == Milliseconds(0)) {
      return Fail(ErrorCode::kTimedOut, "the group did not settle",
                  "consumer group " + coordinator_.group());
    }
  }
  return (*connection)->Receive<typename Request::Response>(Deadline());
}

Result<GroupMember::Outcome> GroupMember::React(KafkaError error, std::string_view detail) {
  const std::string where = "consumer group " + coordinator_.group();
  switch (error) {
    case KafkaError::kNone:
      return Outcome::kGood;
    case KafkaError::kUnknownMemberId:
      member_id_.clear();
      return Outcome::kAgain;
    case KafkaError::kNotCoordinator:
    case KafkaError::kCoordinatorNotAvailable:
    case KafkaError::kCoordinatorLoadInProgress:
      coordinator_.Forget(false);
      trouble_ = FromKafka(error, where, detail);
      coordinator_.cluster().PauseAfter(*trouble_);
      return Outcome::kAgain;
    case KafkaError::kRebalanceInProgress:
    case KafkaError::kIllegalGeneration:
    case KafkaError::kMemberIdRequired:
      return Outcome::kAgain;
    case KafkaError::kFencedInstanceId:
      return Fail(
          ErrorCode::kFenced,
          "another member has taken over the instance id " + options_.instance_id.value_or(""),
          where);
    default:
      return std::unexpected(FromKafka(error, where, detail));
  }
}

Status GroupMember::Join() {
  ForgetPlace();
  bool stuck = false;
  Moment stuck_since{};
  for (;;) {
    if (stop_()) return Fail(ErrorCode::kShutdown, "stopped before the group was joined");
    trouble_.reset();
    auto joined = JoinOnce();
    if (joined && *joined == Outcome::kGood) {
      next_beat_ = Now() + kBeatEvery;
      return {};
    }
    if (!joined) {
      if (!MayHeal(joined.error().code)) return std::unexpected(std::move(joined).error());
      coordinator_.Forget(true);
      trouble_ = std::move(joined).error();
      coordinator_.cluster().PauseAfter(*trouble_);
    }
    const bool was_stuck = std::exchange(stuck, trouble_.has_value());
    if (stuck && !was_stuck) stuck_since = Now();
    if (stuck && options_.patience && Now() - stuck_since >= *options_.patience)
      return std::unexpected(std::move(*trouble_));
  }
}

Result<GroupMember::Outcome> GroupMember::JoinOnce() {
  Subscriber self{.member_id = member_id_,
                  .topics = options_.topics,
                  .owned = owned_,
                  .owned_generation = owned_generation_};
  kafka::JoinGroupRequest request;
  request.group_id = coordinator_.group();
  request.session_timeout_ms = static_cast<std::int32_t>(options_.session_timeout.count());
  request.rebalance_timeout_ms = static_cast<std::int32_t>(options_.rebalance_timeout.count());
  request.member_id = member_id_;
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  request.protocol_type = kProtocolType;
  for (const auto assignor : options_.assignors) {
    request.protocols.push_back(
        {.name = Name(assignor), .metadata = EncodeSubscription(assignor, self)});
  }
  auto answer = CallPatiently(request);
  if (!answer) return std::unexpected(std::move(answer).error());
  return TakeJoin(*answer);
}

Result<GroupMember::Outcome> GroupMember::TakeJoin(const kafka::JoinGroupResponse& answer) {
  // The id comes with the refusal, for the next attempt (KIP-394).
  if (answer.error_code == KafkaError::kMemberIdRequired) member_id_ = answer.member_id;
  auto outcome = React(answer.error_code);
  if (!outcome || *outcome == Outcome::kAgain) return outcome;
  member_id_ = answer.member_id;
  generation_ = answer.generation_id;
  return Sync(answer);
}

Result<Assignments> GroupMember::AssignAll(const kafka::JoinGroupResponse& joined) {
  const auto assignor = ParseAssignor(joined.protocol_name.value_or(""));
  if (!assignor) {
    return Fail(ErrorCode::kUnsupported, "the group chose a protocol that this member has not",
                "consumer group " + coordinator_.group());
  }
  std::vector<Subscriber> members;
  std::vector<std::string> topics;
  for (const auto& each : joined.members) {
    auto member = DecodeSubscription(each.metadata);
    // A member that nobody can read gets nothing, and the others go on.
    if (!member) member = Subscriber{};
    member->member_id = each.member_id;
    if (each.group_instance_id) member->instance_id = std::string(*each.group_instance_id);
    topics.insert(topics.end(), member->topics.begin(), member->topics.end());
    members.push_back(std::move(*member));
  }
  std::ranges::sort(topics);
  topics.erase(std::ranges::unique(topics).begin(), topics.end());
  auto info = coordinator_.cluster().Describe(topics);
  if (!info) return std::unexpected(std::move(info).error());
  PartitionCounts counts;
  for (const auto& topic : info->topics) {
    if (topic.partitions.empty()) continue;
    counts[topic.name] = static_cast<std::int32_t>(topic.partitions.size());
  }
  return Assign(*assignor, std::move(members), counts);
}

Result<GroupMember::Outcome> GroupMember::Sync(const kafka::JoinGroupResponse& joined) {
  kafka::SyncGroupRequest request;
  request.group_id = coordinator_.group();
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  request.protocol_type = kProtocolType;
  request.protocol_name = joined.protocol_name;
  Assignments assignments;
  if (joined.leader == member_id_ && !joined.skip_assignment) {
    auto all = AssignAll(joined);
    if (!all) return std::unexpected(std::move(all).error());
    assignments = std::move(*all);
    for (const auto& [member, partitions] : assignments) {
      request.assignments.push_back(
          {.member_id = member, .assignment = EncodeAssignment(partitions)});
    }
  }
  auto answer = CallPatiently(request);
  if (!answer) return std::unexpected(std::move(answer).error());
  auto outcome = React(answer->error_code);
  if (!outcome || *outcome == Outcome::kAgain) return outcome;
  auto mine = DecodeAssignment(answer->assignment);
  if (!mine) return std::unexpected(std::move(mine).error());
  assignment_ = std::move(*mine);
  return Outcome::kGood;
}

Result<bool> GroupMember::Beat() {
  if (Now() < next_beat_) return true;
  next_beat_ = Now() + kBeatEvery;
  kafka::HeartbeatRequest request;
  request.group_id = coordinator_.group();
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  auto answer =
      coordinator_.Call(request, Deadline(), [](const auto& found) { return found.error_code; });
  if (!answer) return std::unexpected(std::move(answer).error());
  auto outcome = React(answer->error_code);
  if (!outcome) return std::unexpected(std::move(outcome).error());
  return *outcome == Outcome::kGood;
}

Result<bool> GroupMember::Commit(const CommittedOffsets& offsets) {
  if (offsets.empty()) return true;
  const Committer self{
      .member_id = member_id_, .generation = generation_, .instance_id = options_.instance_id};
  auto errors = CommitOffsets(coordinator_, self, offsets, Deadline());
  if (!errors) return std::unexpected(std::move(errors).error());
  for (const auto& [where, error] : *errors) {
    // The topic was deleted meanwhile: nothing of it is left to commit.
    if (error == KafkaError::kUnknownTopicOrPartition) continue;
    auto outcome = React(error, "");
    if (!outcome) return std::unexpected(std::move(outcome).error());
    if (*outcome == Outcome::kAgain) return false;
  }
  return true;
}

Result<CommittedOffsets> GroupMember::Committed() {
  const Moment deadline = Deadline();
  for (;;) {
    auto found =
        FetchCommitted(coordinator_, {.partitions = assignment_, .require_stable = true}, deadline);
    if (found || Left(deadline) == Milliseconds(0)) return found;
    // A transaction's commits are pending (UNSTABLE_OFFSET_COMMIT).
    if (found.error().code != ErrorCode::kUnavailable) return found;
    Pause(coordinator_.cluster().options().retry_pause);
  }
}

Status GroupMember::Leave() {
  ForgetPlace();
  if (member_id_.empty() || options_.instance_id) return {};
  kafka::LeaveGroupRequest request;
  request.group_id = coordinator_.group();
  request.member_id = member_id_;
  request.members = {{.member_id = member_id_}};
  // An answer to a join may still be due on the connection.
  coordinator_.Forget(true);
  auto answer =
      coordinator_.Call(request, Deadline(), [](const auto& found) { return found.error_code; });
  member_id_.clear();
  if (!answer) return std::unexpected(std::move(answer).error());
  return {};
}

}  // namespace kronika::client
