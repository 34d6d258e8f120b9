#include "broker/partition/disk_reserve.h"

#include <utility>

#include "base/planted.h"

namespace kronika::broker {
namespace {

constexpr Duration kPeriod = std::chrono::seconds(1);
constexpr std::uint64_t kMargin = 8;  // a part of the reserve, so that it does not flap

}  // namespace

DiskReserve::~DiskReserve() {
  loop_.Cancel(timer_);
}

void DiskReserve::Start() {
  if (reserve_bytes_ > 0) Ask();
}

void DiskReserve::Ask() {
  files_.Space([this, alive = std::weak_ptr(alive_)](Result<SpaceInfo> space) {
    if (!alive.lock()) return;
    if (space) OnAnswer(space->free_bytes);
    timer_ = loop_.RunAfter(kPeriod, [this] { Ask(); });
  });
}

void DiskReserve::OnAnswer(std::uint64_t free_bytes) {
  if (KRONIKA_PLANTED("disk-reserve-ignored")) return;
  const auto below = [&](std::uint64_t mark, bool was) {
    return free_bytes < mark + (was ? reserve_bytes_ / kMargin : 0);
  };
  const bool low = below(reserve_bytes_, low_);
  const bool nearly_full = below(reserve_bytes_ / 2, nearly_full_);
  if (std::exchange(nearly_full_, nearly_full) != nearly_full) {
    if (nearly_full) {
      log_.Error(
          "the data directory's disk has {} bytes left, less than half of disk_reserve_bytes {}: "
          "replicas here follow no more until there is room again",
          free_bytes, reserve_bytes_);
    } else {
      log_.Info("the data directory's disk has {} bytes left: replicas follow again", free_bytes);
    }
  }
  if (std::exchange(low_, low) == low) return;
  if (low) {
    log_.Error(
        "the data directory's disk has {} bytes left, less than disk_reserve_bytes {}: records are "
        "refused until there is room again",
        free_bytes, reserve_bytes_);
  } else {
    log_.Info("the data directory's disk has {} bytes left: records are taken again", free_bytes);
  }
}

}  // namespace kronika::broker
