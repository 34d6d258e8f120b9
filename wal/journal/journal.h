// Journal: the one durable log of all groups of a data directory: a chain of group commits in
// recycled files.
//
// Called on one loop. Nothing here blocks; completions run on that loop, never inside the call.
// 1. Writes are taken in call order. `done` of a write runs when it and all writes of the same
//    group before it are durable, and completions come in that order. While one group commit is
//    being written everything that arrives joins the next one; there is no timer. What a removal
//    of the group overtakes in the queue is not written, and done when the removal is durable.
// 2. A failed write or sync is final: nothing of it is acknowledged, and everything later fails
//    with its error.
// 3. No block that holds acknowledged bytes is written again before a checkpoint passed it (R3,
//    R4).
// 4. Entries above ReleaseTo() stay readable; below it until their file is written again.
// 5. As much room as moving every needed entry out of the oldest files takes is kept for that, and
//    beside it some for checkpoints, for what they wait for, and for votes, the metadata group and
//    no-ops (room.h, SAFETY B11). Admit() refuses what would not leave it.
//
// A checkpoint, in this order (SAFETY A5): from = CheckpointStart(); make durable whatever was
// applied; ReleaseTo() per group; RewriteForward() if OldestIsPinned(); P =
// CheckpointPosition(from); store (id, P) durably; Checkpoint({id, P}).
//
// Source: docs/formats.md, "The journal"; SAFETY A1, A2, A5, A7, A11, B5, B11, E.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "wal/journal/options.h"
#include "wal/journal/records.h"
#include "wal/journal/verdict.h"

namespace kronika::wal {

// What the owner knows before the journal is opened.
struct JournalBase {
  CheckpointMark mark;               // what the store of the checkpoints holds
  std::map<GroupId, Index> applied;  // per manifest; entries up to there are not returned
};

struct JournalStatus {
  std::uint64_t open_epoch = 0;
  std::uint64_t sequence = 0;  // of the last durable group commit
  std::uint64_t checkpoint_id = 0;
  std::uint64_t commits = 0;  // since open; as many syncs
  std::uint64_t bytes_written = 0;
  std::uint64_t files = 0, files_free = 0, files_recycled = 0;
  std::uint64_t bytes_total = 0,
                bytes_free = 0;        // of all files; not written since their last recycling
  std::uint64_t bytes_unreleased = 0;  // of entries above ReleaseTo()
  std::uint64_t bytes_moving = 0;      // of the free ones: kept to move entries forward (room.h)
  std::uint64_t writes_waiting = 0;
  // When the write under way was handed to the disk; none: nothing is under way (SAFETY B5).
  std::optional<Instant> write_since;
  std::optional<Error> failure;
};

struct EntryRange {
  Index first, last;  // inclusive
  std::size_t bytes_max = 0;
};

struct OpenedJournal;

// What a journal runs on; all outlive it.
struct JournalSeams {
  Loop& loop;
  Files& files;
  Log& log;
};

class Journal {
 public:
  // Reads the journal, decides what it is worth, and begins a new open epoch in a new file.
  // kFenced: rolled back (the directory returns under a new UUID); kNoSpace: no room for the first
  // files; kIo. Damage to acknowledged bytes is no error here: OpenedJournal.verdict names it, and
  // the owner fences the groups concerned.
  static void Open(JournalSeams seams, JournalOptions options, JournalBase base,
                   Done<OpenedJournal> done);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // kInvalidArgument: an entry is larger than options.EntryBytesMax() (nothing was taken).
  void Append(JournalWrite write, Done<void> done);
  // Entries first..last, fewer where bytes_max is reached (at least one) or they are not durable
  // yet; kNotFound below FirstReadable() and above the last; kCorruption if the bytes no longer
  // match.
  void Read(GroupId group, EntryRange range, Done<std::vector<JournalEntry>> done);
  Index FirstReadable(GroupId group) const;
  // Nothing at or below `index` is needed for recovery once the next checkpoint is durable.
  void ReleaseTo(GroupId group, Index index);

  // Whether `bytes` more of entries fit, so that everything that is needed then can still be moved
  // (room.h); kBusy if not.
  Status Admit(std::size_t bytes) const;

  // Everything before the returned position was taken by Append before this call.
  JournalPosition CheckpointStart() const;
  // The position a checkpoint begun at `start` may name: not above anything that is still needed.
  JournalPosition CheckpointPosition(JournalPosition start) const;
  // Whether enough was written since the last checkpoint: a quarter of the journal, 256 MiB at
  // most, or a sixteenth when it is short of files; or whether lives that ended early have left
  // more files than options.files, until this life has recorded a checkpoint.
  bool WantsCheckpoint() const;
  // Fewer than three files are free, and a checkpoint may free some.
  bool ShortOfFiles() const;
  // Records a checkpoint that the store holds durably, then frees the files wholly below its
  // position.
  void Checkpoint(CheckpointMark mark, Done<void> done);

  // Whether a checkpoint of this position frees a file.
  bool Frees(JournalPosition position) const;
  // Whether only unapplied entries keep the oldest file from being recycled.
  bool OldestIsPinned() const;
  // Writes the entries that pin the oldest file again, at the end (SAFETY A7). kBusy while the last
  // such call is under way, and when nearly everything in the journal is needed, so that moving it
  // would free nothing.
  void RewriteForward(Done<void> done);

  // Waits for everything taken, seals, and takes nothing more.
  void Close(Done<void> done);
  JournalStatus status() const;
  // How the journal's disk access is bounded and named; the options it was opened with.
  const JournalOptions& options() const;

 private:
  friend class JournalOpening;
  struct Impl;
  explicit Journal(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // completions under way hold it weakly
};

struct OpenedJournal {
  std::unique_ptr<Journal> journal;
  std::map<GroupId, RecoveredLog> groups;
  JournalVerdict verdict;
};

}  // namespace kronika::wal
