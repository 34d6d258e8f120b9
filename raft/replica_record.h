// What a checkpoint remembers of a replica itself, beside its state machine's part: identity, hard
// state, membership. Pure; any thread. Little-endian, in the order of the struct; the caller's
// manifest has the checksum.
#pragma once

#include <string>

#include "base/result.h"
#include "raft/core/types.h"

namespace kronika::raft {

struct ReplicaRecord {
  Generation generation{1};
  ReplicaId self;
  HardState hard_state;
  LogStart start;  // the applied point that the state machine's part is of
};

std::string EncodeReplicaRecord(const ReplicaRecord& record);
// kCorruption for anything that EncodeReplicaRecord cannot have made.
Result<ReplicaRecord> DecodeReplicaRecord(std::string_view bytes);

}  // namespace kronika::raft
