// RocksKv: the Kv on disk, over one RocksDB with one column family and its own log on.
//
// Apply() is called on the loop; Get() and Scan() by any thread.
// 1. Batches are written on the loop's Background in the order of the calls, one write at a time.
//    What queues up meanwhile is written as one, synced if any of it asked for that.
// 2. Get and Scan look through the queue first, so they see every batch whose Apply was called.
// 3. On a full disk batches wait, and are tried again every second until there is room: one that is
//    left out would make what follows it a lie. Any other failed write is final: it and all later
//    batches fail with the same error, and nothing of them is written.
// 4. The destructor writes what is queued, waits for it and closes the store; completions are
//    dropped.
// 5. After a power loss a prefix of the batches is there (point-in-time recovery), with all that
//    were synced.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/kv.h"
#include "base/loop.h"

namespace kronika {

struct RocksKvOptions {
  std::string path;  // made with its parents if missing
  std::size_t memtable_bytes = std::size_t{8} << 20;
  std::size_t cache_bytes = std::size_t{8} << 20;
};

class RocksKv final : public Kv {
 public:
  // Blocks while RocksDB recovers: for start-up. kCorruption if its files contradict themselves,
  // kBusy if another process has them open.
  static Result<std::unique_ptr<RocksKv>> Open(const RocksKvOptions& options, Loop& loop);
  ~RocksKv() override;

  void Apply(KvBatch batch, Durability durability, Done<void> done) override;
  Result<std::optional<std::string>> Get(std::string_view key) const override;
  Result<std::vector<std::pair<std::string, std::string>>> Scan(
      std::string_view prefix) const override;

 private:
  struct Store;
  RocksKv(std::shared_ptr<Store> store, Loop& loop);
  void WriteInBackground();

  const std::shared_ptr<Store> store_;
  Loop& loop_;
  const std::shared_ptr<bool> alive_;  // belongs to the loop
  bool writing_ = false;
};

}  // namespace kronika
