// Installs: full copies of a state machine from a leader to a replica that the log no longer
// reaches (SAFETY A8). One run per (group, replica), chunk by chunk on the catch-up lane, each
// acknowledged after it was staged. On the manager's loop.
//
// 1. The receiver stages beside its old state and swaps by the journaled `installed` record; only
//    then is it acknowledged.
// 2. A run that loses its stream, its leader or its patience ends and is asked for again by the
//    core.
// 3. At most `kInstallsPerPeerMax` runs per peer; metadata goes first.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/loop.h"
#include "raft/group.h"
#include "raft/super_frame.h"

namespace kronika::raft {

inline constexpr std::size_t kInstallsPerPeerMax = 4;
inline constexpr std::size_t kInstallChunkBytes = 512 << 10;
inline constexpr Duration kInstallPatience = std::chrono::seconds(10);

struct InstallCounters {
  std::uint64_t started = 0;
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  std::uint64_t received = 0;
};

class Installs {
 public:
  using FindGroup = std::function<Group*(GroupId)>;
  using SendChunk = std::function<bool(BrokerId to, InstallChunk chunk)>;
  using SendAnswer = std::function<void(BrokerId to, InstallAnswer answer)>;
  struct Hooks {
    FindGroup find;
    SendChunk send_chunk;
    SendAnswer send_answer;
    std::function<void(Group&)> mark_dirty;
    // Whether what an install brings may be written here.
    std::function<Status(GroupId)> room;
  };

  // Installs are numbered from `first` on, which a broker draws anew in each life: an answer to an
  // earlier life is nobody's.
  Installs(Loop& loop, Log& log, std::uint64_t first, Hooks hooks)
      : loop_(loop), log_(log), hooks_(std::move(hooks)), next_install_(first) {}
  ~Installs();

  void Begin(Group& group, ReplicaId to);
  void OnChunk(BrokerId from, InstallChunk chunk);
  void OnAnswer(BrokerId from, const InstallAnswer& answer);
  void OnPeerLost(BrokerId peer);
  void OnGroupGone(GroupId group);
  const InstallCounters& counters() const { return counters_; }

 private:
  struct Outgoing;
  struct Incoming;
  using OutgoingKey = std::pair<GroupId, ReplicaId>;

  void StartQueued();
  void SendNext(const std::shared_ptr<Outgoing>& run);
  void EndOutgoing(const OutgoingKey& key, bool well, std::string_view why);
  void RearmPatience(const std::shared_ptr<Outgoing>& run);
  void Stage(const std::shared_ptr<Incoming>& run, InstallChunk chunk);
  void FinishIncoming(const std::shared_ptr<Incoming>& run);
  void Answer(const Incoming& run, bool ok, bool done, std::string error);

  Loop& loop_;
  Log& log_;
  Hooks hooks_;
  std::map<OutgoingKey, std::shared_ptr<Outgoing>> outgoing_;
  std::map<GroupId, std::shared_ptr<Incoming>> incoming_;
  std::uint64_t next_install_;
  InstallCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::raft
