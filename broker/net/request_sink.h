// RequestSink: what stands behind the connections: the dispatcher, or a fake in tests.
//
// A frame goes in, an outcome comes back: neither side knows sockets or Kafka's messages of the
// other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/buffer.h"

namespace kronika::broker::net {

// Who asks. Lives as long as its connection; the sink keeps what it needs per connection by `id`.
struct Peer {
  std::uint64_t id = 0;      // of the connection, unique in this process
  std::string address = {};  // numeric, with the port; for log lines
  std::string host = {};     // numeric, without the port
  std::string listener = {};
};

// What becomes of one request.
struct Outcome {
  enum class Kind {
    kReply,    // `bytes` leave as one frame
    kNoReply,  // nothing leaves (Produce with acks=0)
    kClose,    // the connection ends here, after the replies that are due before it
  };
  Kind kind = Kind::kNoReply;
  Slices bytes = {};        // without the size field
  std::string reason = {};  // of kClose, for people

  static Outcome Reply(Slices bytes) { return {.kind = Kind::kReply, .bytes = std::move(bytes)}; }
  static Outcome NoReply() { return {}; }
  static Outcome Close(std::string reason) {
    return {.kind = Kind::kClose, .reason = std::move(reason)};
  }
};

// Called at most once, on the loop; also from inside Handle(). Calling it after the connection's
// end does nothing. A sink that drops it without calling it closes the connection: a request is
// never left without an outcome.
using Completion = std::move_only_function<void(Outcome)>;

class RequestSink {
 public:
  virtual ~RequestSink() = default;
  // Called in the order in which the frames of one connection arrived. `peer` stays valid until
  // OnClosed.
  virtual void Handle(const Peer& peer, Slice frame, Completion done) = 0;
  virtual void OnClosed(const Peer& peer) = 0;
  // Others wait for the memory that requests of this connection hold: one that waits for something
  // is to be answered with what there is, soon, but not from inside.
  virtual void OnHurry(const Peer& peer) = 0;
};

}  // namespace kronika::broker::net
