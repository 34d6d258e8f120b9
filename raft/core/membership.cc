#include "raft/core/membership.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/planted.h"

namespace kronika::raft {
namespace {

constexpr std::uint8_t kVersion = 1;

bool Has(const std::vector<ReplicaId>& replicas, ReplicaId id) {
  return std::find(replicas.begin(), replicas.end(), id) != replicas.end();
}

std::vector<ReplicaId> Sorted(std::vector<ReplicaId> replicas) {
  std::sort(replicas.begin(), replicas.end());
  return replicas;
}

std::vector<ReplicaId> Unique(std::vector<ReplicaId> replicas) {
  std::sort(replicas.begin(), replicas.end());
  replicas.erase(std::unique(replicas.begin(), replicas.end()), replicas.end());
  return replicas;
}

void EncodeReplicas(LeWriter& out, const std::vector<ReplicaId>& replicas) {
  out.Int(static_cast<std::uint32_t>(replicas.size()));
  for (const ReplicaId& id : replicas) out.Int(id.broker.value).Int(id.incarnation.value);
}

std::vector<ReplicaId> DecodeReplicas(LeReader& in) {
  std::vector<ReplicaId> out;
  const auto count = in.Int<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const auto broker = in.Int<std::int32_t>();
    const auto incarnation = in.Int<std::uint64_t>();
    if (in.ok()) out.push_back({BrokerId{broker}, Incarnation{incarnation}});
  }
  return out;
}

}  // namespace

bool Membership::IsVoter(ReplicaId id) const {
  return Has(voters, id) || Has(outgoing, id);
}

bool Membership::Contains(ReplicaId id) const {
  return IsVoter(id) || Has(learners, id);
}

std::string EncodeMembership(const Membership& membership) {
  LeWriter out;
  out.Int(kVersion).Int(membership.metadata_index);
  EncodeReplicas(out, membership.voters);
  EncodeReplicas(out, membership.outgoing);
  EncodeReplicas(out, membership.learners);
  return out.Take();
}

Result<Membership> DecodeMembership(Bytes bytes) {
  LeReader in(bytes);
  const auto version = in.Int<std::uint8_t>();
  Membership out;
  out.metadata_index = in.Int<std::uint64_t>();
  out.voters = DecodeReplicas(in);
  out.outgoing = DecodeReplicas(in);
  out.learners = DecodeReplicas(in);
  if (!in.ok() || in.left() != 0 || version != kVersion) {
    return Fail(ErrorCode::kCorruption, "not an encoded membership");
  }
  return out;
}

Status ValidateTarget(const Membership& target) {
  if (target.joint()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a membership change names its goal, not a joint step");
  }
  if (target.voters.empty()) return Fail(ErrorCode::kInvalidArgument, "a group needs a voter");
  std::vector<ReplicaId> all = target.voters;
  all.insert(all.end(), target.learners.begin(), target.learners.end());
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) != all.end()) {
    return Fail(ErrorCode::kInvalidArgument, "a replica is named twice");
  }
  if (!all.front().valid()) return Fail(ErrorCode::kInvalidArgument, "a replica has no broker");
  return {};
}

bool SameReplicas(const std::vector<ReplicaId>& left, const std::vector<ReplicaId>& right) {
  return Sorted(left) == Sorted(right);
}

Membership BeginChange(const Membership& current, const Membership& target) {
  Membership out = target;
  if (!SameReplicas(current.voters, target.voters) && !KRONIKA_PLANTED("change-without-joint")) {
    out.outgoing = current.voters;
  }
  return out;
}

Membership LeaveJoint(const Membership& joint) {
  Membership out = joint;
  out.outgoing.clear();
  return out;
}

bool TakesEffect(const Membership& current, const Membership& next) {
  if (next.voters.empty()) return false;
  if (current.voters.empty()) return true;
  if (current.joint()) return next == LeaveJoint(current);
  if (KRONIKA_PLANTED("void-rule-ignored")) return true;
  if (next.metadata_index <= current.metadata_index) return false;
  if (KRONIKA_PLANTED("change-without-joint")) return true;
  return SameReplicas(next.joint() ? next.outgoing : next.voters, current.voters);
}

std::vector<ReplicaId> AllReplicas(const Membership& membership) {
  std::vector<ReplicaId> all = membership.voters;
  all.insert(all.end(), membership.outgoing.begin(), membership.outgoing.end());
  all.insert(all.end(), membership.learners.begin(), membership.learners.end());
  return Unique(std::move(all));
}

std::vector<ReplicaId> AllVoters(const Membership& membership) {
  std::vector<ReplicaId> all = membership.voters;
  all.insert(all.end(), membership.outgoing.begin(), membership.outgoing.end());
  return Unique(std::move(all));
}

}  // namespace kronika::raft
