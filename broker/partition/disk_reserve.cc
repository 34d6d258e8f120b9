#include "broker/partition/disk_reserve.h"

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
  const std::uint64_t enough = low_ ? reserve_bytes_ + reserve_bytes_ / kMargin : reserve_bytes_;
  const bool low = free_bytes < enough && !KRONIKA_PLANTED("disk-reserve-ignored");
  if (low == low_) return;
  low_ = low;
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
