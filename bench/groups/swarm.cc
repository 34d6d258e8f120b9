#include "bench/groups/swarm.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "cmd/client/assignors.h"
#include "cmd/client/coordinator.h"
#include "proto/kafka/heartbeat.h"
#include "proto/kafka/join_group.h"
#include "proto/kafka/offset_commit.h"
#include "proto/kafka/sync_group.h"

namespace kronika::bench {
namespace {

using client::Milliseconds;
using client::Moment;
using client::Now;
using kafka::KafkaError;

constexpr Milliseconds kBeatEvery{3'000};
constexpr Milliseconds kTurn{100};  // between two looks at what is due
constexpr Milliseconds kRetryPause{100};
constexpr Milliseconds kSendWithin{10'000};
constexpr std::int32_t kSessionMs = 45'000;
constexpr std::int32_t kRebalanceMs = 60'000;
// Both systems take these; later ones name topics by id.
constexpr kafka::VersionRange kCommitVersions{2, 8};

double Seconds(Moment from, Moment to) {
  return std::chrono::duration<double>(to - from).count();
}
std::uint64_t Microseconds(Moment from, Moment to) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

struct Group {
  std::string name;
  std::int32_t generation = 0;
  std::size_t assigned = 0;  // members that have the assignment of `generation`
  std::optional<Moment> stable_at;
};

enum class Waits { kNothing, kJoin, kSync, kBeat, kCommit };

struct Member {
  Group* group = nullptr;
  std::optional<client::Connection> connection;
  std::int32_t partition = 0;
  std::string id;
  std::int32_t generation = -1;
  Waits waits = Waits::kNothing;
  bool assigned = false;
  Moment sent_at{};
  Moment due{};  // while it waits for nothing: when it joins again, or beats
  std::int64_t committed = 0;
};

class Swarm {
 public:
  explicit Swarm(const SwarmOptions& options)
      : options_(options), cluster_({.brokers = options.brokers}) {}
  SwarmResult Run();

 private:
  Status Connect();
  Status Stabilise();
  Status Commit();
  bool AllStable() const;

  // Takes every answer that is there, waiting at most until `until`.
  Status Turn(Moment until);
  Status Take(Member& member);
  Status SendWhatIsDue();

  Status Join(Member& member);
  Status TakeJoin(Member& member);
  Status TakeSync(Member& member);
  Status TakeBeat(Member& member);
  Status TakeCommit(Member& member);
  Status Beat(Member& member);
  Status CommitNext(Member& member);
  // What an error of the group means for the member; kNone is no error.
  Status React(Member& member, KafkaError error);
  void JoinLater(Member& member, Milliseconds pause);

  template <class Request>
  Status Send(Member& member, const Request& request, Waits waits,
              kafka::VersionRange wanted = {0, 127}) {
    auto version = member.connection->VersionOf(Request::kApiKey, wanted);
    if (!version) return std::unexpected(std::move(version).error());
    member.waits = waits;
    member.sent_at = Now();
    return member.connection->Send(request, *version, member.sent_at + kSendWithin);
  }

  const SwarmOptions& options_;
  client::Cluster cluster_;
  std::deque<Group> groups_;
  std::deque<Member> members_;
  std::vector<int> descriptors_;  // of members_
  std::set<const Member*> committers_;
  Moment joined_at_{};
  SwarmResult result_;
};

Status Swarm::Connect() {
  const Moment deadline = Now() + Milliseconds(60'000);
  const Moment begin = Now();
  for (std::size_t g = 0; g < options_.groups; ++g) {
    Group& group = groups_.emplace_back();
    group.name = options_.prefix + std::to_string(g);
    auto broker = client::Coordinator(cluster_, group.name).Find(deadline);
    if (!broker) return std::unexpected(std::move(broker).error());
    const HostPort& address = cluster_.brokers().at(*broker).address;
    for (std::size_t m = 0; m < options_.members; ++m) {
      auto connection = client::Connection::Open(address, deadline);
      if (!connection) return std::unexpected(std::move(connection).error());
      Member& member = members_.emplace_back();
      member.group = &group;
      member.partition = static_cast<std::int32_t>(m) % options_.partitions;
      descriptors_.push_back(connection->descriptor());
      member.connection.emplace(std::move(*connection));
    }
  }
  result_.connect_seconds = Seconds(begin, Now());
  return {};
}

Status Swarm::Turn(Moment until) {
  for (const std::size_t i : client::AwaitReadable(descriptors_, until)) {
    KRONIKA_TRY(Take(members_[i]));
  }
  return {};
}

Status Swarm::Take(Member& member) {
  const Waits waited = std::exchange(member.waits, Waits::kNothing);
  member.due = Now() + kBeatEvery;
  switch (waited) {
    case Waits::kJoin:
      return TakeJoin(member);
    case Waits::kSync:
      return TakeSync(member);
    case Waits::kBeat:
      return TakeBeat(member);
    case Waits::kCommit:
      return TakeCommit(member);
    case Waits::kNothing:
      break;
  }
  return Fail(ErrorCode::kIo, "a broker closed a connection", member.group->name);
}

void Swarm::JoinLater(Member& member, Milliseconds pause) {
  Group& group = *member.group;
  if (member.assigned && member.generation == group.generation) {
    --group.assigned;
    group.stable_at.reset();
  }
  member.assigned = false;
  member.due = Now() + pause;
}

Status Swarm::React(Member& member, KafkaError error) {
  switch (error) {
    case KafkaError::kNone:
      return {};
    case KafkaError::kUnknownMemberId:
      member.id.clear();
      [[fallthrough]];
    case KafkaError::kRebalanceInProgress:
    case KafkaError::kIllegalGeneration:
    case KafkaError::kMemberIdRequired:
      JoinLater(member, Milliseconds(0));
      return {};
    case KafkaError::kCoordinatorNotAvailable:
    case KafkaError::kCoordinatorLoadInProgress:
      JoinLater(member, kRetryPause);
      return {};
    default:
      return std::unexpected(client::FromKafka(error, "consumer group " + member.group->name));
  }
}

Status Swarm::Join(Member& member) {
  kafka::JoinGroupRequest request;
  request.group_id = member.group->name;
  request.session_timeout_ms = kSessionMs;
  request.rebalance_timeout_ms = kRebalanceMs;
  request.member_id = member.id;
  request.protocol_type = "consumer";
  const client::Subscriber self{.member_id = member.id, .topics = {options_.topic}};
  request.protocols = {{.name = Name(client::Assignor::kRange),
                        .metadata = client::EncodeSubscription(client::Assignor::kRange, self)}};
  return Send(member, request, Waits::kJoin);
}

Status Swarm::TakeJoin(Member& member) {
  auto answer = member.connection->Receive<kafka::JoinGroupResponse>(Now() + kSendWithin);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code == KafkaError::kMemberIdRequired) member.id = answer->member_id;
  if (answer->error_code != KafkaError::kNone) return React(member, answer->error_code);
  member.id = answer->member_id;
  member.generation = answer->generation_id;
  kafka::SyncGroupRequest request;
  request.group_id = member.group->name;
  request.generation_id = member.generation;
  request.member_id = member.id;
  request.protocol_type = "consumer";
  request.protocol_name = answer->protocol_name;
  if (answer->leader == member.id) {
    std::int32_t next = 0;
    for (const auto& each : answer->members) {
      request.assignments.push_back({.member_id = each.member_id,
                                     .assignment = client::EncodeAssignment(
                                         {{options_.topic, next++ % options_.partitions}})});
    }
  }
  return Send(member, request, Waits::kSync);
}

Status Swarm::TakeSync(Member& member) {
  auto answer = member.connection->Receive<kafka::SyncGroupResponse>(Now() + kSendWithin);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != KafkaError::kNone) return React(member, answer->error_code);
  Group& group = *member.group;
  member.assigned = true;
  if (member.generation > group.generation) {
    group.generation = member.generation;
    group.assigned = 0;
    result_.generation = std::max(result_.generation, group.generation);
  }
  if (member.generation < group.generation) return {};
  if (++group.assigned == options_.members) group.stable_at = Now();
  return {};
}

Status Swarm::Beat(Member& member) {
  kafka::HeartbeatRequest request;
  request.group_id = member.group->name;
  request.generation_id = member.generation;
  request.member_id = member.id;
  return Send(member, request, Waits::kBeat);
}

Status Swarm::TakeBeat(Member& member) {
  auto answer = member.connection->Receive<kafka::HeartbeatResponse>(Now() + kSendWithin);
  if (!answer) return std::unexpected(std::move(answer).error());
  KRONIKA_TRY(React(member, answer->error_code));
  return committers_.contains(&member) && member.assigned ? CommitNext(member) : Status{};
}

Status Swarm::SendWhatIsDue() {
  const Moment now = Now();
  for (Member& member : members_) {
    if (member.waits != Waits::kNothing || member.due > now) continue;
    KRONIKA_TRY(member.assigned ? Beat(member) : Join(member));
  }
  return {};
}

bool Swarm::AllStable() const {
  return std::ranges::all_of(groups_,
                             [](const Group& group) { return group.stable_at.has_value(); });
}

// Stable, and still after every member's next heartbeat was answered.
Status Swarm::Stabilise() {
  joined_at_ = Now();
  const Moment deadline =
      joined_at_ + Milliseconds(static_cast<std::int64_t>(options_.stable_seconds_max * 1e3));
  Moment since = Moment::max();  // all of them are stable
  for (;;) {
    KRONIKA_TRY(SendWhatIsDue());
    KRONIKA_TRY(Turn(Now() + kTurn));
    if (!AllStable()) {
      since = Moment::max();
      if (Now() < deadline) continue;
      const auto stable = std::ranges::count_if(
          groups_, [](const Group& group) { return group.stable_at.has_value(); });
      return Fail(ErrorCode::kTimedOut, std::to_string(stable) + " of " +
                                            std::to_string(groups_.size()) + " groups are stable");
    }
    since = std::min(since, Now());
    const bool beaten = std::ranges::all_of(members_, [&](const Member& member) {
      return member.waits == Waits::kNothing && member.sent_at > since;
    });
    if (beaten) break;
  }
  for (const Group& group : groups_) {
    result_.stable.Add(Microseconds(joined_at_, *group.stable_at));
    result_.stable_seconds =
        std::max(result_.stable_seconds, Seconds(joined_at_, *group.stable_at));
  }
  return {};
}

Status Swarm::CommitNext(Member& member) {
  kafka::OffsetCommitRequest request;
  request.group_id = member.group->name;
  request.generation_id_or_member_epoch = member.generation;
  request.member_id = member.id;
  auto& topic = request.topics.emplace_back();
  topic.name = options_.topic;
  topic.partitions = {
      {.partition_index = member.partition, .committed_offset = ++member.committed}};
  return Send(member, request, Waits::kCommit, kCommitVersions);
}

Status Swarm::TakeCommit(Member& member) {
  auto answer = member.connection->Receive<kafka::OffsetCommitResponse>(Now() + kSendWithin);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->topics.empty() || answer->topics.front().partitions.empty()) {
    return Fail(ErrorCode::kCorruption, "a commit's answer is empty", member.group->name);
  }
  const KafkaError error = answer->topics.front().partitions.front().error_code;
  if (error != KafkaError::kNone) {
    return std::unexpected(client::FromKafka(error, "consumer group " + member.group->name));
  }
  ++result_.commits;
  result_.commit.Add(Microseconds(member.sent_at, Now()));
  return committers_.contains(&member) ? CommitNext(member) : Status{};
}

Status Swarm::Commit() {
  if (options_.commit_seconds <= 0) return {};
  // Of as many groups as there are.
  const std::size_t count = std::min(options_.committers, members_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t group = i % options_.groups;
    committers_.insert(&members_[group * options_.members + i / options_.groups]);
  }
  const Moment begin = Now();
  const Moment end = begin + Milliseconds(static_cast<std::int64_t>(options_.commit_seconds * 1e3));
  for (Member& member : members_) {
    if (committers_.contains(&member) && member.waits == Waits::kNothing) {
      KRONIKA_TRY(CommitNext(member));
    }
  }
  while (Now() < end) {
    KRONIKA_TRY(SendWhatIsDue());
    KRONIKA_TRY(Turn(std::min(end, Now() + kTurn)));
  }
  result_.commits_per_second = static_cast<double>(result_.commits) / Seconds(begin, Now());
  return {};
}

SwarmResult Swarm::Run() {
  const auto all = [this]() -> Status {
    KRONIKA_TRY(Connect());
    KRONIKA_TRY(Stabilise());
    return Commit();
  };
  if (const Status done = all(); !done) result_.error = done.error().Describe();
  return std::move(result_);
}

}  // namespace

SwarmResult RunSwarm(const SwarmOptions& options) {
  return Swarm(options).Run();
}

}  // namespace kronika::bench
