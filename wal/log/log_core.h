// LogCore: the state of a PartitionLog and its operations, one file per operation. Private to
// wal/log.
//
// Callbacks hold a shared_ptr to the core; once `closed` they end with kShutdown and touch nothing
// of the environment, which may be gone.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wal/log/cleaning_plan.h"
#include "wal/log/in_order.h"
#include "wal/log/partition_log.h"
#include "wal/log/segment.h"

namespace kronika::wal {

struct PendingBatch {
  Slice bytes;
  BatchHeader header;
  Index index;
  std::int64_t append_time_ms = 0;
  Instant since;
};

struct CheckpointRun {
  CheckpointState state;
  std::int64_t end_offset = 0;
  Manifest manifest;  // filled when everything below end_offset is written
  Done<Manifest> done;
};

// Segments that a compaction replaced, and what it made of them. Their files go, and the new one's
// get Kafka's names, when the new one's manifest is durable and nobody reads the old ones any more.
struct Replaced {
  std::vector<std::shared_ptr<Segment>> old;
  std::shared_ptr<Segment> fresh;  // none: nothing was left
  bool durable = false;
};

struct LogCore : std::enable_shared_from_this<LogCore> {
  LogCore(LogEnvironment environment, LogOptions options, Manifest manifest);

  // write_behind.cc: at most one of preparing, writing a chunk or the syncs of a checkpoint is
  // under way.
  void Pump();
  // The first thing that is done to the files in this life; `busy` meanwhile.
  void PrepareNow(Done<void> done);
  bool ChunkDue() const;
  void WriteChunk();
  void WriteTo(std::shared_ptr<Segment> segment, std::shared_ptr<File> file);
  bool MustRoll(const PendingBatch& next) const;
  std::size_t DurablePending() const;
  void ChunkWritten(const std::shared_ptr<Segment>& segment, const Slices& batches,
                    const std::shared_ptr<File>& file);
  // What was under way ended: the next, or who waits for it.
  void Idle();
  void Fail(Error error);
  void WakeDrained();

  // prepare.cc: before the first write the folder is made to hold what the manifest names and
  // nothing else.
  void Prepare(Done<void> done);
  void RemoveUnknownFiles(Done<void> done);
  bool Names(std::string_view file) const;
  void CutLastSegment(Done<void> done);
  void CutFile(SegmentFile file, std::uint64_t size, Done<void> done);
  void CheckIndex(SegmentFile file, std::shared_ptr<bool> rebuild, Done<void> done);
  void RebuildIndexes(std::size_t chunk, Done<void> done);

  // checkpoint.cc
  void SyncCheckpoint();
  void FinishCheckpoint(Result<Manifest> result);
  void WriteEpochs(Done<void> done);
  // A step of a closed log ends with kShutdown and touches nothing.
  void Guard(std::vector<Step>& steps);
  std::vector<Step> CloseSteps();
  void StartClose();
  void FinishClose(Status status, Done<void> done);
  // No operation touches the environment from now on. Whoever waits is told by the loop, or let go
  // of with it: nothing that waits stays here, because it may own this log.
  void Shut();

  // read.cc
  // The number of the segment whose offsets `offset` belongs to; the first for what lies below it.
  // Good for this turn: a compaction changes the list.
  std::size_t SegmentOf(std::int64_t offset) const;
  std::int64_t EndOfSegment(const Segment& segment) const;
  std::int64_t EndOfChunk(const Segment& segment, std::size_t chunk) const;
  void WithChunks(const std::shared_ptr<Segment>& segment, Done<void> done);
  void VerifyChunksFrom(std::shared_ptr<Segment> segment, std::size_t chunk, Done<void> done);

  // swap.cc: segments replaced by compacted ones.
  std::vector<SegmentFacts> Facts() const;
  // `run.old` are neighbours in `segments`, and not the last one. In force at once, for readers and
  // the next manifest.
  void Swap(Replaced run, std::int64_t tombstone_removed);
  // Every manifest from now on names what Swap put in force so far; they go as soon as they can.
  void ReplacedAreDurable();
  void SettleReplaced();
  void FinalNames(std::shared_ptr<Segment> segment, Done<void> done);

  // What streams that began earlier must know of a compaction (removal_horizon.h).
  void NoteRemoval(std::int64_t tombstone);
  bool StreamsOpen() const;

  // find_timestamp.cc
  void ClaimBehindLogStart(Done<std::int64_t> done);
  void FindLargest(std::int64_t claim, Done<OffsetAndTimestamp> done);

  LogEnvironment environment;
  LogOptions options;
  Manifest identity;  // group, generation, incarnation, directory, and what compaction did
  LeaderEpochs epochs;
  std::vector<EpochStart> epochs_on_disk;
  std::int64_t log_start_offset;
  std::int64_t end_offset;
  std::int64_t written_offset;
  Index last_index;
  Index durable;
  Tail tail;
  std::deque<PendingBatch> pending;
  std::size_t pending_bytes = 0;
  std::vector<std::shared_ptr<Segment>> segments;
  bool prepared = false;
  bool directory_synced;
  bool names_changed = false;  // files were created since the folder was synced
  bool expects_reads = false;  // of what is written next
  bool busy = false;
  bool closed = false;
  Done<void> close;           // set by Close, which begins when nothing is under way
  std::int64_t flush_to = 0;  // write at once up to this offset, however little it is
  std::optional<CheckpointRun> checkpoint;
  struct DrainWaiter {
    std::size_t bytes;
    Done<void> done;
  };
  std::vector<DrainWaiter> drain_waiters;
  std::optional<Error> failure;
  bool sparse_appends = false;  // an install of a compacted log: offsets are skipped
  std::deque<Replaced> replaced;
  bool settling = false;  // files of the first of `replaced` are being removed or renamed
  bool compacting = false;
  std::vector<std::weak_ptr<std::int64_t>> removals_seen;  // by streams under way, each its horizon
};

inline std::unexpected<Error> ShutDown() {
  return kronika::Fail(ErrorCode::kShutdown, "the log was closed");
}

}  // namespace kronika::wal
