// Properties of the core's pure parts against reference models that are slow and obvious.
//
// Seen to catch the planted bugs half-is-a-majority, joint-counts-incoming-only,
// change-without-joint and void-rule-ignored (PLANTED=name runs with one).
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/core/quorum.h"

namespace kronika::raft {
namespace {

constexpr int kReplicas = 6;  // small enough to try every subset

using Set = std::set<ReplicaId>;

ReplicaId Replica(int number) {
  return {BrokerId{number}, Incarnation{1}};
}

std::vector<ReplicaId> SomeReplicas(int at_least) {
  const int bits = *rc::gen::inRange(at_least > 0 ? 1 : 0, 1 << kReplicas);
  std::vector<ReplicaId> out;
  for (int number = 1; number <= kReplicas; ++number) {
    if ((bits >> (number - 1)) & 1) out.push_back(Replica(number));
  }
  // Assignment order is not numeric order.
  if (*rc::gen::arbitrary<bool>()) std::reverse(out.begin(), out.end());
  return out;
}

Membership SomeMembership() {
  Membership out{.voters = SomeReplicas(1)};
  if (*rc::gen::arbitrary<bool>()) out.outgoing = SomeReplicas(1);
  return out;
}

// The definition: more than half of each half.
bool Decides(const Membership& membership, const Set& agreeing) {
  for (const auto* half : {&membership.voters, &membership.outgoing}) {
    std::size_t count = 0;
    for (const ReplicaId& id : *half) count += agreeing.contains(id) ? 1 : 0;
    if (!half->empty() && count * 2 <= half->size()) return false;
  }
  return true;
}

std::vector<Set> AllSets() {
  std::vector<Set> out;
  for (int bits = 0; bits < 1 << kReplicas; ++bits) {
    Set set;
    for (int number = 1; number <= kReplicas; ++number) {
      if ((bits >> (number - 1)) & 1) set.insert(Replica(number));
    }
    out.push_back(set);
  }
  return out;
}

bool Disjoint(const Set& left, const Set& right) {
  return std::none_of(left.begin(), left.end(), [&](ReplicaId id) { return right.contains(id); });
}

// Whether each set that decides under `left` meets each that decides under `right`, by the core's
// own counting.
bool QuorumsMeet(const Membership& left, const Membership& right) {
  std::vector<Set> deciding;
  for (const Set& set : AllSets()) {
    if (HasQuorum(right, [&](ReplicaId id) { return set.contains(id); })) deciding.push_back(set);
  }
  for (const Set& set : AllSets()) {
    if (!HasQuorum(left, [&](ReplicaId id) { return set.contains(id); })) continue;
    for (const Set& other : deciding) {
      if (Disjoint(set, other)) return false;
    }
  }
  return true;
}

class CoreProperty : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* bug = std::getenv("PLANTED")) planted::Enable(bug);
  }
};

TEST_F(CoreProperty, AQuorumIsMoreThanHalfOfEachHalf) {
  EXPECT_TRUE(rc::check([] {
    const Membership membership = SomeMembership();
    for (const Set& set : AllSets()) {
      const bool quorum = HasQuorum(membership, [&](ReplicaId id) { return set.contains(id); });
      RC_ASSERT(quorum == Decides(membership, set));
    }
  }));
}

TEST_F(CoreProperty, TheQuorumIndexIsTheHighestThatAQuorumHas) {
  EXPECT_TRUE(rc::check([] {
    const Membership membership = SomeMembership();
    std::map<ReplicaId, Index> match;
    for (int number = 1; number <= kReplicas; ++number) {
      match[Replica(number)] = Index{*rc::gen::inRange<std::uint64_t>(0, 8)};
    }
    Index highest;
    for (std::uint64_t index = 1; index < 8; ++index) {
      Set have;
      for (const auto& [id, at] : match) {
        if (at >= Index{index}) have.insert(id);
      }
      if (Decides(membership, have)) highest = Index{index};
    }
    RC_ASSERT(QuorumIndex(membership, [&](ReplicaId id) { return match.at(id); }) == highest);
  }));
}

TEST_F(CoreProperty, VotesAreWonByAQuorumAndLostWhenNoneIsLeft) {
  EXPECT_TRUE(rc::check([] {
    const Membership membership = SomeMembership();
    std::map<ReplicaId, Vote> votes;
    Set granted;
    Set not_refused;
    for (int number = 1; number <= kReplicas; ++number) {
      const auto vote = static_cast<Vote>(*rc::gen::inRange(0, 3));
      votes[Replica(number)] = vote;
      if (vote == Vote::kGranted) granted.insert(Replica(number));
      if (vote != Vote::kRefused) not_refused.insert(Replica(number));
    }
    const VoteOutcome expected = Decides(membership, granted)       ? VoteOutcome::kWon
                                 : Decides(membership, not_refused) ? VoteOutcome::kPending
                                                                    : VoteOutcome::kLost;
    RC_ASSERT(CountVotes(membership, [&](ReplicaId id) { return votes.at(id); }) == expected);
  }));
}

// The reference model of a change: the applied configuration, and what may follow it.
TEST_F(CoreProperty, EachStepOfAChangeSharesAVoterWithEachQuorumBeforeIt) {
  EXPECT_TRUE(rc::check([] {
    Membership applied{.voters = SomeReplicas(1), .metadata_index = 1};
    for (int change = 0; change < 4; ++change) {
      Membership target{.voters = SomeReplicas(1)};
      target.metadata_index = applied.metadata_index + *rc::gen::inRange<std::uint64_t>(0, 3);
      const Membership first = BeginChange(applied, target);
      const bool newer = target.metadata_index > applied.metadata_index;
      RC_ASSERT(TakesEffect(applied, first) == newer);
      if (!newer) continue;
      RC_ASSERT(QuorumsMeet(applied, first));
      // Nothing but its own end follows a joint configuration.
      Membership hasty = target;
      hasty.metadata_index += 5;
      if (first.joint()) RC_ASSERT(!TakesEffect(first, BeginChange(LeaveJoint(first), hasty)));
      applied = first;
      if (!applied.joint()) continue;
      const Membership last = LeaveJoint(applied);
      RC_ASSERT(TakesEffect(applied, last));
      RC_ASSERT(QuorumsMeet(applied, last));
      RC_ASSERT(last == target);
      applied = last;
      RC_ASSERT(!TakesEffect(applied, last));
    }
  }));
}

TEST_F(CoreProperty, AMembershipSurvivesItsEncodingAndStrangeBytesAreRefused) {
  EXPECT_TRUE(rc::check([] {
    Membership membership = SomeMembership();
    membership.learners = SomeReplicas(0);
    membership.metadata_index = *rc::gen::arbitrary<std::uint64_t>();
    const std::string bytes = EncodeMembership(membership);
    RC_ASSERT(DecodeMembership(AsBytes(bytes)).value() == membership);
    const std::size_t cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
    RC_ASSERT(!DecodeMembership(AsBytes(bytes.substr(0, cut))).has_value());
    RC_ASSERT(!DecodeMembership(AsBytes(bytes + "x")).has_value());
    const auto noise = *rc::gen::arbitrary<std::string>();
    const auto decoded = DecodeMembership(AsBytes(noise));
    if (decoded) RC_ASSERT(EncodeMembership(*decoded) == noise);
  }));
}

}  // namespace
}  // namespace kronika::raft
