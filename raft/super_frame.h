// SuperFrame: everything that goes from one broker to another in one frame, for all groups
// (decision D7).
//
// Plain structs; raft/codec.cc turns them into a Frame and back. A frame is decoded whole or
// refused whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "raft/core/message.h"
#include "raft/transport.h"

namespace kronika::raft {

struct GroupMessage {
  GroupId group;
  Generation generation{1};
  Message message;  // from.broker and to.broker are those of the stream
};

// One led group as its leader vouches for it. `to` must confirm (term, commit) once; then its id is
// enough.
struct BeatGroup {
  GroupId group;
  Incarnation from;
  Incarnation to;
  Term term;
  Index commit;
  std::uint64_t read_context = 0;
};

struct Beat {
  std::uint64_t sequence = 0;
  std::vector<BeatGroup> full;
  std::vector<GroupId> unchanged;  // ascending
};

// Confirms every group of the beat `sequence` but the exceptions.
struct BeatAnswer {
  std::uint64_t sequence = 0;
  std::vector<GroupId> exceptions;
};

// "I have not applied the metadata that your message builds on" (SAFETY B13): names the message
// refused.
struct NotYet {
  GroupId group;
  Incarnation from;
  Incarnation to;
  MessageType type = MessageType::kAppend;
  Term term;
};

struct LeaderState {
  GroupId group;
  Term term;
  BrokerId leader = kNoBroker;
  std::uint64_t version = 0;  // of changes within a term
  std::vector<BrokerId> isr;
  Term leader_epoch;
};

struct InstallChunk {
  GroupId group;
  Incarnation from;
  Incarnation to;
  Term term;
  std::uint64_t install = 0;
  std::uint64_t sequence = 0;
  std::optional<LogStart> start;  // in the first chunk
  std::string header;
  Slice payload;
  bool last = false;
};

struct InstallAnswer {
  GroupId group;
  Incarnation from;
  Incarnation to;
  std::uint64_t install = 0;
  std::uint64_t sequence = 0;
  bool ok = false;
  bool done = false;
  std::string error;
};

struct Call {
  std::uint64_t correlation = 0;
  std::uint32_t kind = 0;
  std::uint32_t timeout_ms = 0;
  Slice payload;
};

struct CallAnswer {
  std::uint64_t correlation = 0;
  Result<Slice> result;
};

struct SuperFrame {
  std::uint64_t metadata_index = 0;  // the sender's applied metadata
  std::int64_t wall_clock_ms = 0;
  std::vector<GroupMessage> messages;
  std::optional<Beat> beat;
  std::vector<BeatAnswer> beat_answers;
  std::vector<NotYet> not_yet;
  std::vector<LeaderState> leaders;
  bool leaders_wanted = false;
  std::vector<InstallChunk> install_chunks;
  std::vector<InstallAnswer> install_answers;
  std::vector<Call> calls;
  std::vector<CallAnswer> call_answers;
  std::size_t payload_bytes = 0;  // a running sum for cutting frames

  bool empty() const { return messages.empty() && OnlyMessages(); }
  bool OnlyMessages() const {
    return !beat && beat_answers.empty() && not_yet.empty() && leaders.empty() && !leaders_wanted &&
           install_chunks.empty() && install_answers.empty() && calls.empty() &&
           call_answers.empty();
  }
};

// codec.cc. Membership and LogStart also travel inside entries and manifests.
Frame Encode(const SuperFrame& frame);
// kCorruption if any part of it contradicts the format.
Result<SuperFrame> Decode(const Frame& frame, BrokerId from, BrokerId to);
std::string EncodeLogStart(const LogStart& start);
Result<LogStart> DecodeLogStart(std::string_view bytes);

}  // namespace kronika::raft
