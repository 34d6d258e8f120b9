// Membership as a value: encoding, checking, and the steps of joint consensus (Raft §6).
//
// Pure functions; any thread. The encoding is little-endian: u8 version (1), u64 metadata index,
// then voters, outgoing and learners, each a u32 count and that many (i32 broker, u64 incarnation).
#pragma once

#include "base/result.h"
#include "raft/core/types.h"

namespace kronika::raft {

std::string EncodeMembership(const Membership& membership);
// kCorruption for anything EncodeMembership cannot have made.
Result<Membership> DecodeMembership(Bytes bytes);

// kInvalidArgument, with the reason: no voter, a replica named twice, or joint.
Status ValidateTarget(const Membership& target);

// True if both name the same replicas, in any order.
bool SameReplicas(const std::vector<ReplicaId>& left, const std::vector<ReplicaId>& right);

// The configuration entry that begins the change from `current` (not joint) to `target`: joint if
// the voters differ, else `target` itself.
Membership BeginChange(const Membership& current, const Membership& target);
// What follows a joint configuration.
Membership LeaveJoint(const Membership& joint);

// Whether a committed configuration entry `next` takes effect over the applied `current`. It is
// void (SAFETY A13) unless it is the one that leaves the current joint configuration, or, outside
// of one, begins a change that its own metadata index, above the applied one, asks for.
bool TakesEffect(const Membership& current, const Membership& next);

// Every replica, and every voter of either half, once each, ascending.
std::vector<ReplicaId> AllReplicas(const Membership& membership);
std::vector<ReplicaId> AllVoters(const Membership& membership);

}  // namespace kronika::raft
