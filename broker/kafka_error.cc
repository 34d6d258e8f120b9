// Translation of our errors; see kafka_error.h.
#include "broker/kafka_error.h"

namespace kronika::broker {

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
