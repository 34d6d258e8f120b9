// Calls: requests to another broker and their answers, on the data lane (DESIGN §7: forwarded
// requests travel with a correlation id and the client's deadline). On the manager's loop.
//
// Every call ends exactly once: with its answer, at its deadline (kTimedOut), or when the stream is
// lost (kUnavailable; the outcome is then unknown). An answer to a call of an earlier life of this
// broker is nobody's: its number is not used again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/loop.h"
#include "raft/super_frame.h"

namespace kronika::raft {

class Calls {
 public:
  // Answers a call from another broker; `answer` may be used later, once.
  using Handler = std::function<void(BrokerId from, const Call& call, Done<Slice> answer)>;
  // Puts a call or an answer on its way; false if the peer cannot be reached.
  using Sender =
      std::function<bool(BrokerId to, std::optional<Call> call, std::optional<CallAnswer> answer)>;

  // Calls are numbered from `first` on, which a broker draws anew in each life.
  Calls(Loop& loop, std::uint64_t first, Sender sender);
  ~Calls();

  void SetHandler(std::uint32_t kind, Handler handler) { handlers_[kind] = std::move(handler); }
  void Start(BrokerId to, std::uint32_t kind, Slice payload, Duration timeout, Done<Slice> done);

  void OnCall(BrokerId from, const Call& call);
  void OnAnswer(BrokerId from, CallAnswer answer);
  void OnPeerLost(BrokerId peer);

 private:
  struct Waiting {
    BrokerId to;
    TimerId timer;
    Done<Slice> done;
  };
  void End(std::uint64_t correlation, Result<Slice> result);

  Loop& loop_;
  Sender sender_;
  std::map<std::uint32_t, Handler> handlers_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t next_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::raft
