// Coordinator: the broker that coordinates one consumer group, found and followed as it moves.
//
// One thread at a time; blocking, through a Cluster that the caller owns. Source: Kafka protocol
// guide, "FindCoordinator".
#pragma once

#include <optional>
#include <string>

#include "cmd/client/cluster.h"

namespace kronika::client {

// Asking again helps: the coordinator moved, is about to be ready, or is not elected yet.
bool HealedByLookingAgain(kafka::KafkaError error);

class Coordinator {
 public:
  Coordinator(Cluster& cluster, std::string group) : cluster_(cluster), group_(std::move(group)) {}

  Cluster& cluster() const { return cluster_; }
  const std::string& group() const { return group_; }
  // Its broker's id; looked up until `deadline` if it is not known. kUnavailable.
  Result<std::int32_t> Find(Moment deadline);
  // The connection to it.
  Result<Connection*> Connect(Moment deadline);
  // It moved: the next call looks it up. With `connection_is_broken` the connection goes, too.
  void Forget(bool connection_is_broken);

  // Its answer. Where it moved or the connection broke it is looked up and asked again until
  // `deadline`. error_of(answer) is the error that speaks for the whole answer.
  template <class Request, class ErrorOf>
  Result<typename Request::Response> Call(const Request& request, Moment deadline,
                                          ErrorOf error_of) {
    for (;;) {
      auto answer = CallOnce(request, deadline);
      const bool broken = !answer;
      if (!broken && !HealedByLookingAgain(error_of(*answer))) return answer;
      if (broken && answer.error().code == ErrorCode::kUnsupported) return answer;
      Forget(broken);
      if (Left(deadline) == Milliseconds(0)) {
        if (broken) return answer;
        return std::unexpected(FromKafka(error_of(*answer), "consumer group " + group_));
      }
      Pause(cluster_.options().retry_pause);
    }
  }

 private:
  template <class Request>
  Result<typename Request::Response> CallOnce(const Request& request, Moment deadline) {
    auto connection = Connect(deadline);
    if (!connection) return std::unexpected(std::move(connection).error());
    return (*connection)->Call(request, deadline);
  }
  Result<std::int32_t> Ask();

  Cluster& cluster_;
  std::string group_;
  std::optional<std::int32_t> broker_;
};

}  // namespace kronika::client
