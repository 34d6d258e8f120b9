// SuperFrame <-> Frame: the only file that knows raft.proto's message types. Any thread; pure.
//
// Payload bytes follow the header in this order: entries of all messages, install chunks, calls,
// call answers. They are attached, not copied; a decoded entry is a view into the received frame.
#include <google/protobuf/arena.h>

#include "base/bytes.h"
#include "base/check.h"
#include "proto/raft.pb.h"
#include "raft/core/membership.h"
#include "raft/super_frame.h"

namespace kronika::raft {
namespace {

constexpr std::uint32_t kReject = 1, kBusy = 2, kTransfer = 4;

void PutMessage(const GroupMessage& from, wire::GroupMessage* to, Slices& payload) {
  const Message& message = from.message;
  to->set_group(from.group.value);
  to->set_generation(from.generation.value);
  to->set_from_incarnation(message.from.incarnation.value);
  to->set_to_incarnation(message.to.incarnation.value);
  to->set_type(static_cast<std::uint32_t>(message.type));
  to->set_term(message.term.value);
  to->set_log_index(message.log_index.value);
  to->set_log_term(message.log_term.value);
  to->set_commit(message.commit.value);
  to->set_hint_index(message.hint_index.value);
  to->set_hint_term(message.hint_term.value);
  to->set_flags((message.reject ? kReject : 0) | (message.busy ? kBusy : 0) |
                (message.transfer ? kTransfer : 0));
  to->set_read_context(message.read_context);
  Index expected = message.log_index;
  for (const auto& entry : message.entries) {
    // Indexes do not travel: the receiver counts from log_index. An entry of another place would
    // become another entry.
    KRONIKA_CHECK(entry.index == ++expected, "an append's entries follow its previous index");
    auto* header = to->add_entries();
    header->set_term(entry.term.value);
    header->set_type(static_cast<std::uint32_t>(entry.type));
    header->set_append_time_ms(entry.append_time_ms);
    header->set_size(static_cast<std::uint32_t>(entry.payload.size()));
    if (!entry.payload.empty()) payload.push_back(entry.payload);
  }
}

void PutBeat(const Beat& from, wire::Beat* to) {
  to->set_sequence(from.sequence);
  for (const auto& group : from.full) {
    auto* out = to->add_full();
    out->set_group(group.group.value);
    out->set_from_incarnation(group.from.value);
    out->set_to_incarnation(group.to.value);
    out->set_term(group.term.value);
    out->set_commit(group.commit.value);
    out->set_read_context(group.read_context);
  }
  std::uint32_t before = 0;
  for (GroupId group : from.unchanged) {
    to->add_unchanged(group.value - before);
    before = group.value;
  }
}

void PutLeader(const LeaderState& from, wire::LeaderState* to) {
  to->set_group(from.group.value);
  to->set_term(from.term.value);
  to->set_leader(from.leader.value);
  to->set_version(from.version);
  to->set_leader_epoch(from.leader_epoch.value);
  for (BrokerId broker : from.isr) to->add_isr(broker.value);
}

void PutInstalls(const SuperFrame& from, wire::SuperFrame* to, Slices& payload) {
  for (const auto& chunk : from.install_chunks) {
    auto* out = to->add_install_chunks();
    out->set_group(chunk.group.value);
    out->set_from_incarnation(chunk.from.value);
    out->set_to_incarnation(chunk.to.value);
    out->set_term(chunk.term.value);
    out->set_install(chunk.install);
    out->set_sequence(chunk.sequence);
    if (chunk.start) out->set_start(EncodeLogStart(*chunk.start));
    out->set_header(chunk.header);
    out->set_size(static_cast<std::uint32_t>(chunk.payload.size()));
    out->set_last(chunk.last);
    if (!chunk.payload.empty()) payload.push_back(chunk.payload);
  }
  for (const auto& answer : from.install_answers) {
    auto* out = to->add_install_answers();
    out->set_group(answer.group.value);
    out->set_from_incarnation(answer.from.value);
    out->set_to_incarnation(answer.to.value);
    out->set_install(answer.install);
    out->set_sequence(answer.sequence);
    out->set_ok(answer.ok);
    out->set_done(answer.done);
    out->set_error(answer.error);
  }
}

void PutCalls(const SuperFrame& from, wire::SuperFrame* to, Slices& payload) {
  for (const auto& call : from.calls) {
    auto* out = to->add_calls();
    out->set_correlation(call.correlation);
    out->set_kind(call.kind);
    out->set_timeout_ms(call.timeout_ms);
    out->set_size(static_cast<std::uint32_t>(call.payload.size()));
    if (!call.payload.empty()) payload.push_back(call.payload);
  }
  for (const auto& answer : from.call_answers) {
    auto* out = to->add_call_answers();
    out->set_correlation(answer.correlation);
    if (answer.result) {
      out->set_size(static_cast<std::uint32_t>(answer.result->size()));
      if (!answer.result->empty()) payload.push_back(*answer.result);
    } else {
      out->set_code(static_cast<std::uint32_t>(answer.result.error().code) + 1);
      out->set_text(answer.result.error().text);
    }
  }
}

// Hands out the payload bytes of a received frame in the order of the header.
class PayloadReader {
 public:
  explicit PayloadReader(const Slices& payload) : payload_(payload) {}
  // A view where the bytes lie in one slice, else a copy (a sender may cut slices differently).
  std::optional<Slice> Take(std::size_t size) {
    if (size == 0) return Slice();
    while (at_ < payload_.size() && position_ == payload_[at_].size()) {
      ++at_;
      position_ = 0;
    }
    if (at_ == payload_.size()) return std::nullopt;
    if (size <= payload_[at_].size() - position_) {
      Slice out = payload_[at_].Sub(position_, size);
      position_ += size;
      return out;
    }
    return Gather(size);
  }
  bool AtEnd() {
    while (at_ < payload_.size() && position_ == payload_[at_].size()) {
      ++at_;
      position_ = 0;
    }
    return at_ == payload_.size();
  }

 private:
  std::optional<Slice> Gather(std::size_t size) {
    std::size_t left = 0;
    for (std::size_t i = at_; i < payload_.size(); ++i) left += payload_[i].size();
    if (left - position_ < size) return std::nullopt;
    Slice out = Slice::Allocate(size);
    for (std::size_t done = 0; done < size;) {
      const Slice& slice = payload_[at_];
      std::size_t part = std::min(size - done, slice.size() - position_);
      // An empty slice may have no address, which memcpy must not be given.
      if (part > 0) {
        std::memcpy(out.mutable_bytes().data() + done, slice.data() + position_, part);
      }
      done += part;
      if ((position_ += part) == slice.size()) {
        ++at_;
        position_ = 0;
      }
    }
    return out;
  }
  const Slices& payload_;
  std::size_t at_ = 0;
  std::size_t position_ = 0;
};

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(ErrorCode::kCorruption, "undecodable frame: " + std::string(what));
}

Status GetMessage(const wire::GroupMessage& from, BrokerId sender, BrokerId receiver,
                  PayloadReader& payload, GroupMessage& to) {
  if (from.type() > static_cast<std::uint32_t>(MessageType::kTimeoutNow))
    return Bad("message type");
  to.group = GroupId{from.group()};
  to.generation = Generation{from.generation()};
  Message& message = to.message;
  message.type = static_cast<MessageType>(from.type());
  message.from = {sender, Incarnation{from.from_incarnation()}};
  message.to = {receiver, Incarnation{from.to_incarnation()}};
  message.term = Term{from.term()};
  message.log_index = Index{from.log_index()};
  message.log_term = Term{from.log_term()};
  message.commit = Index{from.commit()};
  message.hint_index = Index{from.hint_index()};
  message.hint_term = Term{from.hint_term()};
  message.reject = from.flags() & kReject;
  message.busy = from.flags() & kBusy;
  message.transfer = from.flags() & kTransfer;
  message.read_context = from.read_context();
  message.entries.reserve(static_cast<std::size_t>(from.entries_size()));
  Index index = message.log_index;
  for (const auto& header : from.entries()) {
    if (header.type() > static_cast<std::uint32_t>(EntryType::kControl)) return Bad("entry type");
    auto bytes = payload.Take(header.size());
    if (!bytes) return Bad("entry payload");
    message.entries.push_back({.index = ++index,
                               .term = Term{header.term()},
                               .type = static_cast<EntryType>(header.type()),
                               .append_time_ms = header.append_time_ms(),
                               .payload = std::move(*bytes)});
  }
  return {};
}

Beat GetBeat(const wire::Beat& from) {
  Beat to{.sequence = from.sequence()};
  for (const auto& group : from.full()) {
    to.full.push_back({GroupId{group.group()}, Incarnation{group.from_incarnation()},
                       Incarnation{group.to_incarnation()}, Term{group.term()},
                       Index{group.commit()}, group.read_context()});
  }
  std::uint32_t group = 0;
  for (auto gap : from.unchanged()) to.unchanged.push_back(GroupId{group += gap});
  return to;
}

Status GetInstalls(const wire::SuperFrame& from, PayloadReader& payload, SuperFrame& to) {
  for (const auto& chunk : from.install_chunks()) {
    auto bytes = payload.Take(chunk.size());
    if (!bytes) return Bad("install payload");
    InstallChunk out{GroupId{chunk.group()},
                     Incarnation{chunk.from_incarnation()},
                     Incarnation{chunk.to_incarnation()},
                     Term{chunk.term()},
                     chunk.install(),
                     chunk.sequence(),
                     std::nullopt,
                     chunk.header(),
                     std::move(*bytes),
                     chunk.last()};
    if (!chunk.start().empty()) {
      auto start = DecodeLogStart(chunk.start());
      if (!start) return Bad("install start");
      out.start = std::move(*start);
    }
    to.install_chunks.push_back(std::move(out));
  }
  for (const auto& answer : from.install_answers()) {
    to.install_answers.push_back({GroupId{answer.group()}, Incarnation{answer.from_incarnation()},
                                  Incarnation{answer.to_incarnation()}, answer.install(),
                                  answer.sequence(), answer.ok(), answer.done(), answer.error()});
  }
  return {};
}

Status GetCalls(const wire::SuperFrame& from, PayloadReader& payload, SuperFrame& to) {
  for (const auto& call : from.calls()) {
    auto bytes = payload.Take(call.size());
    if (!bytes) return Bad("call payload");
    to.calls.push_back({call.correlation(), call.kind(), call.timeout_ms(), std::move(*bytes)});
  }
  for (const auto& answer : from.call_answers()) {
    if (answer.code() > static_cast<std::uint32_t>(ErrorCode::kShutdown) + 1)
      return Bad("call answer code");
    auto bytes = payload.Take(answer.code() == 0 ? answer.size() : 0);
    if (!bytes) return Bad("call answer payload");
    CallAnswer out{answer.correlation(), std::move(*bytes)};
    if (answer.code() != 0)
      out.result = Fail(static_cast<ErrorCode>(answer.code() - 1), answer.text());
    to.call_answers.push_back(std::move(out));
  }
  return {};
}

}  // namespace

Frame Encode(const SuperFrame& frame) {
  google::protobuf::Arena arena;
  auto* out = google::protobuf::Arena::CreateMessage<wire::SuperFrame>(&arena);
  Frame to;
  out->set_metadata_index(frame.metadata_index);
  out->set_wall_clock_ms(frame.wall_clock_ms);
  out->set_leaders_wanted(frame.leaders_wanted);
  for (const auto& message : frame.messages) PutMessage(message, out->add_messages(), to.payload);
  if (frame.beat) PutBeat(*frame.beat, out->mutable_beat());
  for (const auto& answer : frame.beat_answers) {
    auto* beat_answer = out->add_beat_answers();
    beat_answer->set_sequence(answer.sequence);
    for (GroupId group : answer.exceptions) beat_answer->add_exceptions(group.value);
  }
  for (const auto& refusal : frame.not_yet) {
    auto* not_yet = out->add_not_yet();
    not_yet->set_group(refusal.group.value);
    not_yet->set_from_incarnation(refusal.from.value);
    not_yet->set_to_incarnation(refusal.to.value);
    not_yet->set_type(static_cast<std::uint32_t>(refusal.type));
    not_yet->set_term(refusal.term.value);
  }
  for (const auto& leader : frame.leaders) PutLeader(leader, out->add_leaders());
  PutInstalls(frame, out, to.payload);
  PutCalls(frame, out, to.payload);
  to.header = out->SerializeAsString();
  return to;
}

Result<SuperFrame> Decode(const Frame& frame, BrokerId from, BrokerId to) {
  google::protobuf::Arena arena;
  auto* in = google::protobuf::Arena::CreateMessage<wire::SuperFrame>(&arena);
  if (!in->ParseFromString(frame.header)) return Bad("header");
  PayloadReader payload(frame.payload);
  SuperFrame out;
  out.metadata_index = in->metadata_index();
  out.wall_clock_ms = in->wall_clock_ms();
  out.leaders_wanted = in->leaders_wanted() != 0;
  out.messages.resize(static_cast<std::size_t>(in->messages_size()));
  for (int i = 0; i < in->messages_size(); ++i) {
    KRONIKA_TRY(
        GetMessage(in->messages(i), from, to, payload, out.messages[static_cast<std::size_t>(i)]));
  }
  if (in->has_beat()) out.beat = GetBeat(in->beat());
  for (const auto& answer : in->beat_answers()) {
    BeatAnswer beat_answer{.sequence = answer.sequence()};
    for (auto group : answer.exceptions()) beat_answer.exceptions.push_back(GroupId{group});
    out.beat_answers.push_back(std::move(beat_answer));
  }
  for (const auto& refusal : in->not_yet()) {
    if (refusal.type() > static_cast<std::uint32_t>(MessageType::kTimeoutNow))
      return Bad("refusal type");
    out.not_yet.push_back({GroupId{refusal.group()}, Incarnation{refusal.from_incarnation()},
                           Incarnation{refusal.to_incarnation()},
                           static_cast<MessageType>(refusal.type()), Term{refusal.term()}});
  }
  for (const auto& leader : in->leaders()) {
    LeaderState state{GroupId{leader.group()},
                      Term{leader.term()},
                      BrokerId{leader.leader()},
                      leader.version(),
                      {},
                      Term{leader.leader_epoch()}};
    for (auto broker : leader.isr()) state.isr.push_back(BrokerId{broker});
    out.leaders.push_back(std::move(state));
  }
  KRONIKA_TRY(GetInstalls(*in, payload, out));
  KRONIKA_TRY(GetCalls(*in, payload, out));
  if (!payload.AtEnd()) return Bad("bytes behind the last part");
  return out;
}

std::string EncodeLogStart(const LogStart& start) {
  LeWriter out;
  out.Int(start.index.value).Int(start.term.value).Blob(EncodeMembership(start.membership));
  return out.Take();
}

Result<LogStart> DecodeLogStart(std::string_view bytes) {
  LeReader in(AsBytes(bytes));
  LogStart out;
  out.index = Index{in.Int<std::uint64_t>()};
  out.term = Term{in.Int<std::uint64_t>()};
  Bytes membership = in.Blob();
  if (!in.ok() || in.left() != 0) return Bad("log start");
  auto decoded = DecodeMembership(membership);
  if (!decoded) return std::unexpected(decoded.error());
  out.membership = std::move(*decoded);
  return out;
}

}  // namespace kronika::raft
