// The inside of the Journal: its state, cut by task into journal.cc (the public calls), commit.cc
// (the writing), read.cc and rewrite.cc.
//
// Called on the journal's loop. One group commit is under way at a time; everything else waits in
// `queue`.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "wal/journal/journal.h"
#include "wal/journal/journal_files.h"
#include "wal/journal/position_index.h"
#include "wal/journal/room.h"
#include "wal/journal/write_queue.h"

namespace kronika::wal {

// A group commit that was handed to the disk.
struct CommitUnderWay {
  ChosenWrites writes;
  CommitHeader header;
  std::vector<DirectoryEntry> directory;
  std::optional<CheckpointMark> checkpoint;
  bool seal = false;
  Instant since;
};

struct QueuedCheckpoint {
  CheckpointMark mark;
  Done<void> done;
};

// Neighbouring records that one read fetches.
struct PlaceRun {
  std::size_t count = 0;  // of the places, from the first
  std::uint64_t from = 0;
  std::size_t size = 0;
};
// `places` are of one file and not empty; the run is of whole blocks and takes at least one place.
PlaceRun PlanRun(std::span<const PlacedEntry> places);
// The entry at `placed` out of a run's bytes; its payload shares them. kCorruption.
Result<JournalEntry> ExtractEntry(const PlacedEntry& placed, const PlaceRun& run,
                                  const Slice& bytes);

struct Journal::Impl : std::enable_shared_from_this<Journal::Impl> {
  Impl(Loop& loop_in, Files& files_in, Log& log_in, JournalOptions options_in)
      : loop(loop_in),
        log(log_in),
        options(std::move(options_in)),
        files(loop, files_in, log, options) {}

  // --- commit.cc ---
  void Wake();  // a group commit begins in this turn of the loop, if none is under way
  void BeginCommit();
  void WriteCommit(ChosenWrites writes, std::optional<CheckpointMark> checkpoint, bool seal);
  void OnWritten(Status status);
  void OnDurable(CommitUnderWay commit);
  void PlaceEntries(const CommitUnderWay& commit);
  void FailAll(const Error& error);
  void FailCheckpoint(Error error);
  void ArmSeal();
  void OnIdle();
  void FinishClose();
  void Recycle(JournalPosition position);
  void TakeNextFile();
  QueueRoom Room() const;
  RoomRules Rules() const;
  std::uint64_t CurrentRoom() const;
  std::uint64_t TotalRoom() const { return CurrentRoom() + files.free_bytes(); }
  // Of one group commit that leaves `kept`.
  std::size_t CommitRoom(std::uint64_t kept) const;
  // What moving every needed entry out of the files takes, now and when the current one is full.
  std::uint64_t MovingBytes() const;
  std::vector<JournalFileUse> LiveFiles() const;
  bool HasRoomFor(std::size_t entry_bytes) const;
  void WriteOpened(Done<void> done);
  // Every life begins a file, and lives that end before they wrote much free none: more files are
  // live than there are to be, and this life has recorded no checkpoint of its own.
  bool LivesPiledUp() const;

  // --- read.cc ---
  struct ReadUnderWay;
  void StartRead(std::shared_ptr<ReadUnderWay> read);
  void ContinueRead(std::shared_ptr<ReadUnderWay> read);
  void TakeRead(ReadUnderWay& read, Result<Slice> bytes);
  void RetryWaitingReads();

  // --- rewrite.cc ---
  struct RewriteUnderWay;
  void ContinueRewrite(std::shared_ptr<RewriteUnderWay> rewrite);
  void QueueRewritten(const std::shared_ptr<RewriteUnderWay>& rewrite, const Slice& bytes);
  void EndRewrite(std::shared_ptr<RewriteUnderWay> rewrite, Status status);
  bool MovingFreesEnough() const;

  // Runs `function` later unless this is gone by then.
  template <class Function>
  auto Guarded(Function function) {
    return [weak = weak_from_this(), function = std::move(function)](auto... result) mutable {
      if (const auto self = weak.lock()) function(*self, std::move(result)...);
    };
  }
  void Answer(Done<void> done, Status status) {
    loop.Post([done = std::move(done), status = std::move(status)]() mutable {
      done(std::move(status));
    });
  }

  Loop& loop;
  Log& log;
  const JournalOptions options;
  JournalFiles files;
  PositionIndex index;
  WriteQueue queue;
  std::optional<QueuedCheckpoint> checkpoint;
  std::optional<CommitUnderWay> under_way;
  bool wake_posted = false;
  bool completing = false;  // completions run: what they append goes into one group commit

  // The chain's end.
  std::uint64_t open_epoch = 0;
  std::uint64_t sequence = 0;
  std::uint32_t previous_crc = 0;
  std::uint64_t checkpoint_id = 0;
  std::uint64_t checkpoint_id_at_open = 0;  // the journal's or the store's, whichever is higher
  bool sealed = false;                      // the last group commit is a seal

  std::uint32_t last_ticket = 0;
  std::uint64_t commits = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_since_checkpoint = 0;
  std::optional<Error> failure;
  TimerId seal_timer;
  bool seal_armed = false;
  std::uint64_t commits_at_arming = 0;
  bool closing = false;
  std::vector<Done<void>> close_done;
  std::deque<std::shared_ptr<ReadUnderWay>> waiting_reads;  // for entries that are not durable yet
  bool rewriting = false;
};

}  // namespace kronika::wal
