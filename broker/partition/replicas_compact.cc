// The compactor over a broker's replicas; see replicas.h.
#include "broker/partition/replicas.h"

namespace kronika::broker {

std::unique_ptr<Compactor> Replicas::MakeCompactor() {
  auto each = [this](const std::function<void(GroupId, RaftPartition&)>& visit) {
    for (auto& [group, partition] : partitions_) visit(group, *partition);
  };
  return std::make_unique<Compactor>(
      Compactor::Environment{environment_.loop, environment_.log, environment_.rng,
                             environment_.disk, environment_.settings, std::move(each)});
}

}  // namespace kronika::broker
