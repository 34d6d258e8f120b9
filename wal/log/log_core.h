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

struct LogCore : std::enable_shared_from_this<LogCore> {
  LogCore(LogEnvironment environment, LogOptions options, Manifest manifest);

  // write_behind.cc: at most one of preparing, writing a chunk or the syncs of a checkpoint is
  // under way.
  void Pump();
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
  std::size_t SegmentOf(std::int64_t offset) const;
  std::int64_t EndOfSegment(std::size_t number) const;
  std::int64_t EndOfChunk(std::size_t segment, std::size_t chunk) const;
  void WithChunks(std::size_t segment, Done<void> done);
  void VerifyChunksFrom(std::size_t segment, std::size_t chunk, Done<void> done);

  // find_timestamp.cc
  void ClaimBehindLogStart(Done<std::int64_t> done);
  void FindLargest(std::int64_t claim, Done<OffsetAndTimestamp> done);

  LogEnvironment environment;
  LogOptions options;
  Manifest identity;  // group, generation, incarnation, directory, removal horizon of the manifest
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
};

inline std::unexpected<Error> ShutDown() {
  return kronika::Fail(ErrorCode::kShutdown, "the log was closed");
}

}  // namespace kronika::wal
