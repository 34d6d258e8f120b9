#include "wal/rocks_kv.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

namespace kronika {
namespace {

// Until a full disk is tried again.
constexpr Duration kRoomPause = std::chrono::seconds(1);

using Pairs = std::vector<std::pair<std::string, std::string>>;

Error ToError(const rocksdb::Status& status, std::string where) {
  ErrorCode code = ErrorCode::kIo;
  if (status.IsCorruption()) code = ErrorCode::kCorruption;
  if (status.IsNoSpace()) code = ErrorCode::kNoSpace;
  if (status.IsBusy() || status.IsTryAgain()) code = ErrorCode::kBusy;
  return {code, status.ToString(), std::move(where)};
}

rocksdb::Slice ToRocks(std::string_view text) {
  return {text.data(), text.size()};
}

rocksdb::Options MakeOptions(const RocksKvOptions& options) {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.write_buffer_size = options.memtable_bytes;
  out.max_background_jobs = 2;
  out.compression = rocksdb::kNoCompression;
  out.keep_log_file_num = 2;
  out.max_log_file_size = std::size_t{1} << 20;
  // Batches survive as a prefix (kv.h rule 1).
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

struct Queued {
  std::uint64_t number = 0;
  KvBatch batch;
  Durability durability = Durability::kBuffered;
};

// What a key will be when the queue is written.
struct Overlaid {
  std::uint64_t number = 0;  // of the newest batch that has the key
  std::optional<std::string> value;
};

}  // namespace

struct RocksKv::Store {
  std::string path;
  std::unique_ptr<rocksdb::DB> db;

  std::mutex writing;        // held for the length of a write; taken before `mutex`
  bool was_full = false;     // under `writing`: RocksDB takes nothing more until it is resumed
  mutable std::mutex mutex;  // guards what follows
  std::deque<Queued> queue;
  std::map<std::string, Overlaid, std::less<>> overlay;
  std::uint64_t last_number = 0;
  std::optional<Error> failed;

  // On the loop: completions of batches, in order; the number of the newest one that was written.
  std::deque<std::pair<std::uint64_t, Done<void>>> waiting;

  void Enqueue(KvBatch batch, Durability durability, Done<void> done) {
    std::lock_guard lock(mutex);
    const std::uint64_t number = ++last_number;
    if (!failed) {
      for (const auto& op : batch.ops) overlay.insert_or_assign(op.key, Overlaid{number, op.value});
      queue.push_back({number, std::move(batch), durability});
    }
    waiting.emplace_back(number, std::move(done));
  }

  // Writes everything queued; any thread. Returns the number up to which batches are over: 0 and
  // kNoSpace if they stay queued, as a batch that is left out would make the next ones lies.
  std::pair<std::uint64_t, Status> WriteQueued() {
    std::lock_guard write_lock(writing);
    std::deque<Queued> batches;
    std::uint64_t last = 0;
    {
      std::lock_guard lock(mutex);
      if (failed) return {last_number, std::unexpected(*failed)};
      batches.swap(queue);
      last = last_number;
    }
    auto status = Write(batches);
    std::lock_guard lock(mutex);
    if (!status && status.error().code == ErrorCode::kNoSpace) {
      queue.insert(queue.begin(), std::make_move_iterator(batches.begin()),
                   std::make_move_iterator(batches.end()));
      return {0, std::move(status)};
    }
    if (!status) {
      failed = status.error();
      overlay.clear();
      queue.clear();
      return {last, std::move(status)};
    }
    std::erase_if(overlay, [&](const auto& item) { return item.second.number <= last; });
    return {last, Status{}};
  }

  Status Write(const std::deque<Queued>& batches) {
    if (batches.empty() || !db) return {};
    if (std::exchange(was_full, false)) {
      if (auto resumed = db->Resume(); !resumed.ok()) return Full(resumed);
    }
    auto written = WriteAll(batches);
    return written.IsNoSpace() ? Full(written)
           : written.ok()      ? Status{}
                               : std::unexpected(ToError(written, path));
  }

  Status Full(const rocksdb::Status& status) {
    was_full = true;
    return Fail(ErrorCode::kNoSpace, status.ToString(), path);
  }

  rocksdb::Status WriteAll(const std::deque<Queued>& batches) {
    rocksdb::WriteBatch all;
    rocksdb::WriteOptions options;
    for (const auto& queued : batches) {
      options.sync = options.sync || queued.durability == Durability::kSynced;
      for (const auto& op : queued.batch.ops) {
        auto added =
            op.value ? all.Put(ToRocks(op.key), ToRocks(*op.value)) : all.Delete(ToRocks(op.key));
        if (!added.ok()) return added;
      }
    }
    // A sync without operations still covers the batches before it.
    if (all.Count() == 0 && options.sync) return db->SyncWAL();
    return db->Write(options, &all);
  }
};

Result<std::unique_ptr<RocksKv>> RocksKv::Open(const RocksKvOptions& options, Loop& loop) {
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) return Fail(ErrorCode::kIo, "make folder: " + error.message(), options.path);
  auto store = std::make_shared<Store>();
  store->path = options.path;
  rocksdb::DB* db = nullptr;
  auto status = rocksdb::DB::Open(MakeOptions(options), options.path, &db);
  if (!status.ok()) {
    auto failed = ToError(status, options.path);
    const bool locked = status.ToString().find("lock") != std::string::npos;
    if (failed.code == ErrorCode::kIo && locked) failed.code = ErrorCode::kBusy;
    return std::unexpected(std::move(failed));
  }
  store->db.reset(db);
  return std::unique_ptr<RocksKv>(new RocksKv(std::move(store), loop));
}

RocksKv::RocksKv(std::shared_ptr<Store> store, Loop& loop)
    : store_(std::move(store)), loop_(loop), alive_(std::make_shared<bool>(true)) {}

RocksKv::~RocksKv() {
  *alive_ = false;
  IgnoreError(store_->WriteQueued().second, "whoever needs the write waits for its completion");
  std::lock_guard lock(store_->writing);
  store_->db.reset();
  // A completion may own this store's owner; it goes last.
  auto dropped = std::exchange(store_->waiting, {});
}

void RocksKv::Apply(KvBatch batch, Durability durability, Done<void> done) {
  store_->Enqueue(std::move(batch), durability, std::move(done));
  if (!writing_) WriteInBackground();
}

void RocksKv::WriteInBackground() {
  writing_ = true;
  auto result = std::make_shared<std::pair<std::uint64_t, Status>>();
  loop_.Background([store = store_, result] { *result = store->WriteQueued(); },
                   [this, alive = alive_, store = store_, result] {
                     if (!*alive) return;
                     if (result->first == 0 && !result->second) {
                       loop_.RunAfter(kRoomPause, [this, alive] {
                         if (*alive) WriteInBackground();
                       });
                       return;
                     }
                     writing_ = false;
                     auto& waiting = store->waiting;
                     while (*alive && !waiting.empty() && waiting.front().first <= result->first) {
                       auto done = std::move(waiting.front().second);
                       waiting.pop_front();
                       done(result->second);
                     }
                     if (*alive && !writing_ && !store->waiting.empty()) WriteInBackground();
                   });
}

Result<std::optional<std::string>> RocksKv::Get(std::string_view key) const {
  {
    std::lock_guard lock(store_->mutex);
    auto found = store_->overlay.find(key);
    if (found != store_->overlay.end()) return found->second.value;
  }
  // Not in the queue any more means in the store already.
  std::string value;
  auto status = store_->db->Get(rocksdb::ReadOptions(), ToRocks(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(ToError(status, store_->path));
  return value;
}

Result<Pairs> RocksKv::Scan(std::string_view prefix) const {
  std::map<std::string, std::optional<std::string>, std::less<>> newer;
  std::unique_ptr<rocksdb::Iterator> at;
  {
    // The iterator is made under the lock, so that no batch falls between the queue and the store.
    std::lock_guard lock(store_->mutex);
    auto& overlay = store_->overlay;
    for (auto item = overlay.lower_bound(prefix);
         item != overlay.end() && item->first.starts_with(prefix); ++item) {
      newer.emplace(item->first, item->second.value);
    }
    at.reset(store_->db->NewIterator(rocksdb::ReadOptions()));
  }
  std::map<std::string, std::string> pairs;
  for (at->Seek(ToRocks(prefix)); at->Valid() && at->key().starts_with(ToRocks(prefix));
       at->Next()) {
    pairs.emplace(at->key().ToString(), at->value().ToString());
  }
  if (!at->status().ok()) return std::unexpected(ToError(at->status(), store_->path));
  for (auto& [key, value] : newer) {
    if (value) {
      pairs.insert_or_assign(key, *std::move(value));
    } else {
      pairs.erase(key);
    }
  }
  return Pairs(std::make_move_iterator(pairs.begin()), std::make_move_iterator(pairs.end()));
}

}  // namespace kronika
