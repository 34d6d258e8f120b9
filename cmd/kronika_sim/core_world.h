// CoreWorld: one simulated Raft group from one seed: replicas, a network that loses, repeats and
// reorders, disks that are slow and forget, pauses, crashes, stops, cuts, changes of the
// configuration, transfers, reads.
//
// One thread, one queue ordered by (time, sequence). Every step is checked (Invariants, promises
// against the disk, reads against what was committed before they were asked). Three phases:
//   storm   faults of all kinds, clients write and read
//   heal    everything runs; one leader, equal replicas, no change unfinished, or it is a violation
//   calm    one link or replica is cut at a time; the term stays, a leader without a quorum lets go
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "cmd/kronika_sim/core_replica.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {

using CoreReport = SeedReport;

class CoreWorld {
 public:
  CoreWorld(std::uint64_t seed, SeedArguments::Log log);
  CoreReport Run();

 private:
  using Id = raft::ReplicaId;
  using Link = std::pair<Id, Id>;

  struct Host {
    std::unique_ptr<CoreReplica> replica;
    std::uint64_t life = 0;  // counts crashes; an event of an earlier life is void
    std::int64_t paused_until = 0;
    std::int64_t disk_slow_until = 0;
    std::int64_t refuse_until = 0;
    bool disk_busy = false;
    bool apply_busy = false;
    bool read_busy = false;
    int ticks = 0;
    Index committed;                  // checked so far, while it leads
    std::optional<Term> leads_up_to;  // of one that stands aside: the term that it led then, or 0
  };
  struct Event {
    std::int64_t at = 0;
    std::uint64_t sequence = 0;
    const char* kind = "";
    Id host;  // !valid(): the world's own
    std::uint64_t life = 0;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  // How bad the weather is; drawn from the seed.
  struct Weather {
    double loss = 0;
    double repeat = 0;
    int delay_ms_max = 5;
    double straggle = 0;  // chance of a delay of up to two seconds
    int disk_ms_max = 5;
    int apply_ms_max = 5;
    int read_ms_max = 0;  // of the log store, for followers that are behind
    int fault_ms_max = 1500;
  };

  // core_world.cc: time, network, disks
  void After(std::int64_t delay_ms, const char* kind, Id host, std::function<void()> run);
  void RunUntil(std::int64_t at);
  void Fire(Event& event);
  void AddReplica(Id id, raft::Membership founding);
  void Settle(Id id);
  void Send(raft::Message message);
  void Arrive(const raft::Message& message);
  void StartDisk(Id id);
  void StartApply(Id id);
  void StartRead(Id id);
  void StartInstall(Id from, Id to);
  void FinishInstalls(Id id, const std::vector<Index>& indexes);
  void CheckCommitted(Id id);
  void CheckStandsAside(Id id);
  void CheckReads(Id id, const std::vector<raft::ReadGrant>& reads);
  void Tick(Id id);
  void SendDriverBeats(Id id);
  bool IsCut(Id from, Id to) const;
  void Fail(std::string text);
  void Note(const std::string& text, bool full);
  Host& At(Id id) { return hosts_.at(id); }
  raft::Node* NodeOf(Id id);
  Id AnyHost();
  Id AnyLeader();

  // core_faults.cc: what goes wrong, and what clients and operators ask for
  void DrawWeather();
  void NextFault();
  void CrashOne();
  void Crash(Id id, std::size_t reached_disk);
  void Restart(Id id);
  void StopOne();
  void NextStop();
  void HandOver(Id id);
  void Stop(Id id);
  void PauseOne();
  void CutSome();
  void SlowDisk();
  void RefuseForAWhile();
  void ResetStream();
  void Transfer();
  void ChangeMembership();
  void AddLearners(raft::Membership& target);
  void Read(Id id);
  void CheckpointOne();
  void NextRequest();

  // core_phases.cc
  void Storm();
  void Heal();
  bool Converged();
  void Calm();
  void CalmCut(Id leader, bool of_leader);

  const std::uint64_t seed_;
  const SeedArguments::Log log_;
  SeededRng rng_;
  raft::Options options_;
  Weather weather_;
  raft::Invariants invariants_;
  std::map<Id, Host> hosts_;
  std::set<Link> cuts_;
  std::priority_queue<Event> queue_;
  std::uint64_t sequence_ = 0;
  std::int64_t now_ms_ = 0;
  std::int64_t storm_ends_ms_ = 0;
  bool storm_ = true;
  bool requests_ = true;
  std::uint64_t metadata_index_ = 0;
  std::uint64_t next_read_ = 0;
  struct Asked {
    Index committed;
    bool answered = false;
  };
  std::map<std::uint64_t, Asked> reads_;
  CoreReport report_;
};

}  // namespace kronika::sim
