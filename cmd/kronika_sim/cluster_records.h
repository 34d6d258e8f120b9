// Record batches as the oracle sees them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "cmd/kronika_sim/cluster_oracle.h"

namespace kronika::sim {

// The records of `batches` (whole, one after another) from offset `from` on, with their batches'
// leader epochs. False: malformed.
bool ParseRecords(const Slices& batches, std::int64_t from, std::vector<OracleRecord>& out);

}  // namespace kronika::sim
