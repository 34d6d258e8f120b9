// The simulator's network keeps the promises of raft/transport.h that the real one keeps.
//
// Seen to fail: while lanes came up before both sides had set their handlers, a frame was lost and
// its lane stayed; a full install to a broker that was starting then waited for its patience.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sim_loop.h"
#include "raft/fake_transport.h"

namespace kronika::raft {
namespace {

constexpr BrokerId kOne{1}, kTwo{2};

struct End {
  End(SimScheduler& scheduler, SimNetwork& network, BrokerId self)
      : loop(scheduler), transport(network.Attach(self, loop, 1)) {}
  void Listen() {
    transport->SetHandlers(
        [this](BrokerId, Lane, Frame frame) { received.push_back(std::move(frame.header)); },
        [this](PeerState state) {
          up[state.lane] = state.up;
          damaged += state.damaged ? 1 : 0;
        });
  }
  bool AllUp() { return up[Lane::kLiveness] && up[Lane::kData] && up[Lane::kCatchUp]; }

  SimLoop loop;
  std::unique_ptr<Transport> transport;
  std::vector<std::string> received;
  std::map<Lane, bool> up;
  int damaged = 0;
};

class SimNetworkTest : public testing::Test {
 protected:
  void Run() { scheduler_.RunFor(std::chrono::seconds(2)); }

  SeededRng rng_{5};
  SimScheduler scheduler_{rng_};
  SimNetwork network_{scheduler_, rng_};
  End one_{scheduler_, network_, kOne};
  End two_{scheduler_, network_, kTwo};
};

TEST_F(SimNetworkTest, NoLaneIsUpBeforeBothSidesTakeFrames) {
  one_.Listen();
  Run();
  EXPECT_FALSE(one_.up[Lane::kCatchUp]);
  EXPECT_FALSE(one_.transport->Send(kTwo, Lane::kCatchUp, {"lost without a word", {}}));
  two_.Listen();
  Run();
  ASSERT_TRUE(one_.AllUp() && two_.AllUp());
  EXPECT_TRUE(one_.transport->Send(kTwo, Lane::kCatchUp, {"taken", {}}));
  Run();
  EXPECT_EQ(two_.received, std::vector<std::string>{"taken"});
}

TEST_F(SimNetworkTest, AnAlteredFrameIsSeenByItsReceiverAloneAndResetsTheLane) {
  one_.Listen();
  two_.Listen();
  Run();
  network_.options.flips = 1;
  ASSERT_TRUE(one_.transport->Send(kTwo, Lane::kData, {"header", {Slice::CopyOf("payload")}}));
  scheduler_.RunUntilTrue([&] { return two_.damaged > 0; }, std::chrono::seconds(1));
  EXPECT_FALSE(two_.up[Lane::kData]);
  EXPECT_EQ(one_.damaged, 0);
  network_.options.flips = 0;
  Run();
  EXPECT_TRUE(one_.AllUp() && two_.AllUp());
  EXPECT_TRUE(two_.received.empty());
  EXPECT_EQ(two_.damaged, 1);
}

}  // namespace
}  // namespace kronika::raft
