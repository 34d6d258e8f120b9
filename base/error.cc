#include "base/error.h"

namespace kronika {

std::string_view Name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kAlreadyExists:
      return "already exists";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kIo:
      return "I/O error";
    case ErrorCode::kNoSpace:
      return "no space";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kNotLeader:
      return "not leader";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimedOut:
      return "timed out";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kFenced:
      return "fenced";
    case ErrorCode::kShutdown:
      return "shutting down";
  }
  std::unreachable();
}

std::string Error::Describe() const {
  std::string out(Name(code));
  if (!where.empty()) out.append(" (").append(where).append(")");
  if (!text.empty()) out.append(": ").append(text);
  return out;
}

}  // namespace kronika
