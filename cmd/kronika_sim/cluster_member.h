// A member of a consumer group of the simulated cluster, as a stock client behaves: finds the
// coordinator, joins, syncs, sends heartbeats, commits and fetches, and begins again where it has
// to. It sometimes leaves, falls silent for longer than its session, or comes back as another
// process.
//
// One thread, on the clients' loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/kronika_sim/cluster_client.h"
#include "cmd/kronika_sim/cluster_group_oracle.h"
#include "proto/kafka/join_group.h"
#include "proto/kafka/offset_commit.h"
#include "proto/kafka/offset_fetch.h"
#include "proto/kafka/sync_group.h"

namespace kronika::sim {

struct MemberPlan {
  std::string group;
  std::string topic;
  std::int32_t partitions = 1;
  bool is_static = false;  // KIP-345: its instance is its name
  // Alone in its group, it comes back as its own ghost: it speaks for the id that the coordinator
  // may have given up.
  bool haunts = false;
};

class SimMember {
 public:
  SimMember(ClientWorld& world, GroupOracle& oracle, MemberPlan plan, std::uint64_t number);
  void Start() { Later(&SimMember::Find); }
  // Fetches every offset once more and is done.
  void Finish();
  void Stop();
  bool settled() const { return settled_; }
  std::string Describe() const;

 private:
  using Step = void (SimMember::*)();
  void Later(Step next, Duration pause = std::chrono::milliseconds(50));
  void Find();
  void Join();
  void Joined(std::int32_t floor, Result<kafka::JoinGroupResponse> answer);
  void Sync(const kafka::JoinGroupResponse& joined);
  void Live();
  void Heartbeat();
  void Commit();
  void Fetch();
  void Fetched(const std::vector<std::int64_t>& floors, Result<kafka::OffsetFetchResponse> answer);
  void Leave();
  void Forget();  // its process ended
  void Haunt();   // speaks for an id that was told to be unknown
  // Goes on where an error sends a client. True: there was none.
  bool Passes(kafka::KafkaError error, Step retry);
  void Lost(Step retry);
  void Check(const std::string& wrong) const;
  const std::string& Identity(const std::string& member) const;

  SimClient client_;
  ClientWorld& world_;
  GroupOracle& oracle_;
  const MemberPlan plan_;
  const std::string name_;
  std::int16_t join_version_ = 9;
  BrokerId coordinator_ = kNoBroker;
  std::string member_;  // empty: none yet
  std::int32_t generation_ = -1;
  std::vector<std::int32_t> owned_;
  std::string ghost_;  // an id of its own that the coordinator said is unknown
  std::int32_t ghost_generation_ = -1;
  bool ghost_told_ = false;
  int hauntings_ = 0;
  bool finishing_ = false;
  bool settled_ = false;
  Step after_find_;
  const char* doing_ = "nothing";
  std::string last_error_;
  TimerId timer_;
};

}  // namespace kronika::sim
