#include "raft/replica_record.h"

#include "base/bytes.h"
#include "raft/super_frame.h"

namespace kronika::raft {
namespace {

void PutReplica(LeWriter& out, ReplicaId id) {
  out.Int(id.broker.value).Int(id.incarnation.value);
}

ReplicaId GetReplica(LeReader& in) {
  BrokerId broker{in.Int<std::int32_t>()};
  return {broker, Incarnation{in.Int<std::uint64_t>()}};
}

}  // namespace

std::string EncodeReplicaRecord(const ReplicaRecord& record) {
  LeWriter out;
  out.Int(record.generation.value);
  PutReplica(out, record.self);
  out.Int(record.hard_state.term.value);
  PutReplica(out, record.hard_state.vote);
  out.Int(record.hard_state.commit.value);
  out.Blob(EncodeLogStart(record.start));
  return out.Take();
}

Result<ReplicaRecord> DecodeReplicaRecord(std::string_view bytes) {
  LeReader in(AsBytes(bytes));
  ReplicaRecord out;
  out.generation = Generation{in.Int<std::uint32_t>()};
  out.self = GetReplica(in);
  out.hard_state.term = Term{in.Int<std::uint64_t>()};
  out.hard_state.vote = GetReplica(in);
  out.hard_state.commit = Index{in.Int<std::uint64_t>()};
  Bytes start = in.Blob();
  if (!in.ok() || in.left() != 0)
    return Fail(ErrorCode::kCorruption, "a replica's record is malformed");
  auto decoded = DecodeLogStart(AsText(start));
  if (!decoded) return std::unexpected(decoded.error());
  out.start = std::move(*decoded);
  return out;
}

}  // namespace kronika::raft
