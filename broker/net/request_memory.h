// RequestMemory: the memory that the requests of all connections of a broker may hold together
// (`queued.max.request.bytes`).
//
//   0            allowance                          held
//   |  not charged   |            charged            |    held = bytes that arrived and are not
//                                                         answered, and the room being read into
//
// One loop; no sockets. A connection asks for room before it reads, and a length that a client
// declared counts for nothing. Invariants:
// 1. A connection gets no more room at once than its allowance, or as much again as it holds, of
//    that kRoomBytesMax at most.
// 2. No more than `bytes_max` is charged, and one request beyond it: when nothing fits, who has
//    waited longest may exceed the budget until its request is whole. So some request always gets
//    whole, however many are begun, and nobody is closed for having come late.
// 3. Room within the allowance is given at once, other room in the order of asking. Whole requests
//    need no room: they never wait here.
// 4. While others wait, a connection that holds part of a request beyond its allowance and in
//    `silence_max` brings less than a sixteenth of that part is closed, the longest silent first;
//    also one that is not read from because its client leaves the answers where they are. What a
//    connection waits for room does not count, and a standstill of the process counts as one look.
// 5. While others wait, who holds whole requests beyond its allowance is told again and again: a
//    request that waits for something is to be answered with what there is.
// Source: the idea of a pool for all sockets, KIP-72.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/loop.h"
#include "broker/net/request_sink.h"

namespace kronika::broker::net {

class RequestAccount;

struct RequestMemoryOptions {
  std::size_t bytes_max = 256 * 1024 * 1024;
  Duration silence_max = std::chrono::seconds(10);
};

struct RequestMemoryStats {
  std::size_t charged = 0;   // bytes, now
  std::size_t waiting = 0;   // connections, now
  std::uint64_t waits = 0;   // times that a connection had to wait, since the start
  std::uint64_t closed = 0;  // connections closed by invariant 4
};

class RequestMemory : public std::enable_shared_from_this<RequestMemory> {
 public:
  static constexpr std::size_t kRoomBytesMax = 1024 * 1024;

  // Made by make_shared. `loop` and `log` outlive every connection.
  RequestMemory(Loop* loop, Log* log, RequestMemoryOptions options)
      : loop_(loop), log_(log), options_(options) {}

  RequestMemoryStats stats() const;

 private:
  friend class RequestAccount;
  using Accounts = std::list<RequestAccount*>;

  bool Fits(const RequestAccount& account, std::size_t room) const;
  bool Pressed() const { return !waiting_.empty() || exceeding_ != nullptr; }
  void Wait(RequestAccount& account);
  void Serve();
  void Recharge(RequestAccount& account);
  void Arm();
  void Look();
  void Hurry(const Accounts& accounts) const;
  void CloseSilent();
  void Close(RequestAccount& account);

  Loop* const loop_;
  Log* const log_;
  const RequestMemoryOptions options_;
  Accounts others_;
  Accounts waiting_;                     // who asked first in front
  RequestAccount* exceeding_ = nullptr;  // the one of invariant 2
  std::size_t charged_ = 0;
  std::uint64_t waits_ = 0;
  std::uint64_t waits_seen_ = 0;  // by the last Look()
  std::uint64_t closed_ = 0;
  bool armed_ = false;
};

// Whose requests are counted: a connection.
class RequestHolder {
 public:
  virtual const Peer& peer() const = 0;
  // The answer to Ask(), also from inside it; also while another connection is at work.
  virtual void OnRoom(std::size_t bytes) = 0;
  // It is to close.
  virtual void OnSilent(const std::string& why) = 0;
  // Others wait for what its whole requests hold. It ends none of them from inside.
  virtual void OnHurry() = 0;

 protected:
  ~RequestHolder() = default;
};

// What one connection holds. Its requests share it: those that outlive the connection stay charged
// until the last of them ends.
class RequestAccount {
 public:
  struct Holding {
    std::size_t unanswered = 0;  // bytes of whole requests
    std::size_t begun = 0;       // bytes behind them: part of a request
    std::size_t allowance = 0;
  };

  RequestAccount(std::shared_ptr<RequestMemory> memory, RequestHolder* holder);
  ~RequestAccount();
  RequestAccount(const RequestAccount&) = delete;
  RequestAccount& operator=(const RequestAccount&) = delete;

  // For a read into at most `room` bytes (at least one); OnRoom says how many. Once until Received.
  void Ask(std::size_t room);
  // The read brought `count` bytes; Settle follows.
  void Received(std::size_t count);
  void Settle(const Holding& now);
  // A request was cut from what arrived.
  void RequestIsWhole();
  // The connection has ended; the holder is not called any more.
  void Leave(std::size_t unanswered);

 private:
  friend class RequestMemory;
  std::size_t held() const { return holding_.unanswered + holding_.begun + room_; }
  std::size_t ChargeWith(std::size_t room) const;
  void Give(std::size_t room);
  bool Blocks() const;
  void Look();
  void Forgive();

  const std::shared_ptr<RequestMemory> memory_;
  RequestHolder* holder_;
  RequestMemory::Accounts::iterator place_;
  Holding holding_;
  std::size_t room_ = 0;  // of the read under way
  std::size_t charged_ = 0;
  std::size_t wanted_ = 0;  // while it waits; else 0
  int silent_looks_ = 0;
  std::size_t arrived_ = 0;  // since the first of them
};

}  // namespace kronika::broker::net
