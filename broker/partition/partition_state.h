// PartitionState: what the records of a partition add up to beside its log: the map of a group
// coordinator. A partition of an ordinary topic has none.
//
//   replay, commits ──Apply──▶ state ──TakeChanges──▶ the checkpoint's Kv batch, with the manifest
//
// The partition's loop.
// 1. It is a function of the applied records (safety rule R7), and its pairs in the Kv store are of
//    the same applied index as the partition's manifest: both are of one batch (C5).
// 2. A full install clears it and applies every record of the installed log again, before the
//    replica may lead (C5).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/ids.h"
#include "wal/record_batch.h"

namespace kronika::broker {

class PartitionState {
 public:
  virtual ~PartitionState() = default;

  // A pair of what the store held, before anything is applied.
  virtual void Load(std::string_view key, std::string_view value) = 0;
  // A committed batch, in order, each once.
  virtual void Apply(const Slice& batch, const wal::BatchHeader& header) = 0;
  // An install: every batch of the new log follows.
  virtual void Clear() = 0;
  // This replica serves as the leader of that term, and everything is applied that was appended
  // before it began to; nothing: it does not, and what it has not answered is not its to answer.
  // Told again and again; a term that ended in doubt may go on.
  virtual void OnLeadership(std::optional<Term> term) = 0;

  // What changed since the last call: the value, or none for a key that is gone.
  using Changes = std::map<std::string, std::optional<std::string>, std::less<>>;
  virtual Changes TakeChanges() = 0;
  // What was taken last did not reach the store.
  virtual void ChangesLost() = 0;
  // All keys that the store may hold.
  virtual std::vector<std::string> Keys() const = 0;
};

}  // namespace kronika::broker
