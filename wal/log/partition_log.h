// PartitionLog: the committed batches of one partition: in memory near the end, in segments below.
//
// Used from the loop of the worker that owns the partition. It knows record batches; nothing else
// of Kafka, and of Raft only that an entry has an index.
//
// 1. Offsets are dense and never cut at the end: only committed batches are appended.
// 2. Segments receive only what is also durable in this replica's own journal (SetDurable; SAFETY
//    A6).
// 3. What is in segments counts from the last manifest on as lost: it comes again from the journal
//    (A9). Nothing in a folder that the manifest does not name is read; it is removed before the
//    first write.
// 4. Making the object does no I/O; an empty partition has no file and no folder.
// 5. Every byte that a read returns from a segment was checked against its chunk's sum.
// 6. After a failed write the log takes appends and serves what it can, and writes nothing more:
//    failure() says why. It is made again from the last manifest, and applied again (D-7); today
//    by a new life of the broker (decision 0009).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "wal/log/compaction.h"
#include "wal/log/epochs.h"
#include "wal/log/manifest.h"
#include "wal/log/open_files.h"
#include "wal/record_reader.h"
#include "wal/tail.h"

namespace kronika::wal {

struct LogOptions {
  std::uint32_t segment_bytes = 1 << 30;
  std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;
  std::uint32_t index_interval_bytes = 4096;
  std::size_t chunk_bytes_min = 256 << 10;  // less waits for chunk_age or a checkpoint
  std::size_t chunk_bytes_max = 1 << 20;    // more only for one larger batch
  Duration chunk_age = std::chrono::minutes(10);
};

struct LogEnvironment {
  Loop& loop;
  Files& files;
  OpenFiles& open_files;
  TailCache& tail_cache;
};

// What a checkpoint puts into the manifest beside the log's own part; all of the state after entry
// `applied`.
struct CheckpointState {
  Index applied;
  Term applied_term;
  std::int64_t append_time_ms = 0;
  std::string replica;
  std::string producers;
};

struct LogCore;
class InstallReader;

class PartitionLog {
 public:
  // A log as `manifest` describes it; for a new partition a manifest without segments.
  PartitionLog(LogEnvironment environment, LogOptions options, Manifest manifest);
  // Operations under way end with kShutdown.
  ~PartitionLog();
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

  // The committed batch of entry `index`; its base offset is end_offset(). kCorruption: it is not.
  Status Append(Slice batch, Index index, std::int64_t append_time_ms);
  // Compaction left nothing up to `offset`; only where an install stages a compacted log.
  void SkipTo(std::int64_t offset);
  // A leader's first entry was applied: its epoch begins at end_offset().
  void BeginEpoch(std::int32_t epoch);
  // Entries up to `index` are durable in this replica's journal.
  void SetDurable(Index index);
  // A committed move of the log's start; never back, never beyond the end. Files stay until
  // retention exists.
  void SetLogStart(std::int64_t offset);
  void SetOptions(LogOptions options);
  // Whether consumers are likely to read what is appended from now on. What followers write is
  // rarely read, and without it the page cache holds three times as much of what is.
  void ExpectReads(bool expected);

  std::int64_t log_start_offset() const;
  std::int64_t end_offset() const;
  // Everything below is in segments, if not yet synced.
  std::int64_t written_offset() const;
  const LeaderEpochs& epochs() const;
  EpochEnd EndOfEpoch(std::int32_t epoch) const;
  const std::optional<Error>& failure() const;
  std::size_t pending_bytes() const;

  // What memory has from range.next_offset on, without waiting. As Tail::Read.
  bool ReadFromMemory(const ReadLimits& limits, BatchRange& range);
  // Batches from the one that holds `offset` on; none at the end. kInvalidArgument: outside of [log
  // start, end]; kCorruption: the segment is damaged (the owner fences the replica).
  void Read(std::int64_t offset, ReadLimits limits, Done<BatchRange> done);
  // The first record from the log start on with a timestamp >= `at_least`; none.
  void FindTimestamp(std::int64_t at_least, Done<std::optional<OffsetAndTimestamp>> done);
  // The first record with the largest timestamp; offset -1 in an empty log.
  void FindLargestTimestamp(Done<OffsetAndTimestamp> done);

  // Writes what waited long enough; the owner calls it now and then for logs with pending_bytes().
  void WriteAged();
  // Runs when no more than `bytes` wait to be written; for who appends faster than the disk takes.
  void WhenPendingBelow(std::size_t bytes, Done<void> done);
  // Writes, syncs and describes everything appended so far. kUnavailable: `state.applied` is not
  // durable in the journal yet; kBusy: a checkpoint is under way. The result is durable but for the
  // Kv store, where the caller puts it.
  void Checkpoint(CheckpointState state, Done<Manifest> done);
  // What compaction may and should do now.
  CleaningPlan PlanCompaction(const CompactionRules& rules, std::int64_t now_ms) const;
  // One pass (compaction.h). kBusy: one is under way, or its files are; kCorruption: this replica's
  // own segments are damaged; kUnsupported: there are records that cannot be read; other errors:
  // the pass is given up, to be tried again.
  void Compact(CompactionTask task, Done<CompactionOutcome> done);
  // Removes files of replaced segments that a reader held; to be called now and then.
  void SettleCompacted();
  // A pass is under way, or files of the last one are.
  bool compacting() const;
  // A pass that was given up put segments in place, and no durable manifest is known to name them.
  // A checkpoint that becomes durable is told by NoteDurable().
  bool awaits_durable() const;
  void NoteDurable();
  std::int64_t cleaned_to() const;
  std::int64_t removal_horizon() const;
  // Compares sizes, chunk sums and batches of all segments with the manifest and what was written
  // since. Tests ask; the scrubber of C8 will.
  void Verify(Done<void> done);
  // Writes index entries to the end of each segment (after a checkpoint) and lets go of the files.
  // A new log of the same folder is made only after this completed: a late write must not reach a
  // file that was cut.
  void Close(Done<void> done);
  // All that `manifest`, which a checkpoint of this log gave, describes, as a stream for an
  // InstallWriter.
  std::unique_ptr<InstallReader> OpenInstall(Manifest manifest);

 private:
  std::shared_ptr<LogCore> core_;
};

}  // namespace kronika::wal
