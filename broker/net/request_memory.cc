// Charging, the queue for room, and the end of the silent; see request_memory.h.
#include "broker/net/request_memory.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted.h"

namespace kronika::broker::net {
namespace {
// Silence is looked for this often in `silence_max`, while somebody waits, and counted in looks: a
// look that is late, since the process stood still, comes before what was sent meanwhile is read.
constexpr int kLooks = 10;
constexpr std::size_t kSilentShare = 16;
}  // namespace

RequestMemoryStats RequestMemory::stats() const {
  return {.charged = charged_, .waiting = waiting_.size(), .waits = waits_, .closed = closed_};
}

bool RequestMemory::Fits(const RequestAccount& account, std::size_t room) const {
  if (KRONIKA_PLANTED("request-memory-unbounded")) return true;
  return charged_ - account.charged_ + account.ChargeWith(room) <= options_.bytes_max;
}

void RequestMemory::Wait(RequestAccount& account) {
  waiting_.splice(waiting_.end(), others_, account.place_);
  Serve();
  if (account.wanted_ > 0) ++waits_;
  if (Pressed()) Arm();
}

// Gives room to those who wait, in their order.
void RequestMemory::Serve() {
  if (charged_ <= options_.bytes_max) exceeding_ = nullptr;
  while (!waiting_.empty()) {
    RequestAccount& next = *waiting_.front();
    if (!Fits(next, next.wanted_)) {
      if (exceeding_ != nullptr || charged_ > options_.bytes_max) return;
      if (KRONIKA_PLANTED("request-memory-nobody-exceeds")) return;
      exceeding_ = &next;
    }
    next.Give(next.wanted_);
  }
}

void RequestMemory::Recharge(RequestAccount& account) {
  const std::size_t before = account.charged_;
  account.charged_ = account.ChargeWith(0);
  charged_ = charged_ - before + account.charged_;
  if (account.charged_ < before && Pressed()) Serve();
}

void RequestMemory::Arm() {
  if (std::exchange(armed_, true)) return;
  loop_->RunAfter(options_.silence_max / kLooks, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Look();
  });
}

// Goes on for as long as little is free: who waits again and again, but never for long, is kept
// waiting as well.
void RequestMemory::Look() {
  armed_ = false;
  if (Pressed()) {
    Hurry(others_);
    Hurry(waiting_);
  }
  CloseSilent();
  if (Pressed() || charged_ > options_.bytes_max / 2) Arm();
}

void RequestMemory::Hurry(const Accounts& accounts) const {
  for (const RequestAccount* account : accounts) {
    if (account->holder_ == nullptr || account->holding_.unanswered <= account->holding_.allowance)
      continue;
    if (!KRONIKA_PLANTED("request-memory-hurries-nobody")) account->holder_->OnHurry();
  }
}

void RequestMemory::CloseSilent() {
  std::vector<RequestAccount*> silent;
  for (RequestAccount* account : others_) {
    account->Look();
    if (account->silent_looks_ >= kLooks) silent.push_back(account);
  }
  std::ranges::sort(silent, std::greater{}, &RequestAccount::silent_looks_);
  bool waited = std::exchange(waits_seen_, waits_) != waits_;
  for (RequestAccount* account : silent) {
    if (!waited && !Pressed()) break;
    if (KRONIKA_PLANTED("request-memory-silent-stay")) break;
    waited = false;
    Close(*account);
  }
}

void RequestMemory::Close(RequestAccount& account) {
  ++closed_;
  const Peer& peer = account.holder_->peer();
  const std::string why = fmt::format(
      "it sent {} bytes in {} s of a request of which {} bytes are here, while others wait for "
      "memory (queued.max.request.bytes: {})",
      account.arrived_,
      account.silent_looks_ * options_.silence_max / kLooks / std::chrono::seconds(1),
      account.holding_.begun, options_.bytes_max);
  log_->Warn("connection {} from {} is closed: {}", peer.id, peer.address, why);
  account.holder_->OnSilent(why);
}

RequestAccount::RequestAccount(std::shared_ptr<RequestMemory> memory, RequestHolder* holder)
    : memory_(std::move(memory)), holder_(holder) {
  place_ = memory_->others_.insert(memory_->others_.end(), this);
}

RequestAccount::~RequestAccount() {
  Leave(0);
  memory_->others_.erase(place_);
}

std::size_t RequestAccount::ChargeWith(std::size_t room) const {
  const std::size_t bytes = held() + room;
  return bytes - std::min(bytes, holding_.allowance);
}

void RequestAccount::Ask(std::size_t room) {
  KRONIKA_CHECK(room > 0 && room_ == 0 && wanted_ == 0);
  const std::size_t free = holding_.allowance - std::min(held(), holding_.allowance);
  if (room <= free) return Give(room);
  const std::size_t more = std::min(held(), RequestMemory::kRoomBytesMax);
  const std::size_t wanted = std::min(room, std::max(holding_.allowance, more));
  if (memory_->exceeding_ == this || (memory_->waiting_.empty() && memory_->Fits(*this, wanted))) {
    return Give(wanted);
  }
  if (free > 0) return Give(free);
  wanted_ = wanted;
  memory_->Wait(*this);
}

void RequestAccount::Give(std::size_t room) {
  if (std::exchange(wanted_, 0) > 0) {
    memory_->others_.splice(memory_->others_.end(), memory_->waiting_, place_);
  }
  room_ = room;
  memory_->Recharge(*this);
  holder_->OnRoom(room);
}

void RequestAccount::Received(std::size_t count) {
  KRONIKA_CHECK(count <= room_);
  room_ = 0;
  arrived_ += count;
}

void RequestAccount::Settle(const Holding& now) {
  holding_ = now;
  memory_->Recharge(*this);
  // What it held was answered meanwhile.
  if (wanted_ > 0 && held() < holding_.allowance) {
    Give(std::min(wanted_, holding_.allowance - held()));
  }
}

void RequestAccount::RequestIsWhole() {
  Forgive();
  if (memory_->exceeding_ == this) memory_->exceeding_ = nullptr;
}

void RequestAccount::Leave(std::size_t unanswered) {
  holder_ = nullptr;
  if (std::exchange(wanted_, 0) > 0) {
    memory_->others_.splice(memory_->others_.end(), memory_->waiting_, place_);
  }
  RequestIsWhole();
  room_ = 0;
  Settle({.unanswered = unanswered});
}

// Whether others may be waiting for what it holds of a request that is not whole.
bool RequestAccount::Blocks() const {
  return holder_ != nullptr && holding_.begun > holding_.allowance;
}

// Who waits for room is not looked at, and is not forgiven either: a byte now and then makes it
// wait again.
void RequestAccount::Look() {
  if (!Blocks() || arrived_ * kSilentShare >= holding_.begun) return Forgive();
  ++silent_looks_;
}

void RequestAccount::Forgive() {
  silent_looks_ = 0;
  arrived_ = 0;
}

}  // namespace kronika::broker::net
