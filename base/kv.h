// Kv: an ordered map on disk for state that is not a log (manifests, metadata image). Real:
// wal/rocks_kv; fake: fake_kv, which at a crash loses any suffix of unsynced batches. One contract
// suite runs against both.
//
// 1. A batch is applied whole or not at all, and batches survive in order: if one is there, all
//    before it are.
// 2. Apply with kSynced completes when this batch and all before it survive power loss.
// 3. Apply() is asynchronous, its completion runs on the loop. Get and Scan see every batch whose
//    Apply was called. They may read the disk, so they are for start-up, Background work and tests
//    (SAFETY B12).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace kronika {

struct KvBatch {
  struct Op {
    std::string key;
    std::optional<std::string> value;  // none = delete
  };
  std::vector<Op> ops;
  void Put(std::string key, std::string value) {
    ops.push_back({std::move(key), std::move(value)});
  }
  void Delete(std::string key) { ops.push_back({std::move(key), std::nullopt}); }
  bool empty() const { return ops.empty(); }
};

class Kv {
 public:
  virtual ~Kv() = default;
  virtual void Apply(KvBatch batch, Durability durability, Done<void> done) = 0;
  virtual Result<std::optional<std::string>> Get(std::string_view key) const = 0;
  // Every pair whose key starts with `prefix`, in key order.
  virtual Result<std::vector<std::pair<std::string, std::string>>> Scan(
      std::string_view prefix) const = 0;
};

}  // namespace kronika
