// Slots, back-pressure and the order of replies; see connection.h.
#include "broker/net/connection.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker::net {
namespace {
// One gathered write takes no more than this; a reply larger than it goes alone.
constexpr std::size_t kSendBytesMax = 1024 * 1024;
constexpr std::size_t kSendPiecesMax = 256;
}  // namespace

// Held by the completion: completes its request once, at the latest when it is destroyed.
class Connection::Ticket {
 public:
  Ticket(std::weak_ptr<Connection> connection, std::shared_ptr<RequestAccount> account,
         std::uint64_t number)
      : connection_(std::move(connection)), account_(std::move(account)), number_(number) {}
  Ticket(Ticket&& other) noexcept
      : connection_(std::exchange(other.connection_, {})),
        account_(std::exchange(other.account_, {})),
        number_(other.number_) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket() { Finish(Outcome::Close("the request was dropped")); }

  void Finish(Outcome outcome) {
    auto connection = std::exchange(connection_, {}).lock();
    if (connection) connection->Complete(number_, std::move(outcome));
  }

 private:
  std::weak_ptr<Connection> connection_;
  std::shared_ptr<RequestAccount> account_;  // its bytes stay charged, also when that is gone
  const std::uint64_t number_;
};

Connection::Connection(ConnectionLimits limits, Peer peer, ByteStream* stream, RequestSink* sink,
                       std::shared_ptr<RequestMemory> memory)
    : limits_(limits),
      peer_(std::move(peer)),
      stream_(stream),
      sink_(sink),
      reader_(limits.frame_bytes_max),
      account_(std::make_shared<RequestAccount>(std::move(memory), this)) {}

Connection::~Connection() {
  if (!closed_) account_->Leave(unanswered_bytes_);
}

void Connection::Start() {
  Pump();
}

void Connection::OnReceived(std::size_t count) {
  if (closed_) return;
  receiving_ = false;
  account_->Received(count);
  reader_.Commit(count);
  starved_ = false;
  Pump();
}

void Connection::OnSent() {
  if (closed_) return;
  for (; sending_ > 0; --sending_) {
    bytes_in_flight_ -= slots_.front().request_bytes + slots_.front().reply_bytes;
    slots_.pop_front();
  }
  pieces_.clear();
  Pump();
}

void Connection::OnLost() {
  if (!closed_) End();
}

void Connection::Close(std::string reason) {
  if (closed_) return;
  End();
  stream_->Close(std::move(reason));
}

void Connection::End() {
  closed_ = true;
  account_->Leave(unanswered_bytes_);
  sink_->OnClosed(peer_);
}

// Completions may come from inside StartRequest; the flag turns that recursion into a loop.
void Connection::Pump() {
  if (pumping_ || closed_) return;
  const auto keep_alive = shared_from_this();
  pumping_ = true;
  do {
    StartRequests();
  } while (SendDue() && !closed_);
  SettleMemory();
  ReceiveMore();
  pumping_ = false;
}

bool Connection::MayStart(std::size_t frame_bytes) const {
  if (slots_.empty()) return true;
  if (KRONIKA_PLANTED("connection-unbounded")) return true;
  return slots_.size() < limits_.requests_in_flight_max &&
         bytes_in_flight_ + frame_bytes <= limits_.bytes_in_flight_max;
}

void Connection::StartRequests() {
  while (!closed_ && !refused_ && !starved_) {
    if (!MayStart(static_cast<std::size_t>(reader_.DeclaredSize().value_or(0)))) return;
    auto frame = reader_.Next();
    if (!frame) {
      // The error takes its place in the queue, so that the replies before it still leave.
      slots_.push_back({.number = next_number_++, .outcome = Outcome::Close(frame.error().text)});
      refused_ = true;
    } else if (!*frame) {
      starved_ = true;
    } else {
      StartRequest(std::move(**frame));
    }
  }
}

void Connection::StartRequest(Slice frame) {
  const std::uint64_t number = next_number_++;
  slots_.push_back({.number = number, .request_bytes = frame.size()});
  bytes_in_flight_ += frame.size();
  unanswered_bytes_ += frame.size();
  account_->RequestIsWhole();
  Completion done = [ticket = Ticket(weak_from_this(), account_, number)](Outcome outcome) mutable {
    ticket.Finish(std::move(outcome));
  };
  sink_->Handle(peer_, std::move(frame), std::move(done));
}

void Connection::Complete(std::uint64_t number, Outcome outcome) {
  if (closed_) return;
  KRONIKA_CHECK(!slots_.empty() && number >= slots_.front().number);
  Slot& slot = slots_[number - slots_.front().number];
  KRONIKA_CHECK(!slot.outcome.has_value());
  if (!KRONIKA_PLANTED("request-memory-kept")) unanswered_bytes_ -= slot.request_bytes;
  if (outcome.kind == Outcome::Kind::kReply && TotalSize(outcome.bytes) > limits_.reply_bytes_max) {
    outcome = Outcome::Close("an answer that fits into no frame");
  }
  if (outcome.kind == Outcome::Kind::kReply) {
    slot.reply_bytes = TotalSize(outcome.bytes);
    StoreBe(slot.size_field.data(), static_cast<std::int32_t>(slot.reply_bytes));
    bytes_in_flight_ += slot.reply_bytes;
  }
  if (outcome.kind == Outcome::Kind::kClose) refused_ = true;
  slot.outcome = std::move(outcome);
  Pump();
}

// Gathers the replies at the front of the queue into one write. True if requests ended without a
// reply, which leaves room to start others.
bool Connection::SendDue() {
  if (closed_ || sending_ > 0) return false;
  bool made_room = false;
  std::size_t bytes = 0;
  while (sending_ < slots_.size()) {
    const Slot& slot = slots_[sending_];
    if (!slot.outcome.has_value()) break;
    const bool is_reply = slot.outcome->kind == Outcome::Kind::kReply;
    if (!is_reply && sending_ > 0) break;
    if (slot.outcome->kind == Outcome::Kind::kClose) {
      Close(slot.outcome->reason);
      return false;
    }
    if (!is_reply) {
      made_room = true;
      bytes_in_flight_ -= slot.request_bytes;
      slots_.pop_front();
      continue;
    }
    if (sending_ > 0 &&
        (bytes + slot.reply_bytes > kSendBytesMax || pieces_.size() >= kSendPiecesMax)) {
      break;
    }
    pieces_.push_back(slot.size_field);
    for (const auto& slice : slot.outcome->bytes) {
      if (!slice.empty()) pieces_.push_back(slice.bytes());
    }
    bytes += slot.reply_bytes;
    ++sending_;
  }
  if (sending_ > 0) stream_->Send(pieces_);
  return made_room;
}

void Connection::SettleMemory() {
  if (closed_) return;
  account_->Settle({.unanswered = unanswered_bytes_,
                    .begun = reader_.buffered_bytes(),
                    .allowance = reader_.idle_block_bytes()});
}

void Connection::ReceiveMore() {
  if (closed_ || refused_ || receiving_ || !starved_ || !MayStart(1)) return;
  receiving_ = true;
  account_->Ask(reader_.room_bytes());
}

// No bytes came since it was asked for: the reader still has that much room.
void Connection::OnRoom(std::size_t bytes) {
  stream_->Receive(reader_.Prepare().first(bytes));
}

}  // namespace kronika::broker::net
