// LeaderTransfers: hands the leadership of groups led here over to other brokers, and takes back
// how that ended.
//
//   ElectLeaders (elections.h) ─ here or by a call ┐
//   preferred returns (preferred_returns.h) ───────┼─▶ Start ─▶ raft ─▶ the other broker leads
//   a broker that stops (hand_over.h) ─────────────┘
//
// On the worker's loop.
// 1. A transfer ends when another leader is known here, when the group gives it up (an election
//    timeout), when the other broker stops or is lost, or after kPatience. At most kAtOnceMax are
//    under way.
// 2. Whoever stops says so to everybody first (kStopping): nothing is handed over to it from then
//    on, until its connection was lost.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "base/loop.h"
#include "broker/cluster/calls.h"
#include "broker/cluster/leader_choice.h"
#include "broker/leadership_view.h"
#include "metadata/image.h"
#include "raft/group_manager.h"

namespace kronika::broker {

enum class TransferReason : std::uint8_t { kElection, kReturn, kStop };
std::string_view Name(TransferReason reason);

struct TransferCounters {
  std::uint64_t completed[3] = {};  // by reason
  std::uint64_t failed = 0;
};

class LeaderTransfers {
 public:
  static constexpr std::size_t kAtOnceMax = 64;
  static constexpr Duration kPatience = std::chrono::seconds(3);

  struct Environment {
    Loop& loop;
    raft::GroupManager& groups;
    const LeadershipView& leadership;
    std::function<metadata::ImagePtr()> image;
    BrokerId self;
    std::int64_t in_sync_ticks = 0;  // replica.lag.time.max.ms
  };

  explicit LeaderTransfers(Environment environment) : environment_(std::move(environment)) {}
  ~LeaderTransfers() { Stop(); }

  // Lets other brokers ask.
  void Serve();
  void Stop();

  // kStarted also if it is under way already.
  TransferAnswer Start(GroupId group, BrokerId to, TransferReason reason);
  // To the first replica of its assignment.
  TransferAnswer StartPreferred(const PartitionId& partition);
  bool UnderWay(GroupId group) const { return under_way_.contains(group); }
  std::size_t under_way(TransferReason reason) const;
  std::size_t under_way() const { return under_way_.size(); }
  SuccessorRules rules() const;

  // This broker stops: others hear of it, and nothing is taken over here any more.
  void SayStopping();
  // The peer's connection was lost: what comes back is another process.
  void OnPeerLost(BrokerId peer) { stopping_.erase(peer); }

  const TransferCounters& counters() const { return counters_; }

 private:
  struct Transfer {
    BrokerId to;
    TransferReason reason;
    Instant until;
  };
  bool Reachable(BrokerId broker) const;
  bool MayLead(BrokerId broker) const;
  void Look();
  void LookLater();
  // Whether it has ended; counted then.
  bool Ended(GroupId id, const Transfer& transfer);

  Environment environment_;
  std::map<GroupId, Transfer> under_way_;
  std::set<BrokerId> stopping_;
  TransferCounters counters_;
  std::optional<TimerId> timer_;
};

}  // namespace kronika::broker
