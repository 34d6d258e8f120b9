// Asking leaders for high watermarks; see watermarks.h.
#include "broker/cluster/watermarks.h"

#include <algorithm>

namespace kronika::broker {

void Watermarks::Start() {
  environment_.calls.SetHandler(static_cast<std::uint32_t>(CallKind::kHighWatermarks),
                                [this](BrokerId, const raft::Call& call, Done<Slice> answer) {
                                  auto partitions = DecodePartitions(call.payload.bytes());
                                  if (!partitions)
                                    return answer(std::unexpected(std::move(partitions).error()));
                                  std::vector<std::int64_t> watermarks;
                                  watermarks.reserve(partitions->size());
                                  for (const auto& each : *partitions)
                                    watermarks.push_back(Local(each));
                                  answer(Slice::CopyOf(EncodeWatermarks(watermarks)));
                                });
  timer_ = environment_.loop.RunAfter(kEvery, [this] { OnTimer(); });
}

void Watermarks::Stop() {
  environment_.loop.Cancel(timer_);
  alive_.reset();
}

const KnownWatermark* Watermarks::Find(const PartitionId& partition) const {
  const auto found = known_.find(partition);
  return found == known_.end() ? nullptr : &found->second;
}

std::int64_t Watermarks::Local(const PartitionId& partition) const {
  const Partition* found = environment_.partitions.Find(partition.topic, partition.number);
  if (found == nullptr) return -1;
  const PartitionStatus status = found->Status();
  return status.leads ? status.high_watermark : -1;
}

void Watermarks::OnTimer() {
  timer_ = environment_.loop.RunAfter(kEvery, [this] { OnTimer(); });
  std::map<BrokerId, std::vector<PartitionId>> by_leader;
  std::map<PartitionId, KnownWatermark> still_wanted;
  for (const auto& each : environment_.wanted()) {
    if (const auto* known = Find(each)) still_wanted.emplace(each, *known);
    const BrokerId leader = environment_.leadership.Find(each.topic, each.number).leader;
    if (leader == environment_.self) {
      const std::int64_t watermark = Local(each);
      if (watermark >= 0) still_wanted[each] = {watermark, environment_.loop.Now()};
    } else if (leader != kNoBroker) {
      by_leader[leader].push_back(each);
    }
  }
  known_ = std::move(still_wanted);
  for (auto& [leader, partitions] : by_leader) {
    for (auto from = partitions.begin(); from != partitions.end();) {
      const auto size = std::min<std::ptrdiff_t>(kPerCall, partitions.end() - from);
      Ask(leader, {from, from + size});
      from += size;
    }
  }
}

void Watermarks::Ask(BrokerId leader, std::vector<PartitionId> partitions) {
  Slice payload = Slice::CopyOf(EncodePartitions(partitions));
  environment_.calls.Start(leader, static_cast<std::uint32_t>(CallKind::kHighWatermarks),
                           std::move(payload), kPatience,
                           [this, alive = std::weak_ptr(alive_),
                            partitions = std::move(partitions)](Result<Slice> answer) {
                             // Who does not answer is asked again in the next round.
                             if (alive.lock() && answer) Take(partitions, *answer);
                           });
}

void Watermarks::Take(const std::vector<PartitionId>& partitions, const Slice& answer) {
  const auto watermarks = DecodeWatermarks(answer.bytes());
  if (!watermarks || watermarks->size() != partitions.size()) return;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if ((*watermarks)[i] < 0) continue;
    known_[partitions[i]] = {(*watermarks)[i], environment_.loop.Now()};
  }
}

}  // namespace kronika::broker
