// Progress and its window: what may be sent, and the last time caught up (SAFETY C9).
#include "raft/core/progress.h"

#include <gtest/gtest.h>

namespace kronika::raft {
namespace {

TEST(Window, IsFullByCountOrBytesAndFreedCumulatively) {
  const Options options{.inflight_messages_max = 2, .inflight_bytes_max = 10};
  Window window;
  window.Add(Index{1}, 4);
  EXPECT_FALSE(window.Full(options));
  window.Add(Index{2}, 4);
  EXPECT_TRUE(window.Full(options)) << "by count";
  window.FreeTo(Index{1});
  window.Add(Index{5}, 100);
  window.FreeTo(Index{4});
  EXPECT_TRUE(window.Full(options)) << "by bytes";
  window.FreeTo(Index{5});
  EXPECT_EQ(window.bytes(), 0u);
}

TEST(Progress, ProbesOneAtATimeAndReplicatesFromWhatIsThere) {
  const Options options;
  Progress peer;
  peer.BecomeProbe(Index{7});
  EXPECT_TRUE(peer.CanSend(options));
  peer.probe_sent = true;
  EXPECT_FALSE(peer.CanSend(options));
  peer.received = Index{9};
  peer.BecomeReplicate();
  EXPECT_EQ(peer.next, Index{10});
  EXPECT_TRUE(peer.CanSend(options));
  peer.paused_ticks = 1;
  EXPECT_FALSE(peer.CanSend(options));
  peer.paused_ticks = 0;
  peer.BecomeInstall();
  EXPECT_FALSE(peer.CanSend(options));
}

TEST(Progress, NeverProbesBelowWhatIsAcknowledged) {
  Progress peer;
  EXPECT_TRUE(peer.Acknowledge(Index{4}));
  EXPECT_FALSE(peer.Acknowledge(Index{3}));
  EXPECT_EQ(peer.next, Index{5});
  peer.BecomeProbe(Index{1});
  EXPECT_EQ(peer.next, Index{5});
}

// Kafka's rule: who always has what the leader had a moment ago is in sync, though never at its
// end.
TEST(Progress, CaughtUpIsJudgedByWhatTheLeaderHadThen) {
  Progress peer;
  peer.mark = Index{1};
  for (std::int64_t now = 1; now <= 50; ++now) {
    peer.Acknowledge(Index{static_cast<std::uint64_t>(now)});
    peer.NoteCaughtUp(Index{static_cast<std::uint64_t>(now) + 3}, now);
  }
  EXPECT_GE(peer.caught_up_tick, 40) << "three entries behind, all the time";
  const std::int64_t before = peer.caught_up_tick;
  for (std::int64_t now = 51; now <= 100; ++now) peer.NoteCaughtUp(Index{200}, now);
  EXPECT_LE(peer.caught_up_tick, before + 3) << "it stopped answering";
  peer.Acknowledge(Index{200});
  peer.NoteCaughtUp(Index{200}, 101);
  EXPECT_EQ(peer.caught_up_tick, 101);
}

}  // namespace
}  // namespace kronika::raft
