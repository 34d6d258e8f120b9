// KafkaError: Kafka's error codes, the one list of them in the broker.
//
// Any thread. Only codes that this broker answers with are listed; their numbers are the
// protocol's. Source: Kafka protocol guide, "Error codes"; 129 from KIP-1242.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace kronika::broker {

enum class KafkaError : std::int16_t {
  kUnknownServerError = -1,
  kNone = 0,
  kOffsetOutOfRange = 1,
  kCorruptMessage = 2,
  kUnknownTopicOrPartition = 3,
  kLeaderNotAvailable = 5,
  kNotLeaderOrFollower = 6,
  kRequestTimedOut = 7,
  kMessageTooLarge = 10,
  kCoordinatorLoadInProgress = 14,
  kCoordinatorNotAvailable = 15,
  kNotCoordinator = 16,
  kInvalidTopicException = 17,
  kRecordListTooLarge = 18,
  kNotEnoughReplicas = 19,
  kNotEnoughReplicasAfterAppend = 20,
  kInvalidRequiredAcks = 21,
  kInvalidGroupId = 24,
  kInvalidTimestamp = 32,
  kUnsupportedVersion = 35,
  kTopicAlreadyExists = 36,
  kInvalidPartitions = 37,
  kInvalidReplicationFactor = 38,
  kInvalidReplicaAssignment = 39,
  kInvalidConfig = 40,
  kNotController = 41,
  kInvalidRequest = 42,
  kPolicyViolation = 44,
  kOutOfOrderSequenceNumber = 45,
  kInvalidProducerEpoch = 47,
  kInvalidTxnState = 48,
  kUnknownProducerId = 59,
  kKafkaStorageError = 56,
  kFetchSessionIdNotFound = 70,
  kInvalidFetchSessionEpoch = 71,
  kTopicDeletionDisabled = 73,
  kFencedLeaderEpoch = 74,
  kUnknownLeaderEpoch = 75,
  kUnsupportedCompressionType = 76,
  kOffsetNotAvailable = 78,
  kInvalidRecord = 87,
  kUnknownTopicId = 100,
  kInconsistentTopicId = 103,
  kRebootstrapRequired = 129,
};

// The protocol's name, for example "NOT_LEADER_OR_FOLLOWER".
std::string_view Name(KafkaError error);

// Whether the code is in the list above; for tests that walk it.
bool IsKnown(std::int16_t code);

// The one place where an operating error of ours becomes an answer to a client.
KafkaError FromError(const Error& error);

}  // namespace kronika::broker
