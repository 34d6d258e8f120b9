// When records are refused for want of room. Planted bug that was seen to be caught:
// disk-reserve-ignored (KRONIKA_PLANTED=name).
#include "broker/partition/disk_reserve.h"

#include <gtest/gtest.h>

#include "base/fake_files.h"
#include "base/sim_loop.h"

namespace kronika::broker {
namespace {

class DiskReserveTest : public testing::Test {
 protected:
  bool LowWith(std::uint64_t free_bytes) {
    disk_.SetCapacity(disk_.used_bytes() + free_bytes);
    scheduler_.RunFor(std::chrono::seconds(2));
    return reserve_.low();
  }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeDisk disk_{rng_};
  FakeFiles files_{disk_, loop_};
  DiskReserve reserve_{loop_, files_, NullLog(), 800};
};

TEST_F(DiskReserveTest, BelowTheReserveUntilAnEighthMoreIsFree) {
  reserve_.Start();
  EXPECT_FALSE(LowWith(800));
  EXPECT_TRUE(LowWith(799));
  EXPECT_TRUE(LowWith(899)) << "it does not flap";
  EXPECT_FALSE(LowWith(900));
  EXPECT_FALSE(LowWith(800));
  EXPECT_TRUE(LowWith(0));
}

TEST_F(DiskReserveTest, BelowHalfOfItFollowersRefuseToo) {
  reserve_.Start();
  EXPECT_TRUE(LowWith(400));
  EXPECT_FALSE(reserve_.nearly_full());
  LowWith(399);
  EXPECT_TRUE(reserve_.nearly_full());
  LowWith(499);
  EXPECT_TRUE(reserve_.nearly_full()) << "it does not flap";
  EXPECT_TRUE(LowWith(500));
  EXPECT_FALSE(reserve_.nearly_full());
}

TEST_F(DiskReserveTest, AReserveOfZeroAsksNothing) {
  DiskReserve none(loop_, files_, NullLog(), 0);
  none.Start();
  EXPECT_FALSE(LowWith(0));
  EXPECT_FALSE(none.low());
}

}  // namespace
}  // namespace kronika::broker
