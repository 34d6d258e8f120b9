#include "broker/cluster/leadership.h"

namespace kronika::broker {

PartitionLeadership Leadership::Find(const Uuid& topic, std::int32_t partition) const {
  PartitionLeadership out;
  auto known = image_()->FindTopic(topic);
  if (!known || partition < 0 || static_cast<std::size_t>(partition) >= known->partitions.size())
    return out;
  const auto* state = states_.Find(known->partitions[static_cast<std::size_t>(partition)]->group);
  if (!state) return out;
  out.leader = state->leader;
  out.in_sync = state->isr;
  if (state->leader_epoch.value > 0)
    out.leader_epoch = static_cast<std::int32_t>(state->leader_epoch.value);
  return out;
}

}  // namespace kronika::broker
