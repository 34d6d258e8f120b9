#include "metadata/liveness.h"

#include <algorithm>

namespace kronika::metadata {

void Liveness::Heard(BrokerId broker, Instant now) {
  auto& last = heard_[broker];
  last = std::max(last, now);
}

void Liveness::BeginLeading(const std::vector<BrokerId>& brokers, Instant now) {
  heard_.clear();
  for (const auto broker : brokers) heard_[broker] = now;
}

bool Liveness::IsLive(BrokerId broker, Instant now) const {
  const auto found = heard_.find(broker);
  return found != heard_.end() && now - found->second <= kLimit;
}

std::vector<BrokerId> Liveness::Live(Instant now) const {
  std::vector<BrokerId> out;
  for (const auto& [broker, last] : heard_) {
    if (now - last <= kLimit) out.push_back(broker);
  }
  return out;
}

}  // namespace kronika::metadata
