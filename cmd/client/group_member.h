// GroupMember: one member of a consumer group in Kafka's classic protocol: it joins, assigns when
// it is the leader, tells that it lives, commits, and leaves.
//
// One thread at a time; blocking, and nothing happens between calls: who holds it calls Beat() at
// least every few seconds.
// 1. Offsets are committed with the member's id and generation, so that a member that was thrown
//    out overwrites nobody's.
// 2. Everything is given up before a rebalance (the eager form), and assignment() is empty then.
// 3. A call that waits for the group asks `stop` several times a second and then ends with
//    kShutdown.
// Source: Kafka protocol guide, "JoinGroup" to "LeaveGroup"; KIP-345 (static members), KIP-394
// (member ids).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cmd/client/assignors.h"

namespace kronika::kafka {
struct JoinGroupResponse;
}

namespace kronika::client {

struct MemberOptions {
  std::vector<std::string> topics;
  std::vector<Assignor> assignors = {Assignor::kRange};  // the first that all members have is taken
  std::optional<std::string> instance_id = std::nullopt;  // keeps its partitions over a restart
  Milliseconds session_timeout{45'000};
  Milliseconds rebalance_timeout{60'000};
  // How long a coordinator that is not there is tried to be reached; none: for ever.
  std::optional<Milliseconds> patience = std::nullopt;
};

class GroupMember {
 public:
  using Stop = std::function<bool()>;
  GroupMember(Coordinator& coordinator, MemberOptions options, Stop stop)
      : coordinator_(coordinator), options_(std::move(options)), stop_(std::move(stop)) {}

  // Through as many rebalances as it takes. kShutdown; kFenced: another member has the instance id;
  // when options.patience is over, what the last attempt failed with.
  Status Join();
  const std::vector<TopicPartition>& assignment() const { return assignment_; }
  std::int32_t generation() const { return generation_; }
  const std::string& member_id() const { return member_id_; }

  // Tells the coordinator that it lives, if that is due. False: the group rebalances, so commit and
  // Join() again. kFenced.
  Result<bool> Beat();
  // False: the member is not in this generation any more, and nothing of it is committed. kFenced.
  Result<bool> Commit(const CommittedOffsets& offsets);
  // Of the assignment, with no transaction pending.
  Result<CommittedOffsets> Committed();
  // A static member does not leave: it is expected back within its session timeout.
  Status Leave();

 private:
  enum class Outcome { kGood, kAgain };

  Result<Outcome> JoinOnce();
  Result<Outcome> TakeJoin(const kafka::JoinGroupResponse& answer);
  Result<Outcome> Sync(const kafka::JoinGroupResponse& joined);
  Result<Assignments> AssignAll(const kafka::JoinGroupResponse& joined);
  // What an error of the group means for the member.
  Result<Outcome> React(kafka::KafkaError error, std::string_view detail = {});
  // Sends, then waits for the answer, which may take as long as the others need.
  template <class Request>
  Result<typename Request::Response> CallPatiently(const Request& request);
  Moment Deadline() const { return Now() + coordinator_.cluster().options().request_timeout; }
  void ForgetPlace();

  Coordinator& coordinator_;
  const MemberOptions options_;
  const Stop stop_;
  std::string member_id_;
  std::int32_t generation_ = -1;
  std::vector<TopicPartition> assignment_;
  std::vector<TopicPartition> owned_;  // in the generation before
  std::int32_t owned_generation_ = -1;
  Moment next_beat_{};
  std::optional<Error> trouble_;  // why the last attempt to join found no coordinator
};

}  // namespace kronika::client
