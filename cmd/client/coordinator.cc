// Finding a consumer group's coordinator; see coordinator.h.
#include "cmd/client/coordinator.h"

#include "proto/kafka/find_coordinator.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

constexpr std::int8_t kGroupKey = 0;

struct Found {
  KafkaError error = KafkaError::kNone;
  std::string text;
  std::int32_t broker = -1;
};

// Versions from 4 on answer for a list of keys, earlier ones for one.
Found FoundIn(const kafka::FindCoordinatorResponse& answer) {
  if (answer.coordinators.empty()) {
    return {answer.error_code, answer.error_message.value_or(""), answer.node_id};
  }
  const auto& first = answer.coordinators.front();
  return {first.error_code, first.error_message.value_or(""), first.node_id};
}

}  // namespace

bool HealedByLookingAgain(KafkaError error) {
  switch (error) {
    case KafkaError::kNotCoordinator:
    case KafkaError::kCoordinatorNotAvailable:
    case KafkaError::kCoordinatorLoadInProgress:
      return true;
    default:
      return false;
  }
}

Result<std::int32_t> Coordinator::Ask() {
  kafka::FindCoordinatorRequest request;
  request.key = group_;
  request.key_type = kGroupKey;
  request.coordinator_keys = {group_};
  auto answer = cluster_.CallAny(request, cluster_.options().metadata_timeout);
  if (!answer) return std::unexpected(std::move(answer).error());
  const Found found = FoundIn(*answer);
  if (found.error != KafkaError::kNone) {
    return std::unexpected(FromKafka(found.error, "consumer group " + group_, found.text));
  }
  return found.broker;
}

Result<std::int32_t> Coordinator::Find(Moment deadline) {
  if (broker_ && cluster_.brokers().contains(*broker_)) return *broker_;
  for (;;) {
    auto found = Ask();
    if (found) {
      // Its address comes with the brokers, which are asked for when it is new.
      if (!cluster_.brokers().contains(*found)) {
        if (auto info = cluster_.Describe(std::vector<std::string>{}); !info) {
          found = std::unexpected(std::move(info).error());
        }
      }
      if (found) {
        broker_ = *found;
        return found;
      }
    }
    const ErrorCode code = found.error().code;
    const bool final = code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnsupported;
    if (final || Left(deadline) == Milliseconds(0)) return found;
    cluster_.PauseAfter(found.error());
  }
}

Result<Connection*> Coordinator::Connect(Moment deadline) {
  auto broker = Find(deadline);
  if (!broker) return std::unexpected(std::move(broker).error());
  return cluster_.To(*broker);
}

void Coordinator::Forget(bool connection_is_broken) {
  if (broker_ && connection_is_broken) cluster_.Drop(*broker_);
  broker_.reset();
}

}  // namespace kronika::client
