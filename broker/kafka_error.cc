// Names of Kafka's error codes and the translation of ours; see kafka_error.h.
#include "broker/kafka_error.h"

namespace kronika::broker {

std::string_view Name(KafkaError error) {
  switch (error) {
    case KafkaError::kUnknownServerError:
      return "UNKNOWN_SERVER_ERROR";
    case KafkaError::kNone:
      return "NONE";
    case KafkaError::kOffsetOutOfRange:
      return "OFFSET_OUT_OF_RANGE";
    case KafkaError::kCorruptMessage:
      return "CORRUPT_MESSAGE";
    case KafkaError::kUnknownTopicOrPartition:
      return "UNKNOWN_TOPIC_OR_PARTITION";
    case KafkaError::kLeaderNotAvailable:
      return "LEADER_NOT_AVAILABLE";
    case KafkaError::kNotLeaderOrFollower:
      return "NOT_LEADER_OR_FOLLOWER";
    case KafkaError::kRequestTimedOut:
      return "REQUEST_TIMED_OUT";
    case KafkaError::kMessageTooLarge:
      return "MESSAGE_TOO_LARGE";
    case KafkaError::kCoordinatorLoadInProgress:
      return "COORDINATOR_LOAD_IN_PROGRESS";
    case KafkaError::kCoordinatorNotAvailable:
      return "COORDINATOR_NOT_AVAILABLE";
    case KafkaError::kNotCoordinator:
      return "NOT_COORDINATOR";
    case KafkaError::kInvalidTopicException:
      return "INVALID_TOPIC_EXCEPTION";
    case KafkaError::kRecordListTooLarge:
      return "RECORD_LIST_TOO_LARGE";
    case KafkaError::kNotEnoughReplicas:
      return "NOT_ENOUGH_REPLICAS";
    case KafkaError::kNotEnoughReplicasAfterAppend:
      return "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
    case KafkaError::kInvalidRequiredAcks:
      return "INVALID_REQUIRED_ACKS";
    case KafkaError::kInvalidGroupId:
      return "INVALID_GROUP_ID";
    case KafkaError::kInvalidTimestamp:
      return "INVALID_TIMESTAMP";
    case KafkaError::kUnsupportedVersion:
      return "UNSUPPORTED_VERSION";
    case KafkaError::kTopicAlreadyExists:
      return "TOPIC_ALREADY_EXISTS";
    case KafkaError::kInvalidPartitions:
      return "INVALID_PARTITIONS";
    case KafkaError::kInvalidReplicationFactor:
      return "INVALID_REPLICATION_FACTOR";
    case KafkaError::kInvalidReplicaAssignment:
      return "INVALID_REPLICA_ASSIGNMENT";
    case KafkaError::kInvalidConfig:
      return "INVALID_CONFIG";
    case KafkaError::kNotController:
      return "NOT_CONTROLLER";
    case KafkaError::kInvalidRequest:
      return "INVALID_REQUEST";
    case KafkaError::kPolicyViolation:
      return "POLICY_VIOLATION";
    case KafkaError::kOutOfOrderSequenceNumber:
      return "OUT_OF_ORDER_SEQUENCE_NUMBER";
    case KafkaError::kInvalidProducerEpoch:
      return "INVALID_PRODUCER_EPOCH";
    case KafkaError::kInvalidTxnState:
      return "INVALID_TXN_STATE";
    case KafkaError::kUnknownProducerId:
      return "UNKNOWN_PRODUCER_ID";
    case KafkaError::kKafkaStorageError:
      return "KAFKA_STORAGE_ERROR";
    case KafkaError::kFetchSessionIdNotFound:
      return "FETCH_SESSION_ID_NOT_FOUND";
    case KafkaError::kInvalidFetchSessionEpoch:
      return "INVALID_FETCH_SESSION_EPOCH";
    case KafkaError::kTopicDeletionDisabled:
      return "TOPIC_DELETION_DISABLED";
    case KafkaError::kFencedLeaderEpoch:
      return "FENCED_LEADER_EPOCH";
    case KafkaError::kUnknownLeaderEpoch:
      return "UNKNOWN_LEADER_EPOCH";
    case KafkaError::kUnsupportedCompressionType:
      return "UNSUPPORTED_COMPRESSION_TYPE";
    case KafkaError::kOffsetNotAvailable:
      return "OFFSET_NOT_AVAILABLE";
    case KafkaError::kInvalidRecord:
      return "INVALID_RECORD";
    case KafkaError::kUnknownTopicId:
      return "UNKNOWN_TOPIC_ID";
    case KafkaError::kInconsistentTopicId:
      return "INCONSISTENT_TOPIC_ID";
    case KafkaError::kRebootstrapRequired:
      return "REBOOTSTRAP_REQUIRED";
  }
  return {};
}

bool IsKnown(std::int16_t code) {
  return !Name(static_cast<KafkaError>(code)).empty();
}

KafkaError FromError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return KafkaError::kInvalidRequest;
    case ErrorCode::kNotFound:
      return KafkaError::kUnknownTopicOrPartition;
    case ErrorCode::kAlreadyExists:
      return KafkaError::kTopicAlreadyExists;
    case ErrorCode::kCorruption:
      return KafkaError::kKafkaStorageError;
    case ErrorCode::kIo:
      return KafkaError::kKafkaStorageError;
    case ErrorCode::kNoSpace:
      return KafkaError::kKafkaStorageError;
    case ErrorCode::kBusy:
      return KafkaError::kRequestTimedOut;
    case ErrorCode::kNotLeader:
      return KafkaError::kNotLeaderOrFollower;
    case ErrorCode::kUnavailable:
      return KafkaError::kRequestTimedOut;
    case ErrorCode::kTimedOut:
      return KafkaError::kRequestTimedOut;
    case ErrorCode::kUnsupported:
      return KafkaError::kInvalidRequest;
    case ErrorCode::kFenced:
      return KafkaError::kKafkaStorageError;
    case ErrorCode::kShutdown:
      return KafkaError::kNotLeaderOrFollower;
  }
  return KafkaError::kUnknownServerError;
}

}  // namespace kronika::broker
