// What can go wrong in operation (disk, peer, client, time), as a value.
//
// Bugs are KRONIKA_CHECK (check.h), never an Error. A code exists only if somebody reacts to it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace kronika {

enum class ErrorCode {
  kInvalidArgument,  // the caller, a config or a client gave something that cannot be used
  kNotFound,         // the named thing does not exist
  kAlreadyExists,    // the name is taken
  kCorruption,       // bytes on disk or on the wire contradict their checksum or format
  kIo,               // the disk or network failed; final for the file concerned
  kNoSpace,          // the disk is full
  kBusy,             // a bound is reached, or somebody else has it; try later
  kNotLeader,        // this replica does not lead (any more)
  kUnavailable,      // not yet, or no quorum; try later
  kTimedOut,         // the deadline passed; the outcome is unknown
  kUnsupported,      // the platform or version does not do this
  kFenced,           // identity or data is refused for good
  kShutdown,         // the component is stopping
};

std::string_view Name(ErrorCode code);

// An operating error: its code for programs, `text` for people (names the cause and the way out),
// and `where` (component and object, for example "journal 3.wal").
struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string text;
  std::string where = {};

  std::string Describe() const;
  bool operator==(const Error&) const = default;
};

}  // namespace kronika
