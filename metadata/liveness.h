// Who is alive, as the metadata leader heard: soft state that rides in its beats and decides what
// Metadata lists and where new replicas go. Nothing in a log depends on it.
//
// Pure: time is passed in; belongs to one loop. Invariant: a broker is live exactly if it was heard
// of within kLimit.
#pragma once

#include <map>
#include <vector>

#include "base/ids.h"
#include "base/loop.h"

namespace kronika::metadata {

class Liveness {
 public:
  static constexpr Duration kLimit = std::chrono::seconds(2);

  // A beat of `broker` came in.
  void Heard(BrokerId broker, Instant now);
  // This broker begins to lead the metadata group: it has heard nobody yet, and presumes `brokers`
  // alive for one limit, so that a change of leader does not make the cluster look dead.
  void BeginLeading(const std::vector<BrokerId>& brokers, Instant now);
  // The broker is no longer of the cluster.
  void Forget(BrokerId broker) { heard_.erase(broker); }

  bool IsLive(BrokerId broker, Instant now) const;
  // By id.
  std::vector<BrokerId> Live(Instant now) const;

 private:
  std::map<BrokerId, Instant> heard_;
};

}  // namespace kronika::metadata
