// Which hellos are refused, one test per sentence of safety rule D-8.
//
// Planted bugs that were seen to be caught: rolled-back-by-one, formatted-again,
// copy-let-in-beside-original (KRONIKA_PLANTED=name).
#include "broker/peer_guard.h"

#include <gtest/gtest.h>

namespace kronika::broker {
namespace {

raft::PeerHello Hello(int broker, std::uint64_t boot_epoch, std::uint64_t process_nonce) {
  return {.cluster_id = "ours",
          .broker = BrokerId{broker},
          .uuid = {},
          .boot_epoch = boot_epoch,
          .process_nonce = process_nonce};
}

PeerGuard Guard(PeerGuard::Known known = [](const metadata::DirectoryClaim&) { return Status(); }) {
  return PeerGuard(Hello(1, 1, 1), std::move(known), [](BrokerId) { return false; });
}

TEST(PeerGuard, APeerIsAcceptedOnEveryStreamOfItsLife) {
  PeerGuard guard = Guard();
  for (int stream = 0; stream < 3; ++stream) EXPECT_TRUE(guard.Check(Hello(2, 5, 77)));
  EXPECT_TRUE(guard.Check(Hello(2, 6, 78))) << "its next life";
  EXPECT_TRUE(guard.Check(Hello(3, 1, 77))) << "another broker";
}

TEST(PeerGuard, AnotherClusterIsNamed) {
  PeerGuard guard = Guard();
  auto hello = Hello(2, 1, 1);
  hello.cluster_id = "theirs";
  const Status checked = guard.Check(hello);
  ASSERT_FALSE(checked);
  EXPECT_EQ(ErrorCode::kFenced, checked.error().code);
  EXPECT_NE(std::string::npos, checked.error().text.find("cluster theirs"));
}

TEST(PeerGuard, NobodyElseIsThisBroker) {
  PeerGuard guard = Guard();
  EXPECT_FALSE(guard.Check(Hello(1, 9, 9)));
}

TEST(PeerGuard, WhatTheMetadataRefusesLeavesNoTrace) {
  bool known = false;
  PeerGuard guard = Guard([&](const metadata::DirectoryClaim&) -> Status {
    if (known) return {};
    return Fail(ErrorCode::kUnavailable, "starting");
  });
  EXPECT_EQ(ErrorCode::kUnavailable, guard.Check(Hello(2, 9, 9)).error().code);
  known = true;
  EXPECT_TRUE(guard.Check(Hello(2, 1, 1)));
}

TEST(PeerGuard, AnOlderLifeIsRefused) {
  PeerGuard guard = Guard();
  ASSERT_TRUE(guard.Check(Hello(2, 5, 77)));
  EXPECT_FALSE(guard.Check(Hello(2, 4, 76)));
}

TEST(PeerGuard, TwoProcessesOfOneBootEpoch) {
  PeerGuard guard = Guard();
  ASSERT_TRUE(guard.Check(Hello(2, 5, 77)));
  EXPECT_FALSE(guard.Check(Hello(2, 5, 78)));
  EXPECT_TRUE(guard.Check(Hello(2, 5, 77))) << "the first goes on";
}

// The image knows the nonce once the broker registered; a vote may have been given before.
TEST(PeerGuard, ADirectoryThatWasFormattedAgain) {
  PeerGuard guard = Guard();
  auto hello = Hello(2, 1, 77);
  hello.format_nonce = 5;
  ASSERT_TRUE(guard.Check(hello));
  hello = Hello(2, 2, 78);
  hello.format_nonce = 6;
  EXPECT_FALSE(guard.Check(hello));
  hello.uuid.bytes[0] = 9;
  EXPECT_TRUE(guard.Check(hello)) << "another directory: the image says whether it may";
}

// A copy that was started once more than the original is no later life while the original speaks.
TEST(PeerGuard, ANewerBootEpochWaitsForTheEndOfTheOlderProcess) {
  bool speaks = false;
  PeerGuard guard(
      Hello(1, 1, 1), [](const metadata::DirectoryClaim&) { return Status(); },
      [&](BrokerId broker) { return speaks && broker == BrokerId{2}; });
  ASSERT_TRUE(guard.Check(Hello(2, 5, 77)));
  speaks = true;
  const Status checked = guard.Check(Hello(2, 6, 78));
  ASSERT_FALSE(checked);
  EXPECT_EQ(ErrorCode::kFenced, checked.error().code);
  EXPECT_TRUE(guard.Check(Hello(2, 5, 77))) << "another stream of the original";
  speaks = false;
  EXPECT_TRUE(guard.Check(Hello(2, 6, 78))) << "its next life";
}

}  // namespace
}  // namespace kronika::broker
