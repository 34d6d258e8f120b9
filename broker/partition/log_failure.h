// What an error of a partition's segments, or of the checkpoint that syncs them, means for the
// broker: the one rule (decision 0009).
//
// Pure.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/planted.h"

namespace kronika::broker {

enum class LogFailure : std::uint8_t {
  kWaits,    // not now: it is tried again
  kDamaged,  // the replica's own bytes are wrong: that replica alone is fenced
  // A write failed: nothing more is written in this life, so no checkpoint would be complete and
  // the journal would fill without a word. The broker ends; its next life writes it all again from
  // the journal.
  kFinal,
};

inline LogFailure JudgeLogFailure(const Error& error) {
  switch (error.code) {
    case ErrorCode::kCorruption:
      return LogFailure::kDamaged;
    case ErrorCode::kBusy:
    case ErrorCode::kUnavailable:
    case ErrorCode::kShutdown:
      return LogFailure::kWaits;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kIo:
    case ErrorCode::kNoSpace:
    case ErrorCode::kNotLeader:
    case ErrorCode::kTimedOut:
    case ErrorCode::kUnsupported:
    case ErrorCode::kFenced:
      break;
  }
  return KRONIKA_PLANTED("failed-segments-ignored") ? LogFailure::kWaits : LogFailure::kFinal;
}

}  // namespace kronika::broker
