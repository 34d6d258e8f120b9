// CompactionWorld: a LogWorld whose records have keys, the model that compaction is held to, and
// passes of compaction over it.
//
// Time is `now_ms`, which the test moves. A checkpoint that no compaction asked for may be
// forgotten by a crash, as the store forgets what it was not told to sync.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log_world.h"
#include "wal/log/directory.h"
#include "wal/log/install.h"

namespace kronika::wal {

struct KeyedRecord {
  std::int64_t offset = 0;
  std::int64_t timestamp = 0;
  std::string key;
  std::optional<std::string> value;  // none: a tombstone
  bool operator==(const KeyedRecord&) const = default;
};

inline std::vector<KeyedRecord> RecordsOf(Bytes batches) {
  std::vector<KeyedRecord> out;
  while (!batches.empty()) {
    const auto header = ParseCheckedBatch(batches);
    EXPECT_TRUE(header) << header.error().Describe();
    if (!header) return out;
    RecordReader reader(batches.first(header->total_bytes), *header);
    while (true) {
      auto record = reader.Next();
      EXPECT_TRUE(record) << record.error().Describe();
      if (!record || *record == nullptr) break;
      KeyedRecord keyed{(*record)->offset, (*record)->timestamp,
                        std::string(AsText((*record)->key.value_or(Bytes{}))), std::nullopt};
      if ((*record)->value) keyed.value = AsText(*(*record)->value);
      out.push_back(std::move(keyed));
    }
    batches = batches.subspan(header->total_bytes);
  }
  return out;
}

// What a consumer that reads all of them knows in the end.
inline std::map<std::string, std::string> Fold(const std::vector<KeyedRecord>& records,
                                               std::int64_t end = INT64_MAX) {
  std::map<std::string, std::string> out;
  for (const auto& record : records) {
    if (record.offset >= end) break;
    out.erase(record.key);
    if (record.value) out[record.key] = *record.value;
  }
  return out;
}

class CompactionWorld : public LogWorld {
 public:
  explicit CompactionWorld(std::uint64_t seed, LogOptions options = SmallOptions())
      : LogWorld(seed, options) {
    synced_ = manifest();
  }

  struct NewBatch {
    std::vector<std::pair<std::string, std::optional<std::string>>> records;
    Codec codec = Codec::kNone;
    std::int64_t producer = kNoProducerId;
  };
  void AppendKeyed(const NewBatch& batch) {
    RecordBuilder::Options options{.codec = batch.codec,
                                   .base_offset = log().end_offset(),
                                   .leader_epoch = 1,
                                   .producer_id = batch.producer};
    if (batch.producer != kNoProducerId) {
      options.producer_epoch = 0;
      options.base_sequence = sequences_[batch.producer];
      sequences_[batch.producer] += static_cast<std::int32_t>(batch.records.size());
      last_batches[batch.producer] = options.base_offset;
    }
    RecordBuilder builder(options);
    for (const auto& [key, value] : batch.records) {
      builder.Add({.timestamp = now_ms + static_cast<std::int64_t>(rng().Below(2000)) - 1000,
                   .key = key,
                   .value = value});
    }
    AppendBuilt(builder.Build(), now_ms);
    for (auto& record : RecordsOf(journal().back().batch.bytes())) {
      appended_at[record.offset] = now_ms;
      written.push_back(std::move(record));
    }
  }
  // A batch of some records over `keys` keys, a fifth of them deletions.
  void AppendRandom(std::size_t keys) {
    NewBatch batch{.codec = static_cast<Codec>(rng().Below(5))};
    if (rng().Chance(0.4)) batch.producer = static_cast<std::int64_t>(rng().Below(4));
    for (std::size_t n = 1 + rng().Below(5); n > 0; --n) {
      std::optional<std::string> value;
      if (!rng().Chance(0.2))
        value = std::string(20 + rng().Below(150), 'v') + std::to_string(++values_);
      batch.records.emplace_back("key-" + std::to_string(rng().Below(keys)), value);
    }
    AppendKeyed(batch);
  }

  // Everything dirty that is not in the segment that is written to.
  CompactionTask Task(std::size_t map_bytes = 1 << 20) {
    CompactionTask task;
    task.plan = log().PlanCompaction({.dirty_ratio_min = 0}, now_ms);
    task.now_ms = now_ms;
    task.delete_retention_ms = delete_retention_ms;
    task.last_batches = last_batches;
    task.seed = {rng().Next(), rng().Next()};
    task.map_bytes_max = map_bytes;
    task.make_durable = [this](Done<void> done) { Take(Store::kSynced, std::move(done)); };
    return task;
  }
  // A pass, when the files of the one before are gone.
  Result<CompactionOutcome> Compact(std::size_t map_bytes = 1 << 20) {
    scheduler().RunUntilTrue([&] { return !log().compacting(); }, std::chrono::seconds(10));
    return Wait<CompactionOutcome>(
        [&](auto done) { log().Compact(Task(map_bytes), std::move(done)); });
  }
  // Until nothing is left to be done.
  void CompactAll() {
    while (log().PlanCompaction({.dirty_ratio_min = 0}, now_ms).dirty_bytes > 0) {
      auto outcome = Compact();
      ASSERT_TRUE(outcome) << outcome.error().Describe();
    }
  }
  // As an owner does it: tried until no other checkpoint is under way.
  enum class Store { kSynced, kBuffered };
  Status TakeCheckpoint() {
    return Wait<void>([&](auto done) { Take(Store::kBuffered, std::move(done)); });
  }
  void Take(Store store, Done<void> done) {
    log().Checkpoint({.applied = Index{journal().size()},
                      .applied_term = Term{1},
                      .replica = "r",
                      .producers = "p"},
                     [this, store, done = std::move(done)](Result<Manifest> made) mutable {
                       if (!made && made.error().code == ErrorCode::kBusy) {
                         auto again = [this, store, done = std::move(done)]() mutable {
                           Take(store, std::move(done));
                         };
                         loop().RunAfter(std::chrono::milliseconds(1), std::move(again));
                         return;
                       }
                       if (!made) return done(std::unexpected(made.error()));
                       // The store takes its time, too.
                       auto stored = [this, store, made = std::move(*made),
                                      done = std::move(done)]() mutable {
                         auto decoded = DecodeManifest(AsBytes(EncodeManifest(made)));
                         EXPECT_TRUE(decoded) << decoded.error().Describe();
                         if (!decoded) return done(std::unexpected(decoded.error()));
                         EXPECT_TRUE(*decoded == made);
                         manifest() = std::move(*decoded);
                         if (store == Store::kSynced) synced_ = manifest();
                         done({});
                       };
                       loop().RunAfter(std::chrono::milliseconds(1), std::move(stored));
                     });
  }
  void CrashAndForget() {
    if (rng().Chance(0.5)) manifest() = synced_;
    synced_ = manifest();  // what a store comes back with is on its disk
    Crash();
  }

  std::vector<KeyedRecord> ReadAll(PartitionLog& from) {
    std::string bytes;
    for (std::int64_t offset = from.log_start_offset(); offset < from.end_offset();) {
      auto range = Wait<BatchRange>([&](auto done) {
        from.Read(offset, {.bytes_max = 1 + rng().Below(8000)}, std::move(done));
      });
      EXPECT_TRUE(range) << range.error().Describe();
      if (!range) return {};
      EXPECT_GT(range->next_offset, offset);
      if (range->next_offset <= offset) return {};
      for (const Slice& slice : range->batches) bytes += slice.text();
      offset = range->next_offset;
    }
    CheckProducers(AsBytes(bytes), from.end_offset());
    return RecordsOf(AsBytes(bytes));
  }
  // What stays of each producer: a batch with the offsets and sequences of its last one.
  void CheckProducers(Bytes bytes, std::int64_t end) {
    std::map<std::int64_t, std::int64_t> found;
    for (std::int64_t offset = -1; !bytes.empty();) {
      const auto header = ParseCheckedBatch(bytes);
      ASSERT_TRUE(header);
      EXPECT_GT(header->base_offset, offset);
      offset = header->last_offset();
      if (header->has_producer_id()) found[header->producer_id] = header->base_offset;
      bytes = bytes.subspan(header->total_bytes);
    }
    for (const auto& [producer, base_offset] : last_batches) {
      if (base_offset >= end) continue;
      EXPECT_EQ(found[producer], base_offset);
    }
  }

  // The log holds a part of what was written, unchanged, and its readers know all keys.
  void CheckAgainstModel(PartitionLog& from, std::int64_t cleaned_to) {
    const auto records = ReadAll(from);
    EXPECT_EQ(Fold(records), Fold(written, from.end_offset()));
    std::map<std::int64_t, const KeyedRecord*> kept;
    for (const auto& record : records) kept[record.offset] = &record;
    std::map<std::string, std::int64_t> latest, latest_cleaned;  // of all, and below cleaned_to
    for (const auto& record : written) {
      if (record.offset < from.end_offset()) latest[record.key] = record.offset;
      if (record.offset < cleaned_to) latest_cleaned[record.key] = record.offset;
    }
    for (const auto& record : written) {
      if (record.offset >= from.end_offset()) break;
      const bool may_go =
          !record.value && now_ms >= appended_at[record.offset] + delete_retention_ms;
      const bool is_latest = latest[record.key] == record.offset;
      if (const auto found = kept.find(record.offset); found != kept.end()) {
        EXPECT_EQ(*found->second, record);
        EXPECT_TRUE(record.offset >= cleaned_to || latest_cleaned[record.key] == record.offset)
            << "offset " << record.offset << " has a successor";
      } else {
        EXPECT_TRUE(!is_latest || may_go) << "offset " << record.offset << " is gone";
      }
    }
  }
  void CheckAgainstModel() { CheckAgainstModel(log(), log().cleaned_to()); }

  std::int64_t now_ms = 1'000'000;
  std::int64_t delete_retention_ms = 60'000;
  LastBatches last_batches;
  std::vector<KeyedRecord> written;
  std::map<std::int64_t, std::int64_t> appended_at;

 private:
  Manifest synced_;
  std::map<std::int64_t, std::int32_t> sequences_;
  int values_ = 0;
};

}  // namespace kronika::wal
